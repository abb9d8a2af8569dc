// A source that refuses replication is read key by key, where the job says
// that a snapshot need be no point in time; and what that says of itself.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { EXIT, Job, Redis, everyType, run, until } from './harness.mjs';

const SCAN = ['--source-way', 'scan', '--allow-inconsistent', 'yes'];

async function pair(t, opts) {
	const [source, target] = await Promise.all(
		[Redis.start(t, opts), Redis.start(t)]);
	return new Job(t, { source, target });
}

test('where replication is refused, a source is scanned if that is allowed',
	async (t) => {
		const job = await pair(t);
		await job.source.pipe(everyType());
		await job.source.cli('acl', 'setuser', 'reader', 'on', '>pw', '~*',
			'+@all', '-psync', '-sync');
		job.env = { PW: 'pw' };
		const reader = ['--source-user', 'reader', '--source-password',
			'env:PW'];
		await job.fails(EXIT.AUTH, /grant \+psync/, 'sync', ...reader);
		assert.deepEqual(await job.list(), []);

		const r = await job.run('sync', '--json', ...reader,
			'--allow-inconsistent', 'yes');
		assert.equal(r.code, EXIT.DONE, r.stderr);
		const { snapshot, import: load, comparison } = JSON.parse(r.stdout);
		assert.equal(snapshot.source.way, 'scan');
		assert.equal(snapshot.source.consistent, false);
		assert.ok(snapshot.source.window_ms >= 0);
		// Native loading: redis-server takes the file that we wrote.
		assert.equal(load.way, 'replica');
		assert.equal(comparison.same, true);
		assert.equal(await job.target.digest(), await job.source.digest());
		assert.deepEqual(await job.target.functions(),
			await job.source.functions());

		const shown = await job.run('show', snapshot.id);
		assert.match(shown.stdout, /NO point in time: read from .* on for/);
	});

test('nothing is scanned unless it is allowed', async (t) => {
	const job = await pair(t);
	await job.fails(EXIT.USAGE, /'allow_inconsistent' to 'yes'/, 'snapshot',
		'--source-way', 'scan');
	const r = await job.ok('snapshot', '--allow-inconsistent', 'yes');
	assert.equal(r.snapshot.source.way, 'sync');
	await job.source.cli('set', 'k', 'v');
	const scanned = await job.run('snapshot', ...SCAN);
	assert.match(scanned.stderr, /by 'scan', NOT a point in time: 1 keys/);
	assert.match(scanned.stderr,
		/not read again: .*'notify-keyspace-events' is '', and not 'AE'/);
});

// Keys come, go and change, and the tables grow and shrink meanwhile.
test('what stays is in a scan, once, whatever else is written', async (t) => {
	const job = await pair(t);
	await job.source.cli('debug', 'populate', '60000', 'stays', '40');
	const writer = run('redis-benchmark', ['-p', String(job.source.port),
		'-q', '-l', '-r', '300000', '-P', '16', '-c', '4', '-t', 'set']);
	const eraser = run('redis-benchmark', ['-p', String(job.source.port),
		'-q', '-l', '-r', '300000', '-P', '16', '-c', '4', 'del',
		'key:__rand_int__']);
	t.after(() => { writer.child.kill(); eraser.child.kill(); });
	for (let i = 0; i < 2; i++)
		await job.ok('snapshot', ...SCAN);
	const last = await job.ok('snapshot', ...SCAN, '--in-flight', '2');
	writer.child.kill();
	eraser.child.kill();
	await job.ok('copy', last.snapshot.id);
	await job.ok('restore', last.snapshot.id);
	const stays = await job.target.cli('eval', `local n, c = 0, '0'
		repeat
			local r = redis.call('scan', c, 'match', 'stays:*', 'count', 1000)
			c = r[1]
			n = n + #r[2]
		until c == '0'
		return n`, '0');
	assert.equal(Number(stays), 60000);
});

// Where the source tells of changes, what changed during the scan is in the
// dump as it was at its end: here nothing changes after the first pass.
test('what changes while a source is scanned is read again', async (t) => {
	const job = await pair(t, { 'notify-keyspace-events': 'AE' });
	const { source } = job;
	// The first pass waits on the disk, and a cipher is no hindrance.
	job.env = { KEY: '5'.repeat(64) };
	const cipher = ['--cipher-key', 'env:KEY'];
	await source.pipe(everyType());
	await source.cli('debug', 'populate', '4000', 'k', '10');
	const scan = job.start('snapshot', ...SCAN, ...cipher,
		'--max-keys-per-second', '4000');
	await until('the scan reads', async () =>
		/cmdstat_dump:/.test(await source.cli('info', 'commandstats')));
	for (let db = 0; db < 2; db++)
		await source.cli('-n', String(db), 'eval', `
			for i = 0, 3999, 2 do redis.call('set', 'k:'..i, 'changed') end
			for i = 1, 3999, 4 do redis.call('del', 'k:'..i) end
			for i = 0, 999 do redis.call('set', 'new:'..i, i) end`, '0');
	await source.cli('rename', 'k:3', 'renamed');
	assert.equal(await source.cli('pubsub', 'numpat'), '1',
		'the first pass was over before all was changed');
	const r = await scan.ended;
	assert.equal(r.code, EXIT.DONE, r.stderr);
	assert.match(r.stderr,
		/keys as they were within .* read again \(\d+ keys\)/);
	const [{ id }] = await job.list();
	await job.ok('copy', id);
	await job.ok('restore', id, ...cipher);
	assert.equal(await job.target.digest(), await source.digest());
});

// Each key is of a moment of the window: no older than the last value that it
// had before, and no newer than its end.  The writer never stops.
test('after a second pass each key is of the window that is told',
	async (t) => {
		const job = await pair(t, { 'notify-keyspace-events': 'AE' });
		await job.source.cli('debug', 'populate', '30000', 'stays', '40');
		const write = `local t = redis.call('time')
			local now = t[1] * 1000 + math.floor(t[2] / 1000)
			redis.call('rpush', 'w:'..ARGV[1], now)
			return now`;
		const writer = run('redis-benchmark', ['-p', String(job.source.port),
			'-q', '-l', '-r', '3000', '-c', '2', 'eval', write, '0',
			'__rand_int__']);
		t.after(() => writer.child.kill());
		await until('it writes', async () =>
			Number(await job.source.cli('dbsize')) > 30500);
		const { snapshot } = await job.ok('snapshot', ...SCAN);
		writer.child.kill();
		await writer.ended;
		await job.ok('copy', snapshot.id);
		await job.ok('restore', snapshot.id);

		const from = snapshot.times.point_ms;
		const to = from + snapshot.source.window_ms;
		const times = async (redis) => new Map(JSON.parse(await redis.cli(
			'eval', `local all = {}
				for _, k in ipairs(redis.call('keys', 'w:*')) do
					all[#all + 1] = {k, redis.call('lrange', k, 0, -1)}
				end
				return cjson.encode(all)`, '0')));
		const was = await times(job.target);
		for (const [key, all] of await times(job.source)) {
			const kept = was.get(key) ?? [];
			assert.deepEqual(kept, all.slice(0, kept.length));
			const told = `${key} of ${from} to ${to}`;
			for (const at of kept)
				assert.ok(Number(at) <= to + 1, told);
			for (const at of all.slice(kept.length))
				assert.ok(Number(at) >= from - 1, told);
		}
		assert.equal(Number(await job.target.cli('eval',
			"return #redis.call('keys', 'stays:*')", '0')), 30000);
	});

// As on a service that hides CONFIG: then it is somebody's word, and said to be.
test('what is vouched for is not said to be verified', async (t) => {
	const job = await pair(t, { 'notify-keyspace-events': 'AE' });
	await job.source.pipe(everyType());
	await job.source.cli('acl', 'setuser', 'reader', 'on', '>pw', '~*', '&*',
		'+@all', '-config', '-@write');
	job.env = { PW: 'pw' };
	const reader = ['--source-user', 'reader', '--source-password', 'env:PW'];
	for (const [how, told] of [['ask', /not read again: CONFIG GET/],
		['probe', /not read again: a key to see what is told: .*NOPERM/],
		['trust', /is vouched for, NOT verified/]]) {
		const r = await job.run('snapshot', ...SCAN, ...reader,
			'--source-changes', how);
		assert.equal(r.code, EXIT.DONE, r.stderr);
		assert.match(r.stderr, told);
		const [{ id }] = await job.list('source');
		const { source } = await job.ok('show', '--in', 'source', id);
		assert.equal(source.changes,
			how === 'trust' ? 'vouched' : undefined);
		const shown = await job.run('show', '--in', 'source', id);
		assert.equal(/before: NOT verified$/m.test(shown.stdout),
			how === 'trust');
	}
});

test('a source is asked for no more than it should be', async (t) => {
	const job = await pair(t);
	await job.source.cli('debug', 'populate', '500', 'k', '10');
	const from = performance.now();
	await job.ok('snapshot', ...SCAN, '--max-keys-per-second', '500');
	assert.ok(performance.now() - from > 900);
});
