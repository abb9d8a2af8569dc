// A part of a source, taken in each way: the keys that were asked for, as they
// are there, and a snapshot that nobody takes for the whole.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { Cluster } from './cluster.mjs';
import { EXIT, Job, Redis, everyType } from './harness.mjs';

const SCAN = ['--source-way', 'scan', '--allow-inconsistent', 'yes'];

// Every type, in databases 0, 3 and 15, and users with and without sessions.
async function pair(t) {
	const [source, target] = await Promise.all(
		[Redis.start(t), Redis.start(t)]);
	await source.pipe([...everyType(), ['SELECT', 0],
		...Array.from({ length: 300 }, (_, i) =>
			['HSET', `user:${i}`, 'name', `user number ${i}`]),
		...Array.from({ length: 300 }, (_, i) =>
			['SET', `session:${i}`, i, 'EX', 600 * (i + 1)])]);
	return new Job(t, { source, target });
}

// The values of these keys, encodings aside.
function values(redis, keys) {
	return redis.cli('debug', 'digest-value', ...keys);
}

async function keysOf(redis) {
	return (await redis.cli('keys', '*')).split('\n').sort();
}

for (const way of ['replica', 'restore']) {
	test(`a part arrives by '${way}', and is called one`, async (t) => {
		const job = await pair(t);
		const filter = ['--restorer', way, '--filter-db', '0',
			'--filter-key', 'user:1*,stream,zset*',
			'--filter-not-key', '*5', '--filter-functions', 'no'];
		const wanted = (await keysOf(job.source)).filter((k) =>
			/^(user:1|stream$|zset)/.test(k) && !k.endsWith('5'));
		const all = await job.source.keys();
		assert.ok(wanted.length > 90);

		const r = await job.ok('sync', ...filter);
		assert.deepEqual(await keysOf(job.target), wanted);
		assert.equal(await job.target.keys(), wanted.length);
		assert.equal(await values(job.target, wanted),
			await values(job.source, wanted));
		assert.deepEqual(await job.target.functions(), []);
		assert.equal(r.import.way, way);
		assert.equal(r.comparison.same, true);
		assert.equal(r.snapshot.format, 3);
		assert.equal(r.snapshot.data.keys, wanted.length);
		assert.deepEqual(r.snapshot.filter, {
			rules: { dbs: '0', keys: 'user:1*,stream,zset*',
				not_keys: '*5', functions: 'no' },
			left_out: { keys: all - wanted.length, module_data: 0 },
		});

		// What was imported is the job's own, and may be replaced by it.
		await job.source.cli('hset', 'user:11', 'name', 'another');
		const again = await job.run('sync', ...filter);
		assert.equal(again.code, EXIT.DONE, again.stderr);
		assert.match(again.stdout, /filtered +a PART of the source/);
		assert.equal(await values(job.target, wanted),
			await values(job.source, wanted));
		for (const s of await job.list('dr'))
			assert.equal(s.filtered, true);
		const list = await job.run('list');
		assert.match(list.stdout, / verified\n +filtered: a PART of its source$/m);
		await job.target.cli('set', 'beside', 'x');
		await job.fails(EXIT.REFUSED, /has changed since/, 'sync',
			...filter);
	});
}

test('each way of taking it gives the same part', async (t) => {
	const job = await pair(t);
	const filter = ['--filter-type', 'hash,list', '--filter-not-db', '15'];
	const sync = (await job.ok('snapshot', ...filter)).snapshot;
	const scan = (await job.ok('snapshot', ...SCAN, ...filter)).snapshot;
	assert.equal(sync.data.keys, scan.data.keys);
	assert.deepEqual(Object.keys(sync.data.kinds), ['list', 'hash']);
	assert.equal(scan.source.way, 'scan');
	const dump = path.join(job.dir, 'dump.rdb');
	await job.source.cli('save');
	fs.copyFileSync(path.join(job.source.dir, 'dump.rdb'), dump);
	job.source = undefined;
	const file = (await job.ok('snapshot', '--source-file', dump,
		...filter)).snapshot;
	const parts = [sync, scan, file];
	for (const s of parts)
		assert.deepEqual(s.filter, sync.filter);
	for (const s of parts.slice(1)) {
		const r = await job.run('compare', ...job.stores,
			'--in', 'source', sync.id, s.id);
		assert.equal(r.code, EXIT.DONE, r.stdout + r.stderr);
	}
});

// Its values are not asked for; it is counted all the same.
test('a scan leaves unread what its name, database or type rules out',
	async (t) => {
		const job = await pair(t);
		for (const [filter, keys] of [
			[['--filter-key', 'user:1*', '--filter-db', '0'], 111],
			[['--filter-type', 'hash', '--filter-not-key', 'user:*'], 3],
			[['--filter-not-db', '0-14'], 1]]) {
			await job.source.cli('config', 'resetstat');
			const scan = (await job.ok('snapshot', ...SCAN, ...filter))
				.snapshot;
			const asked = /cmdstat_dump:calls=(\d+)/.exec(
				await job.source.cli('info', 'commandstats'));
			assert.equal(scan.data.keys, keys);
			assert.equal(Number(asked[1]), keys);
			const sync = (await job.ok('snapshot', ...filter)).snapshot;
			assert.deepEqual(scan.filter, sync.filter);
			assert.equal(scan.data.functions, sync.data.functions);
		}
	});

test('keys are taken by the time that they have left', async (t) => {
	const job = await pair(t);
	for (const [ttl, keys] of [['with', 301], ['..1h', 6], ['10h..', 242],
		['1h..10h', 54]]) {
		const { snapshot } = await job.ok('snapshot', '--filter-ttl', ttl);
		// The source's clock went on since they were set.
		assert.ok(Math.abs(snapshot.data.keys - keys) <= 1,
			`${ttl}: ${snapshot.data.keys} of ${keys}`);
		assert.equal(snapshot.data.keys, snapshot.data.expiring);
	}
	const { snapshot } = await job.ok('snapshot', '--filter-ttl', 'without');
	assert.equal(snapshot.data.expiring, 0);
	assert.equal(snapshot.filter.left_out.keys, 301);
});

test('a part is never the latest, but for its own job', async (t) => {
	const job = await pair(t);
	const full = (await job.ok('sync', '--import', 'never')).snapshot;
	const part = (await job.ok('sync', '--import', 'never', '--filter-key',
		'user:*')).snapshot;
	const r = await job.run('restore');
	assert.equal(r.code, EXIT.DONE, r.stderr);
	assert.match(r.stdout, new RegExp(full.id));
	assert.match(r.stderr, /another part of the keys and is passed over/);
	assert.equal(await job.target.digest(), await job.source.digest());
	assert.match((await job.run('show')).stdout, new RegExp(full.id));

	const named = await job.run('restore', part.id);
	assert.equal(named.code, EXIT.DONE, named.stderr);
	assert.match(named.stderr, /holds a PART of the keys only: \d+ were left/);
	assert.equal(await job.target.keys(), 300);

	job.env = { DRSYNC_FILTER_KEYS: 'user:*' };
	const own = await job.run('restore');
	assert.equal(own.code, EXIT.DONE, own.stderr);
	assert.match(own.stdout, new RegExp(part.id));
	assert.doesNotMatch(own.stderr, /PART of the keys only/);
	job.env = { DRSYNC_FILTER_KEYS: 'cart:*' };
	await job.fails(EXIT.FAILED, /no snapshot by its own filter/, 'restore');
	await job.fails(EXIT.FAILED, /no snapshot by its own filter/, 'copy');
});

test('of a whole snapshot a part is loaded, and noted as none', async (t) => {
	const job = await pair(t);
	const { snapshot } = await job.ok('sync');
	const filter = ['--filter-key', 'user:*', '--filter-functions', 'no'];
	await job.fails(EXIT.FAILED, new RegExp(`name it`), 'restore', ...filter);
	const users = (await keysOf(job.source)).filter((k) =>
		k.startsWith('user:'));

	const r = await job.run('restore', snapshot.id, ...filter);
	assert.equal(r.code, EXIT.DONE, r.stderr);
	assert.match(r.stderr, /only what the filter takes is loaded/);
	assert.match(r.stdout, /loaded +300 keys by 'restore'/);
	assert.match(r.stdout, /left out +3\d\d keys, which the filter/);
	assert.match(r.stdout, /compared +the same: 300 keys compared/);
	assert.match(r.stdout, /next import +has to be allowed/);
	assert.deepEqual(await keysOf(job.target), users);
	assert.equal(await values(job.target, users),
		await values(job.source, users));
	assert.deepEqual(await job.target.functions(), []);

	await job.fails(EXIT.REFUSED, /--overwrite-target/, 'sync');
	await job.fails(EXIT.REFUSED, /--overwrite-target/, 'restore');
	const again = await job.ok('restore', snapshot.id, ...filter,
		'--overwrite-target', job.target.name);
	assert.equal(again.import.keys, 300);
	assert.equal(again.import.unwanted, snapshot.data.keys - 300);
	await job.fails(EXIT.FAILED, /it is 'restore'/, 'restore', snapshot.id,
		...filter, '--restorer', 'replica', '--overwrite-target',
		job.target.name);
	await job.ok('sync', '--overwrite-target', job.target.name);
	assert.equal(await job.target.digest(), await job.source.digest());
});

test('of a cluster a part of each shard is taken', async (t) => {
	const source = await Cluster.start(t, { replicas: 0 });
	const target = await Redis.start(t);
	const job = new Job(t, { source, target });
	const name = (i) => [`user:${i}`, `cart:${i}`];
	await source.pipe(Array.from({ length: 200 }, (_, i) => name(i)).flat()
		.map((k) => ['SET', k, `value of ${k}`]));
	const r = await job.ok('sync', '--filter-key', 'cart:*', '--restorer',
		'restore');
	assert.equal(r.snapshot.format, 3);
	assert.equal(r.snapshot.shards.length, 3);
	assert.equal(r.snapshot.data.keys, 200);
	assert.equal(r.snapshot.filter.left_out.keys, 200);
	assert.equal(r.comparison.same, true);
	assert.equal(await target.keys(), 200);
	assert.equal(await target.cli('get', 'cart:77'), 'value of cart:77');
	const verified = await job.run('verify', '--deep', r.snapshot.id);
	assert.equal(verified.code, EXIT.DONE, verified.stderr);
});

test('what is no filter is told before anything is read', async (t) => {
	const job = new Job(t, { source: { url: 'redis://127.0.0.1:1' } });
	await job.fails(EXIT.USAGE, /'filter.dbs': 'all' is no database/,
		'snapshot', '--filter-db', 'all');
	await job.fails(EXIT.USAGE, /'filter.ttl': '5' is no TTL/, 'snapshot',
		'--filter-ttl', '5');
	await job.fails(EXIT.USAGE, /none of: string, list/, 'snapshot',
		'--filter-not-type', 'strings');
});
