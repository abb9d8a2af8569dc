// One command from a live Redis to its twin in the DR region.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import zlib from 'node:zlib';

import {
	EVERY_TYPE_KEYS, EXIT, Job, Redis, everyType, shopData, tempDir, tool,
} from './harness.mjs';

async function twins(t, sourceOpts = {}, targetOpts = {}) {
	const [source, target] = await Promise.all(
		[Redis.start(t, sourceOpts), Redis.start(t, targetOpts)]);
	return new Job(t, { source, target });
}

async function assertTwins(job) {
	assert.equal(await job.target.digest(), await job.source.digest());
	assert.equal(await job.target.keys(), await job.source.keys());
	assert.deepEqual(await job.target.functions(),
		await job.source.functions());
	assert.match(await job.target.cli('info', 'replication'),
		/role:master/);
}

for (const way of ['replica', 'restore']) {
	test(`every type arrives by '${way}'`, async (t) => {
		const job = await twins(t);
		await job.source.pipe(everyType());
		const r = await job.ok('sync', '--restorer', way);
		await assertTwins(job);
		assert.equal(await job.target.cli('pexpiretime', 'expiring'),
			await job.source.cli('pexpiretime', 'expiring'));
		assert.equal(await job.target.cli('-n', '15', 'hget', 'last',
			'database'), '15');
		assert.match(await job.target.cli('xpending', 'stream', 'group'),
			/^1\n2-1\n2-1\nreader\n1$/);

		assert.equal(r.state, 'done');
		assert.equal(r.snapshot.data.keys, EVERY_TYPE_KEYS + 2);
		assert.equal(r.snapshot.data.functions, 1);
		assert.deepEqual(r.snapshot.data.dbs.map((d) => [d.db, d.keys]),
			[[0, EVERY_TYPE_KEYS], [3, 1], [15, 1]]);
		assert.equal(r.snapshot.source.way, 'sync');
		assert.equal(r.snapshot.source.consistent, true);
		assert.equal(r.import.way, way);
		assert.equal(r.import.keys, EVERY_TYPE_KEYS + 2);
		assert.equal(r.import.replaced, false);
		assert.equal(r.comparison.same, true);
		for (const step of ['snapshot', 'copy', 'import', 'compare'])
			assert.ok(r.steps_ms[step] >= 0, step);
	});

	test(`a shop of 40,000 keys arrives by '${way}'`, async (t) => {
		const job = await twins(t);
		await job.source.pipe(await shopData(20));
		const r = await job.ok('sync', '--restorer', way);
		await assertTwins(job);
		assert.ok(r.snapshot.data.keys > 40000);
		assert.equal(r.comparison.compared, r.snapshot.data.keys);
	});
}

test('a run goes over what the last one imported', async (t) => {
	const job = await twins(t);
	await job.source.pipe(everyType());
	const first = await job.ok('sync');
	await job.source.cli('del', 'hash');
	await job.source.cli('set', 'since', 'then');
	const second = await job.ok('sync', '--restorer', 'restore');
	await assertTwins(job);
	assert.equal(await job.target.cli('exists', 'hash'), '0');
	assert.equal(second.import.replaced, true);
	assert.notEqual(first.snapshot.id, second.snapshot.id);
	await job.source.cli('set', 'since', 'again');
	await job.ok('sync', '--restorer', 'replica');
	await assertTwins(job);
	for (const region of ['source', 'dr'])
		assert.equal((await job.list(region)).length, 3);
});

test('an empty Redis is a snapshot too', async (t) => {
	const job = await twins(t);
	const r = await job.ok('sync');
	assert.equal(r.snapshot.data.keys, 0);
	assert.equal(r.comparison.same, true);
});

test('without leave nothing is imported', async (t) => {
	const job = await twins(t);
	await job.source.pipe(everyType());
	const r = await job.ok('sync', '--import', 'never');
	assert.match(r.import_skipped, /'import' is 'never'/);
	assert.equal(await job.target.keys(), 0);
	assert.equal((await job.list('dr')).length, 1);
});

test('step by step is the same as at once', async (t) => {
	const job = await twins(t);
	await job.source.pipe(everyType());
	const taken = await job.ok('snapshot');
	assert.equal((await job.list('dr')).length, 0);
	const copied = await job.ok('copy');
	assert.equal(copied.snapshot.id, taken.snapshot.id);
	assert.equal(copied.copy.there_already, false);
	assert.equal((await job.ok('copy')).copy.there_already, true);
	await job.ok('verify', '--deep', '--in', 'dr');
	// What the source region holds is not needed any more.
	await job.source.stop();
	fs.rmSync(job.west, { recursive: true });
	const r = await job.ok('restore', taken.snapshot.id.slice(0, 18));
	assert.equal(r.comparison.same, true);
	assert.equal(await job.target.keys(), EVERY_TYPE_KEYS + 2);
});

test('other programs read the part that was stored', async (t) => {
	const job = await twins(t);
	await job.source.pipe(everyType());
	for (const [codec, expand] of [
		['gzip', (p) => zlib.gunzipSync(fs.readFileSync(p))],
		['zstd', (p) => tool('sh', ['-c', `zstd -dc '${p}' >'${p}.rdb'`])
			.then(() => fs.readFileSync(`${p}.rdb`))],
		['none', (p) => fs.readFileSync(p)],
	]) {
		const { snapshot } = await job.ok('snapshot', '--codec', codec);
		assert.equal(snapshot.dump.codec, codec);
		const part = path.join(job.snapshotDir(snapshot.id),
			snapshot.parts[0].name);
		const rdb = path.join(tempDir(t), 'dump.rdb');
		fs.writeFileSync(rdb, await expand(part));
		assert.equal(fs.statSync(rdb).size, snapshot.dump.raw_bytes);
		assert.match(await tool('redis-check-rdb', [rdb]),
			/RDB looks OK/);
		const seen = await job.ok('inspect', rdb);
		assert.equal(seen.all.keys, EVERY_TYPE_KEYS + 2);
	}
});

test('codecs, levels and small parts all come back', async (t) => {
	const job = await twins(t);
	await job.source.pipe(await shopData(5));
	for (const args of [
		['--codec', 'zstd'], ['--codec', 'zstd', '--level', '9'],
		['--codec', 'none'], ['--level', '6'],
		['--part-max', '200KiB'],
		['--part-max', '100KiB', '--codec', 'zstd'],
	]) {
		const r = await job.ok('sync', ...args);
		assert.equal(r.comparison.same, true, args.join(' '));
		if (args.includes('--part-max'))
			assert.ok(r.snapshot.parts.length > 2, args.join(' '));
		await job.ok('verify', '--deep', '--in', 'dr');
		await assertTwins(job);
	}
});

test('a snapshot of a file is one of its data', async (t) => {
	const job = await twins(t);
	await job.source.pipe(everyType());
	await job.source.cli('save');
	const file = path.join(job.source.dir, 'dump.rdb');
	const from = job.source;
	job.source = undefined;
	const r = await job.ok('sync', '--source-file', file);
	assert.equal(r.snapshot.source.way, 'file');
	assert.equal(await job.target.digest(), await from.digest());
});

test('what could not be parsed is never copied unasked', async (t) => {
	const job = await twins(t);
	await job.source.pipe(everyType());
	await job.source.cli('save');
	const file = path.join(job.source.dir, 'dump.rdb');
	const bytes = fs.readFileSync(file);
	bytes.write('0099', 5);
	const future = path.join(job.dir, 'future.rdb');
	fs.writeFileSync(future, bytes);
	const taken = async (dump) => {
		job.source = undefined;
		return (await job.ok('snapshot', '--source-file', dump)).snapshot;
	};
	const { id } = await taken(future);
	const json = await job.run('copy', '--json');
	assert.equal(json.code, EXIT.REFUSED, json.stderr);
	const { error, snapshot } = JSON.parse(json.stdout);
	assert.equal(error.kind, 'refused');
	assert.match(error.text, /no verified snapshot/);
	assert.equal(snapshot.dump.verified, false);
	await job.fails(EXIT.REFUSED, new RegExp(`drsync copy ${id}`), 'copy');
	assert.equal((await job.list('dr')).length, 0);
	const named = await job.run('copy', id);
	assert.equal(named.code, EXIT.DONE, named.stderr);
	assert.match(named.stdout, /^ {2}verified +NO/m);

	const good = await taken(file);
	const newer = await taken(future);
	const r = await job.run('copy');
	assert.equal(r.code, EXIT.DONE, r.stderr);
	assert.match(r.stdout, new RegExp(good.id));
	assert.match(r.stderr, new RegExp(`unverified.*${newer.id}`));
});

test('what changes during a snapshot is in it or not, never half', async (t) => {
	const job = await twins(t, { 'rdb-key-save-delay': 100 });
	await job.source.pipe(await shopData(5));
	await job.source.cli('mset', 'twin:a', '0', 'twin:b', '0');
	const running = job.start('sync', '--json');
	let done = false;
	running.ended.then(() => { done = true; });
	for (let i = 1; !done; i++)
		await job.source.cli('mset', 'twin:a', i, 'twin:b', i);
	const r = await running.ended;
	assert.equal(r.code, 0, r.stderr);
	assert.equal(await job.target.cli('get', 'twin:a'),
		await job.target.cli('get', 'twin:b'));
	assert.equal(JSON.parse(r.stdout).comparison.same, true);
});
