// versions.test.mjs -- servers of other versions and of the other family, as
// sources and as targets.  Debian has Redis 7.0; scripts/setup brings Redis
// 6.2 and Valkey 9.1.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { EXIT, Job, Redis, Redis62, Valkey, noServers, until } from
	'./harness.mjs';

const VERSIONS = { 'Redis 6.2': Redis62, 'Redis 7.0': Redis, 'Valkey 9.1': Valkey };

// What all of them know; each type small, as they pack it, and large.
const DATA = [
	['SET', 'string', 'x'.repeat(300)], ['SET', 'number', '-12'],
	['SET', 'brief', '1', 'PX', '86430000'],
	['RPUSH', 'list', 'a', '7', 'c'.repeat(100)],
	['SADD', 'ints', '1', '2', '300000'], ['SADD', 'words', 'a', 'b'],
	['HSET', 'hash', 'f', 'v', 'n', '5'],
	['ZADD', 'zset', '1.5', 'a', '-inf', 'b', '3', 'c'],
	['XADD', 'stream', '1-1', 'f', 'v'], ['XADD', 'stream', '2-1', 'f', 'w'],
	['XGROUP', 'CREATE', 'stream', 'group', '0'],
	['XREADGROUP', 'GROUP', 'group', 'me', 'COUNT', '1', 'STREAMS', 'stream', '>'],
	...Array.from({ length: 600 }, (_, i) => [
		['RPUSH', 'list:large', `${i}${'y'.repeat(40)}`],
		['SADD', 'set:large', `m${i}`], ['HSET', 'hash:large', `f${i}`, i],
		['ZADD', 'zset:large', i / 7, `m${i}`],
		['XADD', 'stream:large', `${i + 1}-0`, 'n', i],
	]).flat(),
	['SELECT', '3'], ['SET', 'elsewhere', 'yes'],
];

const lines = (text) => text.split('\n');
const pairs = (text, value = String) => lines(text).flatMap((v, i, all) =>
	i % 2 ? [] : [`${v}=${value(all[i + 1])}`]);
const short = (text) => text.length < 100 ? text
	: createHash('sha256').update(text).digest('hex');

// What a client sees of it: drsync has no part in this.  Versions print one
// score differently, so it is a number here.
async function seen(r) {
	const out = {};
	const put = async (key, view, ...command) => {
		out[key] = short(String(view(await r.cli(...command))));
	};
	const same = (text) => text;
	for (const k of ['string', 'number', 'brief'])
		await put(k, same, 'get', k);
	for (const k of ['list', 'list:large'])
		await put(k, same, 'lrange', k, '0', '-1');
	for (const k of ['ints', 'words', 'set:large'])
		await put(k, (text) => lines(text).sort(), 'smembers', k);
	for (const k of ['hash', 'hash:large'])
		await put(k, (text) => pairs(text).sort(), 'hgetall', k);
	for (const k of ['zset', 'zset:large'])
		await put(k, (text) => pairs(text, (score) =>
			Number(score.replace('inf', 'Infinity'))),
			'zrange', k, '0', '-1', 'withscores');
	for (const k of ['stream', 'stream:large'])
		await put(k, same, 'xrange', k, '-', '+');
	await put('pending', same, 'xpending', 'stream', 'group');
	await put('elsewhere', same, '-n', '3', 'get', 'elsewhere');
	await put('minutes left', (ms) => Math.round(Number(ms) / 60000),
		'pttl', 'brief');
	return out;
}

async function pair(t, from, to, opts = {}) {
	const source = await VERSIONS[from].start(t, opts);
	const target = await VERSIONS[to].start(t);
	return new Job(t, { source, target });
}

describe('versions', { skip: noServers }, () => {
	for (const [from, to] of [['Redis 6.2', 'Redis 7.0'],
		['Redis 6.2', 'Valkey 9.1'], ['Redis 7.0', 'Valkey 9.1'],
		['Valkey 9.1', 'Valkey 9.1'], ['Redis 6.2', 'Redis 6.2']])
		for (const way of ['replica', 'restore'])
			test(`versions: ${from} to ${to} by '${way}'`, async (t) => {
				const job = await pair(t, from, to);
				await job.source.pipe(DATA);
				const report = await job.ok('sync', '--restorer', way);
				assert.equal(report.comparison.same, true);
				assert.deepEqual(await seen(job.target),
					await seen(job.source));
				assert.equal(await job.target.keys(), await job.source.keys());
			});

	test('versions: what a Redis 6.2 does not load goes by plain commands',
		async (t) => {
			const job = await pair(t, 'Redis 7.0', 'Redis 6.2');
			await job.source.pipe(DATA);
			const { import: loaded, comparison } = await job.ok('sync');
			assert.equal(loaded.way, 'restore');
			assert.equal(loaded.by_commands, 6);
			assert.match(loaded.lost, /last seen, counters of streams$/);
			assert.equal(comparison.same, true);
			assert.deepEqual(await seen(job.target),
				await seen(job.source));
			assert.equal(await job.target.keys(), await job.source.keys());
		});

	test('versions: the fields of a Valkey hash that expire go along',
		async (t) => {
			const job = await pair(t, 'Valkey 9.1', 'Valkey 9.1');
			await job.source.pipe(DATA);
			await job.source.cli('hpexpire', 'hash', '7200000', 'fields',
				'1', 'f');
			for (const way of ['replica', 'restore']) {
				await job.ok('sync', '--restorer', way,
					'--overwrite-target', job.target.name);
				const left = Number(await job.target.cli('hpttl', 'hash',
					'fields', '1', 'f'));
				assert.ok(left > 7000000 && left <= 7200000, `${left} ms`);
			}
		});

	test('versions: a field that expired leaves its hash as it was',
		async (t) => {
			const job = await pair(t, 'Valkey 9.1', 'Valkey 9.1');
			const { source, target } = job;
			const both = [source, target];
			await source.pipe([['HSET', 'h', 'lasts', '1', 'soon', 'x',
				'later', 'y'], ['HSET', 'only', 'soon', 'x'],
				['HPEXPIRE', 'h', 1500, 'FIELDS', 1, 'soon'],
				['HPEXPIRE', 'only', 1500, 'FIELDS', 1, 'soon'],
				['HPEXPIRE', 'h', 3600000, 'FIELDS', 1, 'later']]);
			const each = ['sync', '--import', 'after-each-sync'];
			assert.ok((await job.ok(...each)).comparison.same);
			const { id } = (await job.list('dr'))[0];
			for (const server of both)
				await until('the field has gone', async () =>
					await server.cli('hget', 'h', 'soon') === '' &&
					await server.cli('exists', 'only') === '0');

			// It is the job's own import still, and can be proved again.
			assert.ok((await job.ok(...each)).comparison.same);
			await target.cli('flushall');
			for (const way of ['restore', 'replica']) {
				const again = await job.ok('restore', id, '--restorer',
					way, '--overwrite-target', target.name);
				assert.ok(again.comparison.same);
			}
			await job.ok('compare');

			// What is written beside a field that expires is seen.
			await target.cli('hset', 'h', 'lasts', 'of the DR side');
			const differs = await job.run('compare');
			assert.equal(differs.code, EXIT.CORRUPT, differs.stderr);
			assert.match(differs.stdout, /^value +db 0 +h$/m);
			await job.fails(EXIT.REFUSED, /has changed since/, ...each);
			assert.equal(await target.cli('hget', 'h', 'lasts'),
				'of the DR side');
		});

	test('versions: a stream that no command brings leaves the old data',
		async (t) => {
			const job = await pair(t, 'Redis 7.0', 'Redis 6.2');
			const { source, target } = job;
			await source.pipe([['XADD', 's', '1-1', 'f', 'v'],
				['XGROUP', 'CREATE', 's', 'g'.repeat(1100000), '0']]);
			await target.cli('set', 'old', 'data');
			await job.fails(EXIT.FAILED,
				/consumer has a name of 1100000 bytes/, 'sync',
				'--overwrite-target', target.name);
			assert.equal(await target.cli('get', 'old'), 'data');
		});

	// The usual life of a queue: what was read, and not yet acknowledged, is
	// trimmed.
	test('versions: what is pending of a trimmed message is no difference',
		async (t) => {
			const job = await pair(t, 'Redis 7.0', 'Redis 6.2');
			const { source, target } = job;
			const ids = [1, 2, 3, 4];
			await source.pipe([...ids.map((i) =>
				['XADD', 'queue', `${i}-1`, 'n', i]),
			['XGROUP', 'CREATE', 'queue', 'group', '0'],
			['XREADGROUP', 'GROUP', 'group', 'me', 'COUNT', '3', 'STREAMS',
				'queue', '>'], ['XTRIM', 'queue', 'MAXLEN', '2']]);
			for (let i = 0; i < 2; i++) {
				await source.cli('set', 'k', i);
				const done = await job.ok('sync', '--import',
					'after-each-sync');
				assert.equal(done.import.by_commands, 1);
				assert.match(done.import.lost, /pending/);
				assert.equal(done.comparison.same, true);
			}
			assert.equal(await target.cli('xpending', 'queue', 'group',
				'-', '+', '9').then((text) => text.split('\n')[0]), '3-1');
		});

	test('versions: a scan of a Valkey, and of a Redis 6.2', async (t) => {
		for (const from of ['Valkey 9.1', 'Redis 6.2']) {
			const job = await pair(t, from, 'Valkey 9.1');
			await job.source.pipe(DATA);
			// Read in two passes.
			await job.source.cli('config', 'set',
				'notify-keyspace-events', 'KA');
			await job.ok('sync', '--source-way', 'scan',
				'--allow-inconsistent', 'yes');
			assert.deepEqual(await seen(job.target),
				await seen(job.source));
		}
	});

	test('versions: what an older server cannot hold is refused before '
		+ 'anything is written', async (t) => {
		const job = await pair(t, 'Valkey 9.1', 'Redis 7.0');
		await job.source.pipe(DATA);
		await job.source.cli('hpexpire', 'hash', '7200000', 'fields', '1',
			'f');
		await job.target.cli('set', 'old', 'data');
		await job.fails(EXIT.FAILED, /RDB version 80[^]*not by 'restore'/,
			'sync', '--overwrite-target', job.target.name);
		assert.equal(await job.target.cli('get', 'old'), 'data');
		assert.equal(await job.target.keys(), 1);

		const older = await pair(t, 'Redis 7.0', 'Redis 6.2');
		await older.source.cli('function', 'load', '#!lua name=lib\n'
			+ 'redis.register_function("f", function() return 1 end)');
		await older.source.pipe([['SET', 'a', '1']]);
		await older.fails(EXIT.FAILED, /functions, which came with Redis 7.0/,
			'sync');
		assert.equal(await older.target.keys(), 0);
	});

	test('versions: a Valkey is asked for what Redis 7.2 loads',
		async (t) => {
			const job = await pair(t, 'Valkey 9.1', 'Valkey 9.1');
			await job.source.pipe(DATA);
			const wish = ['--rdb-compat', 'redis-7.2'];
			const { id } = (await job.ok('snapshot', ...wish)).snapshot;
			const { dump } = JSON.parse(fs.readFileSync(
				path.join(job.west, 'shop', id, 'manifest.json')));
			assert.deepEqual([dump.family, dump.rdb_version],
				['redis', 11]);
			// What that version cannot hold is not forked for.
			await job.source.cli('hpexpire', 'hash', '7200000', 'fields',
				'1', 'f');
			const forks = async () => Number(/total_forks:(\d+)/.exec(
				await job.source.cli('info', 'stats'))[1]);
			const before = await forks();
			await job.fails(EXIT.FAILED, /fields of hashes that expire/,
				'snapshot', ...wish);
			assert.equal(await forks(), before);
		});

	test('versions: a Redis and a Valkey are compared', async (t) => {
		const job = await pair(t, 'Redis 7.0', 'Valkey 9.1');
		// A pending entry has the time at which it was delivered.
		const data = DATA.filter(([c]) => c !== 'XREADGROUP');
		await job.source.pipe(data);
		await job.target.pipe(data);
		await job.target.cli('pexpireat', 'brief',
			await job.source.cli('pexpiretime', 'brief'));
		assert.equal((await job.ok('compare')).verdict, 'same');
		await job.target.cli('hset', 'hash', 'f', 'other');
		await job.fails(EXIT.CORRUPT, /differ in 1 key/, 'compare');
	});
});
