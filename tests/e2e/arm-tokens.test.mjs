// Tokens that end, or are refused before their end, while an operation, an
// upload or a copy goes on: another one is fetched, and nothing is done twice.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { startAzure } from '../sim/azure/azure.mjs';
import { Redis, testCa, until } from './harness.mjs';
import { Regions } from './regions.mjs';
import {
	assertNothingLent, assertSame, oneDb, twoRegions,
} from './two_caches.mjs';

const SYNC = ['--import', 'after-each-sync'];
const STORAGE = /^https:\/\/storage\.azure\.com/;
const ARM = /127\.0\.0\.1|^https:\/\/management\./;

const issued = (azure, audience) => azure.tokens.issued.filter((i) =>
	audience.test(i.audience));

const refusals = (azure) => azure.log.filter((e) => e.service === 'arm' &&
	e.status === 401).map((e) => e.operation);

describe('tokens', { concurrency: 3 }, () => {
	test('they live for less than the operations', async (t) => {
		const { azure, azurite, job, source, target, from, to } =
			await twoRegions(t, { byIdentity: true });
		await source.pipe(oneDb());
		azure.tokens.lifetime = 2;
		for (const what of ['Databases_Export', 'Databases_Import'])
			azure.script(what, { operation: { hold: 'half' } });
		const sync = job.start('sync', ...from, ...to, ...SYNC);
		for (const what of ['Databases_Export', 'Databases_Import']) {
			await until('it goes on', () => azure.holds(what));
			const [last] = issued(azure, ARM).slice(-1);
			await until('its token has ended, and the next was shown',
				() => azure.log.at(-1).at > last.expires_ms);
			azure.release();
		}
		const done = await sync.ended;
		assert.equal(done.code, 0, done.stderr);
		await assertSame(source, target);
		await assertNothingLent(azurite);
		assert.equal(azure.asked('Databases_Import').length, 1);
		assert.ok(issued(azure, STORAGE).length > 2);
	});

	test('one is revoked while the import goes on', async (t) => {
		const { azure, job, source, target, from, to } =
			await twoRegions(t, { plain: true });
		await source.pipe(oneDb());
		azure.script('Databases_Import', { operation: { polls: 3 } });
		azure.script('OperationsStatus_Get',
			{ meanwhile: () => azure.tokens.revoke() }, { nth: 5 });
		await job.ok('sync', ...from, ...to, ...SYNC);
		await assertSame(source, target);
		assert.deepEqual(refusals(azure), ['OperationsStatus_Get']);
		assert.equal(issued(azure, ARM).length, 2);
		assert.equal(azure.asked('Databases_Import').length, 1);
	});

	// What was refused for its token was not done: it is asked for again.
	test('one is revoked when the import is asked for', async (t) => {
		const { azure, job, source, target, from, to } =
			await twoRegions(t, { plain: true });
		await source.pipe(oneDb());
		azure.script('Databases_Import',
			{ meanwhile: () => azure.tokens.revoke() });
		await job.ok('sync', ...from, ...to, ...SYNC);
		await assertSame(source, target);
		assert.deepEqual(azure.asked('Databases_Import').map((e) =>
			e.status), [401, 202]);
	});

	test('one is revoked while the stores are used', async (t) => {
		const ca = await testCa(t);
		const azure = await startAzure(t);
		const [regions, source, target] = await Promise.all([
			Regions.start(t, { ca,
				isRevoked: (token) => azure.tokens.isRevoked(token) }),
			Redis.start(t), Redis.start(t)]);
		await source.pipe(oneDb());
		const job = regions.job(t, { source, target });
		job.env = azure.env.vm;
		job.args = ['--ca-file', ca.ca];
		for (const stores of [job.stores, job.drStore])
			stores.splice(2);
		for (const [what, on, by] of [
			['a part is uploaded', 'west PutBlock *part-*'],
			['a part is committed', 'west PutBlockList *part-*'],
			['a part is copied', 'north *FromUrl *part-*'],
			['a part is read, to be copied', 'west GetBlob', 'north'],
			['the state is written', 'north PutBlockList */state.json'],
		])
			await t.test(`when ${what}`, async () => {
				const from = [azure.tokens.issued.length,
					regions.blobs.log.length];
				const rule = regions.blobs.script(on,
					{ meanwhile: () => azure.tokens.revoke() }, { by });
				await job.ok('sync', ...SYNC);
				assert.equal(rule.spoiled, 1);
				assert.equal(azure.tokens.issued.length - from[0], 2);
				assert.ok(regions.blobs.log.slice(from[1])
					.some((e) => e.status === 401));
				await assertSame(source, target);
			});
		await job.assertListedIsGood();
	});
});
