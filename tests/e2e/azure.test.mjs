// The same on Azure Blob storage, as Azurite has it: two accounts, and
// Microsoft's own SDK as a witness.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import zlib from 'node:zlib';

import { Azurite } from './azurite.mjs';
import {
	EXIT, Redis, everyType, shopData, tempDir, tool, until,
} from './harness.mjs';

async function twins(t) {
	const [source, target, azurite] = await Promise.all(
		[Redis.start(t), Redis.start(t), Azurite.start(t)]);
	return { job: azurite.job(t, { source, target }), azurite };
}

test('a sync between two accounts, copied by the service', async (t) => {
	const { job, azurite } = await twins(t);
	await job.source.pipe(await shopData(20));
	const { snapshot, copy, comparison } = await job.ok('sync');
	assert.equal(comparison.same, true);
	assert.equal(copy.streamed, false);
	assert.equal(await job.target.digest(), await job.source.digest());
	await job.assertListedIsGood();

	const part = `shop/${snapshot.id}/${snapshot.parts[0].name}`;
	for (const account of ['west', 'north']) {
		const names = await azurite.names(account);
		assert.ok(names.includes(part), names.join());
		const manifest = JSON.parse(await azurite.readText(account,
			`shop/${snapshot.id}/manifest.json`));
		assert.deepEqual(manifest, snapshot);
		const coded = await azurite.read(account, part);
		assert.equal(coded.length, snapshot.parts[0].bytes);
		const rdb = path.join(tempDir(t), 'dump.rdb');
		fs.writeFileSync(rdb, zlib.gunzipSync(coded));
		assert.match(await tool('redis-check-rdb', [rdb]),
			/RDB looks OK/);
	}
	await job.source.cli('set', 'more', '1');
	await job.ok('sync', '--restorer', 'restore');
	assert.equal(await job.target.digest(), await job.source.digest());
});

test('a SAS instead of a key, and a prefix', async (t) => {
	const { job, azurite } = await twins(t);
	await job.source.pipe(everyType());
	job.env = {
		WEST: azurite.sas('west', 'racwdl'),
		NORTH: azurite.sas('north', 'racwdl'),
		READ: azurite.sas('north', 'rl'),
	};
	job.stores = ['--store', azurite.store('west', 'dumps/deep/er'),
		'--store-sas', 'env:WEST'];
	job.drStore = ['--dr-store', azurite.store('north', 'dumps/dr'),
		'--dr-store-sas', 'env:NORTH'];
	const { snapshot, copy } = await job.ok('sync');
	assert.equal(copy.streamed, false);
	assert.ok((await azurite.names('north')).includes(
		`dr/shop/${snapshot.id}/manifest.json`));
	// What may only be read can be verified, and not written.
	job.drStore[3] = 'env:READ';
	await job.ok('verify', '--deep', '--in', 'dr');
	await job.fails(EXIT.AUTH, /./, 'sync');
	job.drStore[3] = 'env:NORTH';
	await job.ok('check');
});

test('sealed, in small parts, by other codecs', async (t) => {
	const { job } = await twins(t);
	await job.source.pipe(await shopData(5));
	job.env.KEY = 'ab'.repeat(32);
	for (const args of [
		['--cipher-key', 'env:KEY', '--part-max', '300KiB'],
		['--codec', 'zstd'], ['--codec', 'none', '--in-flight', '1'],
	]) {
		await job.ok('sync', ...args);
		assert.equal(await job.target.digest(), await job.source.digest());
	}
});

test('wrong keys, and containers that are not there', async (t) => {
	const { job, azurite } = await twins(t);
	await job.source.pipe(everyType());
	const first = await job.ok('sync');
	job.env.BAD = Buffer.alloc(64, 7).toString('base64');
	const { stores, drStore } = job;
	job.stores = [...stores.slice(0, 3), 'env:BAD'];
	const once = (r, store) => assert.equal(
		r.stderr.split(store[1]).length, 2, r.stderr);
	once(await job.fails(EXIT.AUTH,
		/AuthorizationFailure|AuthenticationFailed/, 'sync'), stores);
	await job.fails(EXIT.AUTH, /./, 'list', '--in', 'source');
	job.stores = stores;
	job.drStore = [...drStore.slice(0, 3), 'env:BAD'];
	once(await job.fails(EXIT.AUTH, /./, 'sync'), drStore);
	job.drStore = ['--dr-store', azurite.store('north', 'nowhere'),
		'--dr-store-key', 'env:NORTH'];
	once(await job.fails(EXIT.FAILED, /ContainerNotFound/, 'sync'),
		job.drStore);
	await job.fails(EXIT.FAILED, /nowhere/, 'list', '--in', 'dr');
	job.drStore = drStore;
	await job.ok('verify', '--in', 'dr', first.snapshot.id);
	await job.ok('sync');
});

test('damage in the DR account reaches no target', async (t) => {
	const { job, azurite } = await twins(t);
	await job.source.pipe(everyType());
	const { snapshot } = await job.ok('sync');
	const before = await job.target.digest();
	const name = `shop/${snapshot.id}/${snapshot.parts[0].name}`;
	const blob = azurite.container('north').getBlockBlobClient(name);
	const bytes = await azurite.read('north', name);
	const bad = Buffer.from(bytes);
	bad[bad.length >> 1] ^= 1;
	for (const harm of [bad, bytes.subarray(0, -1), Buffer.alloc(0)]) {
		await blob.uploadData(harm);
		await job.fails(EXIT.CORRUPT, /part-0000/, 'verify');
		await job.fails(EXIT.CORRUPT, /part-0000/, 'restore');
		assert.equal(await job.target.digest(), before);
	}
	await blob.delete();
	await job.fails(EXIT.CORRUPT, /part-0000/, 'restore');
	assert.equal(await job.target.digest(), before);
});

test('two runs on one container do not overlap', async (t) => {
	const { job, azurite } = await twins(t);
	await job.source.pipe(everyType());
	job.source.proc.child.kill('SIGSTOP');
	const first = job.start('sync', '--quiet');
	await until('the first run has the lease', async () => {
		const names = await azurite.names('north');
		if (!names.includes('shop/run.lock'))
			return false;
		const p = await azurite.container('north')
			.getBlobClient('shop/run.lock').getProperties();
		return p.leaseState === 'leased';
	});
	await job.fails(EXIT.LOCKED, /./, 'sync');
	first.child.kill('SIGTERM');
	assert.equal((await first.ended).code, EXIT.INTERRUPTED);
	job.source.proc.child.kill('SIGCONT');
	await job.ok('sync');
});

test('kill -9 leaves nothing that is listed and cannot be restored',
	async (t) => {
		const { job } = await twins(t);
		await job.source.pipe(await shopData(10));
		const from = performance.now();
		const { snapshot } = await job.ok('sync');
		const whole = performance.now() - from;
		for (let i = 0; i < 8; i++) {
			const running = job.start('sync', '--quiet');
			const timer = setTimeout(() => running.child.kill('SIGKILL'),
				whole * (i + 0.5) / 8);
			await running.ended;
			clearTimeout(timer);
			for (const region of ['source', 'dr'])
				assert.ok((await job.list(region)).some((s) =>
					s.id === snapshot.id));
		}
		await job.assertListedIsGood();
		await job.ok('sync');
		assert.equal(await job.target.digest(), await job.source.digest());
	});
