// main.mjs CONFIG.json: the stand-in as a program, until it is told to end.
//
// CONFIG has the options of startAzure() (azure.mjs), and lists of enterprise,
// premium, identities, profiles, zones, stores, vaults and script, each of what
// addEnterprise() and so on take.  When all of it answers, one line of JSON
// says where: {urls, env, subscription, tenant, identities}.
import fs from 'node:fs';

import { startAzure } from './azure.mjs';
import { listenControl } from './control.mjs';

const config = JSON.parse(fs.readFileSync(process.argv[2]));
const { enterprise = [], premium = [], identities = [], script = [],
	profiles = [], zones = [], stores = [], vaults = [], ...opts } = config;
const azure = await startAzure(null, opts);
enterprise.forEach((c) => azure.addEnterprise(c));
premium.forEach((c) => azure.addPremium(c));
identities.forEach((i) => azure.addIdentity(i));
profiles.forEach((p) => azure.addProfile(p));
zones.forEach((z) => azure.addZone(z));
for (const store of stores)
	await azure.addStore(store);
for (const vault of vaults)
	await azure.addVault(vault);
for (const { on, fault, ...when } of script)
	azure.script(on, fault, when);
const control = await listenControl(azure);

async function stop() {
	control.stop();
	await azure.stop();
}
process.once('SIGTERM', stop);
process.once('SIGINT', stop);

const { urls, env, subscription, tenant } = azure;
console.log(JSON.stringify({ urls: { ...urls, control: control.url }, env,
	subscription, tenant, identities: azure.identities }));
