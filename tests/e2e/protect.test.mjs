// What a snapshot costs the server that forks for it: looked at before,
// refused or told, and written down.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { EXIT, Job, Redis, until } from './harness.mjs';

async function filled(t, opts = {}) {
	const source = await Redis.start(t, opts);
	await source.cli('debug', 'populate', '50000', 'k', '100');
	return source;
}

async function forks(redis) {
	const info = await redis.cli('info', 'stats');
	return Number(info.match(/^total_forks:(\d+)/m)[1]);
}

async function checked(job, ...args) {
	const r = await job.run('check', '--json', ...args);
	return JSON.parse(r.stdout).checks
		.find((c) => c.what === 'source Redis');
}

test('a source without room for the copies is not forked', async (t) => {
	const source = await filled(t);
	const job = new Job(t, { source });
	// The server asks the system ten times a second.
	const rss = await until('it has seen its new keys', async () => {
		const status = fs.readFileSync(
			`/proc/${source.proc.child.pid}/status`, 'latin1');
		const real = 1024 * Number(status.match(/^VmRSS:\s+(\d+) kB/m)[1]);
		const info = await source.cli('info', 'memory');
		const seen = Number(info.match(/^used_memory_rss:(\d+)/m)[1]);
		return Math.abs(seen - real) < real / 50 && seen;
	});
	const memory = (times) => ['--source-memory', Math.round(rss * times)];
	await job.fails(EXIT.REFUSED, /of \d+ MiB, and copy-on-write may take/,
		'snapshot', ...memory(1.02));
	let row = await checked(job, ...memory(1.02));
	assert.equal(row.result, 'failed');
	assert.equal(await forks(source), 0);

	let r = await job.run('snapshot', ...memory(1.2));
	assert.equal(r.code, EXIT.DONE, r.stderr);
	assert.match(r.stderr, /^snapshot .* will not fit$/m);
	row = await checked(job, ...memory(1.2));
	assert.match(row.detail, /beware: it uses/);
	await job.fails(EXIT.REFUSED, /will not fit/, 'snapshot',
		'--source-protect', 'refuse', ...memory(1.2));
	assert.equal(await forks(source), 1);

	r = await job.run('snapshot', '--source-protect', 'off', ...memory(1.02));
	assert.equal(r.code, EXIT.DONE, r.stderr);
	assert.equal(r.stderr, '');
	// This machine has the room: nothing to tell.
	r = await job.run('snapshot');
	assert.equal(r.stderr, '');
});

test('a save that goes on, or has failed, is told or refuses', async (t) => {
	const source = await filled(t, { 'rdb-key-save-delay': 1000 });
	const job = new Job(t, { source });
	await source.cli('bgsave');
	await job.fails(EXIT.REFUSED, /a save is going on there/, 'snapshot',
		'--source-protect', 'refuse');
	const run = job.start('snapshot');
	let told = '';
	run.child.stderr.on('data', (d) => { told += d; });
	await until('it is told', () => /a save is going on there/.test(told));
	await source.cli('config', 'set', 'rdb-key-save-delay', '0');
	run.child.kill('SIGINT');
	await run.ended;

	const bad = await filled(t);
	fs.mkdirSync(path.join(bad.dir, 'dump.rdb'));
	await bad.cli('bgsave');
	await until('the save fails', async () => /^rdb_last_bgsave_status:err/m
		.test(await bad.cli('info', 'persistence')));
	const other = new Job(t, { source: bad });
	const r = await other.run('snapshot');
	assert.equal(r.code, EXIT.DONE, r.stderr);
	assert.match(r.stderr, /its last save failed/);
});

test('what it cost is in the manifest', async (t) => {
	const source = await filled(t);
	const job = new Job(t, { source });
	const { snapshot } = await job.ok('snapshot');
	assert.equal(snapshot.source.diskless, true);
	assert.equal(fs.existsSync(path.join(source.dir, 'dump.rdb')), false);
	const info = await source.cli('info', 'persistence');
	assert.equal(snapshot.source.cow_bytes,
		Number(info.match(/^rdb_last_cow_size:(\d+)/m)[1]));
	assert.ok(snapshot.source.cow_bytes > 0);
	assert.match((await job.run('show', '--in', 'source')).stdout,
		/^ {2}copy-on-write +[\d.]+ .iB, while the child lived$/m);
});

test('a comparison looks at both before it makes them fork', async (t) => {
	const source = await filled(t);
	const target = await filled(t, { 'repl-diskless-sync': 'no' });
	const job = new Job(t, { source, target });
	await job.fails(EXIT.REFUSED, /replaces its own dump file/, 'compare',
		'--source-protect', 'refuse');
	assert.equal(fs.existsSync(path.join(target.dir, 'dump.rdb')), false);
});

test('a dump file that is replaced is told', async (t) => {
	const source = await filled(t, { 'repl-diskless-sync': 'no' });
	const job = new Job(t, { source });
	assert.match((await checked(job)).detail, /replaces its own dump file/);
	await job.fails(EXIT.REFUSED, /replaces its own dump file/, 'snapshot',
		'--source-protect', 'refuse');
	assert.equal(fs.existsSync(path.join(source.dir, 'dump.rdb')), false);
	const r = await job.run('snapshot');
	assert.equal(r.code, EXIT.DONE, r.stderr);
	assert.match(r.stderr, /wrote its own dump file/);
	assert.equal(fs.existsSync(path.join(source.dir, 'dump.rdb')), true);
	assert.match((await job.run('show', '--in', 'source')).stdout,
		/^ {2}dump file +the source's own was replaced$/m);
});
