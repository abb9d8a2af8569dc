// two_caches.mjs -- two Redis that Azure runs, in two regions, and a job of
// theirs; the stand-in for Azure is in front of them.
import assert from 'node:assert/strict';

import { startAzure } from '../sim/azure/azure.mjs';
import { Azurite } from './azurite.mjs';
import { Redis, everyType, testCa } from './harness.mjs';
import { Regions } from './regions.mjs';

// One database: what Managed Redis has.
export const oneDb = () => everyType().filter((c) => c[0] !== 'SELECT');

// Two caches, each with an account in its region, and a job of theirs.  With
// "apart" each account is in a stand-in of its own (regions.mjs).
export async function twoRegions(t, {
	files = 1, byIdentity, plain, apart, sim,
} = {}) {
	const ca = plain ? undefined : await testCa(t);
	const [azurite, source, target] = await Promise.all([
		apart ? Regions.start(t, { ca })
			: Azurite.start(t, { ca, oauth: byIdentity }),
		Redis.start(t), Redis.start(t)]);
	const azure = await startAzure(t, { ca, retryAfter: 1, ...sim,
		accounts: { west: { region: 'westus2' },
			north: { region: 'northeurope' } } });
	azure.addEnterprise({ name: 'west', region: 'westus2', redis: [source],
		files });
	azure.addEnterprise({ name: 'dr', region: 'northeurope',
		redis: [target] });
	t.after(() => {
		assert.deepEqual(azure.violations, []);
		assert.deepEqual(azure.unfair, []);
		assert.deepEqual(azure.broken, []);
	});
	const job = azurite.job(t, { target });
	if (byIdentity) {
		job.stores = job.stores.slice(0, 2);
		job.drStore = job.drStore.slice(0, 2);
	}
	Object.assign(job.env, azure.env.vm);
	job.args = ['--endpoint-arm', azure.urls.arm,
		...ca ? ['--ca-file', ca.ca] : []];
	const id = (name) => `/subscriptions/${azure.subscription}/` +
		'resourceGroups/rg1/providers/Microsoft.Cache/redisEnterprise/' +
		name;
	const from = ['--source-resource', id('west')];
	const to = ['--target-resource', id('dr')];
	return { azure, azurite, job, source, target, from, to };
}

const containers = async (azurite, account) => {
	const names = [];
	for await (const c of azurite.account(account).listContainers())
		names.push(c.name);
	return names;
};

// Nothing that was lent is left in either account.
export async function assertNothingLent(azurite) {
	for (const account of ['west', 'north'])
		assert.deepEqual(await containers(azurite, account), ['dumps']);
}

export async function assertSame(source, target) {
	assert.equal(await target.digest(), await source.digest());
	assert.deepEqual(await target.functions(), await source.functions());
}
