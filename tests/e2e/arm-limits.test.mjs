// What an Azure Redis could not take is found out before it is asked to, and
// how complete its export is known to be; and an export of several files goes
// into Redis of any make.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { Cluster } from './cluster.mjs';
import { EXIT, Redis, tempDir, until } from './harness.mjs';
import {
	assertNothingLent, assertSame, oneDb, twoRegions,
} from './two_caches.mjs';

const SYNC = ['--import', 'after-each-sync'];

// One key, whose value is a module's: its id, and then nothing.
function moduleDump(t) {
	const file = path.join(tempDir(t), 'dump.rdb');
	fs.writeFileSync(file, Buffer.concat([
		Buffer.from('REDIS0010'), Buffer.from([0xfe, 0, 7, 1]),
		Buffer.from('k'), Buffer.from('81c3e4a1b2d4f50401', 'hex'),
		Buffer.from([0, 0xff]), Buffer.alloc(8)]));
	return file;
}

test('what has no room, or lacks a module, deletes nothing', async (t) => {
	const { azure, azurite, job, source, target, from, to } =
		await twoRegions(t, { plain: true });
	await target.cli('set', 'theirs', '1');
	const old = await target.digest();
	await source.pipe(oneDb());
	await source.cli('debug', 'populate', '2000', 'k', '4000');
	const sync = (...args) => ['sync', ...args, ...to, ...SYNC,
		'--overwrite-target', `127.0.0.1:${target.port}`];

	await target.cli('config', 'set', 'maxmemory', '4mb');
	await job.fails(EXIT.FAILED, new RegExp('\'dr/default\': the snapshot ' +
		'needs about \\d+ MiB, and its maxmemory leaves 4 MiB for data'),
	...sync(...from));
	await target.cli('config', 'set', 'maxmemory', '0');

	const file = ['--source-file', moduleDump(t)];
	await job.fails(EXIT.FAILED, /and no module is loaded there/,
		...sync(...file));
	assert.equal(await target.digest(), old);
	assert.equal(azure.asked('Databases_Import').length, 0);
	await assertNothingLent(azurite);
});

// Of an odd number of servers, so that the database's own digest stays.
async function digest(nodes) {
	const digests = await Promise.all(nodes.map((n) => n.digest()));
	return digests.reduce((sum, d) => sum ^ BigInt(`0x${d}`), 0n);
}

test('an export of three files goes into a cluster, and into one Redis',
	async (t) => {
		const { job, source, from } =
			await twoRegions(t, { files: 3, plain: true });
		await source.pipe(oneDb());
		await source.cli('debug', 'populate', '3000', 'k', '30');
		job.target = undefined;
		const done = await job.ok('sync', ...from);
		assert.equal(done.snapshot.format, 4);
		assert.equal(done.snapshot.shards.length, 3);

		const cluster = job.target = await Cluster.start(t);
		const into = await job.ok('restore');
		assert.equal(into.import.way, 'restore');
		assert.equal(into.comparison.same, true);
		assert.equal(await cluster.keys(), await source.keys());
		assert.equal(await digest(cluster.primaries),
			await digest([source]));
		for (const p of cluster.primaries)
			assert.deepEqual(await p.functions(), await source.functions());

		const one = job.target = await Redis.start(t);
		assert.equal((await job.ok('restore')).import.way, 'restore');
		await assertSame(source, one);

		job.target = undefined;
		const { id } = done.snapshot;
		for (const other of [source, cluster, one]) {
			const told = await job.ok('compare', '--in', 'dr',
				...job.stores, ...job.drStore, id, other.url);
			assert.equal(told.verdict, 'same');
		}
		await source.cli('set', 'later', '1');
		const r = await job.run('compare', '--json', '--in', 'dr',
			...job.stores, ...job.drStore, id, source.url);
		assert.equal(r.code, EXIT.CORRUPT, r.stderr);
		assert.deepEqual(JSON.parse(r.stdout).keys.map((k) => k.key),
			['later']);
	});

const hideStatus = (azure) => {
	for (const what of ['operationsStatus', 'operationResults'])
		azure.deny(`Microsoft.Cache/locations/${what}/read`);
};

test('how complete an export is known to be stands in its manifest',
	async (t) => {
		const { azure, azurite, job, source, from } =
			await twoRegions(t, { files: 3, plain: true });
		await source.cli('debug', 'populate', '3000', 'k', '30');
		const keys = (m) => [m.source.complete, m.source.keys_before,
			m.source.keys_after];
		const first = await job.ok('snapshot', ...from);
		assert.deepEqual(keys(first.snapshot),
			['told', undefined, undefined]);

		// Its keys are counted where its address is known.
		job.source = source;
		const told = await job.ok('snapshot', ...from);
		assert.deepEqual(keys(told.snapshot), ['told', 3000, 3000]);
		hideStatus(azure);
		const settle = ['--arm-settle', '1s'];
		const r = await job.run('snapshot', ...from, ...settle);
		assert.equal(r.code, 0, r.stderr);
		assert.match(r.stdout, /complete +NOT told: the Redis was ready again/);
		assert.match(r.stdout, /counted +3,000 keys before .*, 3,000 after/);
		assert.equal((await job.list())[0].complete, 'seen');

		// A change that is another's is taken for the export's end.
		azure.script('Databases_Export', { operation: { hold: 'half' } },
			{ times: 1 });
		const early = job.start('snapshot', ...from, ...settle);
		await until('a file is there', () =>
			azure.holds('Databases_Export'));
		const looks = azure.asked('Databases_Get').length;
		await until('it was seen to be busy', () =>
			azure.asked('Databases_Get').length > looks + 1);
		const { operations } = azure;
		operations.of = () => undefined;
		const done = await early.ended;
		assert.equal(done.code, EXIT.CORRUPT, done.stderr);
		assert.match(done.stderr, new RegExp('the export holds \\d+ keys, ' +
			'and the Redis had 3000 before it and 3000 after it: a file ' +
			'may be missing'));
		delete operations.of;
		azure.release();
		await until('it ends', () => operations.running.size === 0);
		assert.equal((await job.list()).length, 3);
		await job.ok('snapshot', ...from, ...settle);
		await assertNothingLent(azurite);
	});

test('what was counted before a killed agent\'s export is known to the next',
	async (t) => {
		const { azure, job, source, from } =
			await twoRegions(t, { plain: true });
		await source.cli('debug', 'populate', '300', 'k', '30');
		job.source = source;
		azure.script('Databases_Export', { operation: { hold: 'end' } });
		const first = job.start('snapshot', ...from);
		await until('the export goes on', () =>
			azure.asked('OperationsStatus_Get').length > 1);
		first.child.kill('SIGKILL');
		await first.ended;
		azure.release();
		await source.cli('set', 'later', '1');
		const { snapshot } = await job.ok('snapshot', ...from);
		assert.equal(snapshot.source.keys_before, 300);
		assert.equal(snapshot.source.keys_after, 301);
		assert.equal(azure.asked('Databases_Export').length, 1);
	});

test('an import that is said to have ended well, and lacks keys, is none',
	async (t) => {
		const { azure, azurite, job, source, target, from, to } =
			await twoRegions(t, { plain: true });
		await source.pipe(oneDb());
		azure.script('Databases_Import', { operation: { hold: 'end' } },
			{ times: 1 });
		const sync = job.start('sync', ...from, ...to, ...SYNC);
		await until('all is loaded', () => azure.holds('Databases_Import'));
		const keys = Number(await target.keys());
		await target.cli('del', await target.cli('randomkey'));
		azure.release();
		const { code, stderr } = await sync.ended;
		assert.equal(code, EXIT.CORRUPT, stderr);
		assert.match(stderr, new RegExp(`the Redis holds ${keys - 1} keys ` +
			`of the snapshot's ${keys}`));
		await assertNothingLent(azurite);
		await job.ok('restore', ...to, '--overwrite-target',
			`127.0.0.1:${target.port}`);
		await assertSame(source, target);
	});

test('Premium reaches storage by its own identity', async (t) => {
	const { azure, azurite, job, source, target, from, to } =
		await twoRegions(t, { plain: true });
	for (const [account, region] of Object.entries({ west: 'westus2',
		north: 'northeurope' }))
		azure.accounts[account] = { region, key: azurite.keys[account] };
	const [west, dr] = [['west', source, 'westus2'], ['dr', target,
		'northeurope']].map(([name, redis, region]) => azure.addPremium({
		name, region, redis: [redis], redisVersion: '7.0',
		identity: true }));
	const premium = (args) => [args[0],
		args[1].replace('redisEnterprise', 'redis')];
	const both = [...premium(from), ...premium(to),
		'--source-resource-auth', 'identity', '--target-resource-auth',
		'identity', '--dr-store-subscription', azure.subscription];
	await source.pipe(oneDb());
	await job.ok('sync', ...both, ...SYNC);
	await assertSame(source, target);
	const [exported] = azure.asked('Redis_ExportData');
	const [imported] = azure.asked('Redis_ImportData');
	for (const { body } of [exported, imported]) {
		assert.equal(body['preferred-data-archive-auth-method'],
			'ManagedIdentity');
		assert.doesNotMatch(JSON.stringify(body), /sig=/);
	}
	assert.equal(imported.body['storage-subscription-id'],
		azure.subscription);
	assert.equal(exported.body['storage-subscription-id'], undefined);
	assert.ok(west.identity && dr.identity);
	await assertNothingLent(azurite);
	await job.fails(EXIT.USAGE, /only a Premium cache can/, 'snapshot',
		...from, '--source-resource-auth', 'identity');
});

test('versions and rights are asked for as the settings have them',
	async (t) => {
		const { azure, job, source, from } =
			await twoRegions(t, { plain: true });
		await source.cli('set', 'k', 'v');
		azure.enterprise[0].exportPermissions = 'rwdl';
		await job.fails(EXIT.FAILED, /lacks permissions: 'l'/, 'snapshot',
			...from);
		await job.ok('snapshot', ...from, '--export-permissions', 'rwdl',
			'--api-version-redis-enterprise', '2023-11-01');
		assert.match(azure.asked('Databases_Export').at(-1).url,
			/api-version=2023-11-01$/);
	});
