// azure.mjs -- a stand-in for Azure: its Resource Manager in front of real
// redis-servers, and the endpoints that give identities their tokens.
//
//	const azure = await startAzure(t, { ca, accounts, ... });
//	azure.addEnterprise({ name: 'west', region: 'westus2', redis: [r] });
//	azure.addPremium({ name: 'north', region: 'northeurope', redis: [r] });
//
// t: a test, at whose end all is taken away; null: azure.stop() does it.
// Options, all of which have defaults:
//	ca		{ca, cert, key}: files, for https where the real service
//			has it; without it all is plain http
//	subscription, tenant
//	accounts	by name, what a cache knows of storage accounts: {region,
//			subscription, firewall: true, key}; the key stands for what a
//			cache's managed identity may
//	tokenLifetime	seconds
//	polls		looks at an operation before it can show as ended (2)
//	retryAfter	seconds, beside a 202 and a status (1); undefined: none
//	urlBytes	of an operation's URLs (6000)
//	nesting		of an operation's error, by its URL: {operationsStatus:
//			'error.error', asyncOperations: 'error'}
//	arcDir		for the files that Arc's challenges name
//	armAudiences	what the tokens for ARM may be for
//
// azure.env, what a program finds in each kind of place: {vm, appService, arc}
// are environments; azure.urls: {arm, login, imds, appService, arc}, and those
// of stores and vaults by their name.  Keys of Arc lie in azure.arcDir.
//
// A cache's redis is a list of servers, each with {port} and, where it has
// them, {host, user, password, ca}; those of tests/e2e/harness.mjs fit.  They
// are of the version that is installed here, and the user may do all: what a
// managed Redis refuses to clients is for the test to take from another.  One
// of them alone, a cluster's primaries, or servers that share the slots
// evenly.  An export makes one file a server, or as many as the cache's
// "files" says.  With "entra: true" its servers take, as AUTH OBJECT-ID TOKEN,
// the tokens that were asked for from then on for Redis.  What else a cache
// has, is in the defaults of enterprise.mjs and premium.mjs, and tests may
// change it at any time:
//	azure.enterprise[0].provisioningState = 'Updating'
//
// Levers: azure.addProfile({name, endpoints: [{type: 'ExternalEndpoints',
// name, target, priority}]}) of Traffic Manager; azure.addZone({name, kind:
// 'public' | 'private', records: {NAME: {cname, ttl}}}); await azure.addStore({
// name, values: {KEY: VALUE}}) of App Configuration, and await azure.addVault({
// name, secrets: {NAME: VALUE}}), which have a url of their own.
//
// Identities: at the start there is the machine's own.  azure.identities is a
// list of {kind: 'system' | 'user' | 'app', clientId, objectId, resourceId}; of
// an app also secret, certificate (PEM) and federated: {issuer, subject,
// publicKey}.  azure.addIdentity() fills in what is not given.
//
// What goes wrong: azure.script(on, fault, {nth, times}).  "on" is as in
// script.mjs.  A fault is one of
//	{status, code, message, retryAfter, body, headers}	answered instead
//	{lost: 'request'}	the connection is reset, and nothing was done
//	{lost: 'answer'}	it was done, and then the connection is reset
//	{stall: true}		no answer comes
//	{operation: plan}	it is accepted, and goes as the plan says:
//		polls, retryAfter	as above
//		hold: 'start' | 'half' | 'end'	until azure.release(); whether it
//				has come there tells azure.holds('Databases_Import')
//		endless: true	it never shows as ended
//		fails: {code, message}, at: 'start' | 'half' | 'end'
//		status: 'Canceled'	what a failed one is called
//		nesting: 'error' | 'error.error'
//		resultStatus	of what stands behind Location, when it failed
//		leaves: {...}	what the cache is when it has ended
//		location: false, asyncOperation: false	a header lacks
//	{headers}		it is done, and answered with these as well
//	{meanwhile: async (call) => ...}	done before it is; then as ever
//	{afterwards: async (call) => ...}	done when it is, before the answer
// A scripted 429 stands until its Retry-After has passed.
// azure.deny(action, {objectId, resource}) takes a right away, which lists of
// permissions show, too; azure.allow() gives all back; azure.tokens.revoke()
// ends all tokens there are.
//
// What was asked: azure.log, azure.asked(operation, resource) of it (where an
// entry has "early", it came before its Retry-After had passed),
// azure.violations (requests that do not have the shape the service wants) and
// azure.unfair (answers of ours which do not; both should be empty in the
// end), azure.broken (errors of the stand-in's own).
import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import tls from 'node:tls';

import {
	ConfigStore, appConfig, keyValues, sayAppConfig,
} from './app_config.mjs';
import { arm, sayArm } from './arm.mjs';
import { authorization } from './authorization.mjs';
import { dnsZones } from './dns_zones.mjs';
import { enterprise, newEnterprise } from './enterprise.mjs';
import { entra, sayEntra } from './entra.mjs';
import { EntraUsers } from './entra_users.mjs';
import { Face } from './face.mjs';
import { appService, arc, imds, sayIdentity } from './identity.mjs';
import { Vault, keyVault } from './key_vault.mjs';
import { Specs } from './openapi.mjs';
import { Operations } from './operations.mjs';
import { newPremium, premium } from './premium.mjs';
import { Routes } from './routes.mjs';
import { Script } from './script.mjs';
import { Tokens } from './tokens.mjs';
import { trafficManager } from './traffic_manager.mjs';

const DEFAULTS = {
	polls: 2, retryAfter: 1, urlBytes: 6000, accounts: {},
	nesting: { operationsStatus: 'error.error', asyncOperations: 'error' },
	armAudiences: ['https://management.azure.com/',
		'https://management.core.windows.net/'],
};

// One of tests/e2e/harness.mjs tells its CA among its options.
const serverOf = (r) => ({
	host: r.host, port: r.port, user: r.user, password: r.password,
	ca: r.ca ?? r.opts?.['tls-ca-cert-file'],
});

class Azure {
	constructor(opts) {
		this.opts = { ...DEFAULTS, ...opts };
		this.subscription = opts.subscription ?? randomUUID();
		this.tenant = opts.tenant ?? randomUUID();
		Object.assign(this, {
			accounts: this.opts.accounts, enterprise: [], premium: [],
			profiles: [], zones: [], stores: [], vaults: [],
			identities: [], denied: [], log: [], broken: [], faces: [],
			urls: {}, rules: new Script(), specs: Specs.load(),
			tokens: new Tokens({ tenant: this.tenant,
				lifetime: opts.tokenLifetime }),
		});
		this.operations = new Operations(this);
		this.users = new EntraUsers(() =>
			[...this.enterprise, ...this.premium]);
		this.dir = fs.mkdtempSync(path.join(os.tmpdir(), 'drsync-az-'));
		this.arcDir = opts.arcDir ?? this.dir;
		this.addIdentity({ kind: 'system' });
	}

	async #face(name, files, serve, say, ca) {
		const face = await Face.listen(this, { name, serve, say, ca,
			routes: new Routes(...files) });
		this.faces.push(face);
		this.urls[name] = face.url;
		return face.url;
	}

	async listen() {
		const { ca } = this.opts;
		if (ca)
			tls.setDefaultCACertificates([...tls.getCACertificates(),
				fs.readFileSync(ca.ca, 'utf8')]);
		const header = randomUUID();
		await this.#face('arm', ['redisenterprise.json', 'redis.json',
			'trafficmanager.json', 'dns.json', 'privatedns.json',
			'appconfiguration.json', 'authorization.json'],
		arm(this, { ...enterprise, ...premium, ...trafficManager,
			...dnsZones, ...keyValues, ...authorization }), sayArm, ca);
		const admitting = (serve) => async (call) => {
			const answer = serve(call);
			await this.users.admit(this.tokens);
			return answer;
		};
		await this.#face('login', ['entra.json'], admitting(entra(this)),
			sayEntra, ca);
		await this.#face('imds', ['imds.json'], admitting(imds(this)),
			sayIdentity);
		await this.#face('appService', ['appservice.json'],
			admitting(appService(this, header)), sayIdentity);
		await this.#face('arc', ['arc.json'],
			admitting(arc(this, this.arcDir)), sayIdentity);
		this.env = {
			vm: { AZURE_POD_IDENTITY_AUTHORITY_HOST: this.urls.imds },
			appService: {
				IDENTITY_ENDPOINT: `${this.urls.appService}/msi/token`,
				IDENTITY_HEADER: header,
			},
			arc: {
				IDENTITY_ENDPOINT:
					`${this.urls.arc}/metadata/identity/oauth2/token`,
				IMDS_ENDPOINT: this.urls.arc,
			},
		};
	}

	#cache(opts) {
		return { subscription: this.subscription, ...opts,
			redis: opts.redis.map(serverOf) };
	}

	addEnterprise(opts) {
		this.enterprise.push(newEnterprise(this.#cache(opts)));
		return this.enterprise.at(-1);
	}

	addPremium(opts) {
		this.premium.push(newPremium(this.#cache(opts)));
		return this.premium.at(-1);
	}

	#id(type, name) {
		return `/subscriptions/${this.subscription}/resourceGroups/rg1/` +
			`providers/${type}/${name}`;
	}

	addProfile({ name, endpoints }) {
		this.profiles.push({
			name, id: this.#id('Microsoft.Network/trafficManagerProfiles',
				name),
			endpoints: endpoints.map((e) => ({ endpointStatus: 'Enabled',
				weight: 1, checked: true, endpointLocation: 'North Europe',
				...e })),
		});
		return this.profiles.at(-1);
	}

	addZone({ name, kind = 'public', records = {} }) {
		const type = kind === 'public' ? 'dnsZones' : 'privateDnsZones';
		this.zones.push({
			name, kind, id: this.#id(`Microsoft.Network/${type}`, name),
			records: Object.fromEntries(Object.entries(records).map(
				([n, r]) => [n, { ttl: 30, etag: randomUUID(), ...r }])),
		});
		return this.zones.at(-1);
	}

	async addStore({ name, values = {} }) {
		const store = new ConfigStore(this.#id(
			'Microsoft.AppConfiguration/configurationStores', name), name);
		for (const [key, value] of Object.entries(values))
			store.put(key, undefined, { value });
		store.url = await this.#face(name, ['appconfig-data.json'],
			appConfig(this, store), sayAppConfig, this.opts.ca);
		this.stores.push(store);
		return store;
	}

	async addVault({ name, secrets }) {
		const vault = new Vault(name, secrets);
		vault.url = await this.#face(name, ['keyvault-data.json'],
			keyVault(this, vault), sayArm, this.opts.ca);
		this.vaults.push(vault);
		return vault;
	}

	addIdentity(opts) {
		const name = opts.name ?? 'machine';
		this.identities.push({
			clientId: randomUUID(), objectId: randomUUID(),
			resourceId: `/subscriptions/${this.subscription}/` +
				'resourceGroups/rg1/providers/Microsoft.ManagedIdentity/' +
				`userAssignedIdentities/${name}`, ...opts,
		});
		return this.identities.at(-1);
	}

	managed() {
		return this.identities.filter((i) => i.kind !== 'app');
	}

	script(on, fault, when) {
		return this.rules.add(on, fault, when);
	}

	deny(action, { objectId, resource } = {}) {
		this.denied.push({ action, objectId, resource });
	}

	allow() {
		this.denied = [];
	}

	// Whether one of that name has come to where its plan holds it up.
	holds(kind) {
		return [...this.operations.all.values()].some((op) =>
			op.kind === kind && op.holding);
	}

	release() {
		this.operations.release();
	}

	// Of the log, what was asked for, by names as in script().
	asked(operation, resource) {
		return this.log.filter((e) => e.operation === operation &&
			(!resource || Object.values(e.parameters).includes(resource)));
	}

	get violations() {
		return this.log.filter((e) => e.violation)
			.map((e) => `${e.method} ${e.url}: ${e.violation.join('; ')}`);
	}

	get unfair() {
		return this.specs?.unfair ?? [];
	}

	async stop() {
		await Promise.all(this.faces.map((f) => f.stop()));
		await this.operations.settled();
		this.users.stop();
		fs.rmSync(this.dir, { recursive: true, force: true });
	}
}

export async function startAzure(t, opts = {}) {
	const azure = new Azure(opts);
	t?.after(() => azure.stop());
	await azure.listen();
	return azure;
}
