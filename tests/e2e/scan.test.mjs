// A source that refuses replication is read key by key, where the job says
// that a snapshot need be no point in time; and what that says of itself.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { EXIT, Job, Redis, everyType, run } from './harness.mjs';

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

test('a source is asked for no more than it should be', async (t) => {
	const job = await pair(t);
	await job.source.cli('debug', 'populate', '500', 'k', '10');
	const from = performance.now();
	await job.ok('snapshot', ...SCAN, '--max-keys-per-second', '500');
	assert.ok(performance.now() - from > 900);
});
