// A cluster whose servers refuse replication: each shard is read key by key,
// and slots that move meanwhile do not go unsaid.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { Cluster, slotOf } from './cluster.mjs';
import { EXIT, Job, Redis, everyType, until } from './harness.mjs';

const SCAN = ['--source-way', 'scan', '--allow-inconsistent', 'yes'];
const STATIC = Array.from({ length: 600 }, (_, i) => `static:${i}`);

async function filled(t, opts) {
	const c = await Cluster.start(t, opts);
	const all = everyType();
	await c.pipe(all.slice(0, all.findIndex(([name]) => name === 'SELECT')));
	await c.pipe(STATIC.map((k) => ['SET', k, `value of ${k}`]));
	return c;
}

// A user who may not replicate.
async function reader(cluster, job, ...rights) {
	await Promise.all(cluster.nodes.map((n) => n.cli('acl', 'setuser',
		'reader', 'on', '>pw', '~*', '&*', '+@all', '-psync', '-sync',
		...rights)));
	job.env = { PW: 'pw' };
	return ['--source-user', 'reader', '--source-password', 'env:PW',
		'--allow-inconsistent', 'yes'];
}

// Writes to keys of its own until it is stopped.
function writer(cluster) {
	let going = true;
	let rounds = 0;
	const ended = (async () => {
		for (; going; rounds++)
			await cluster.pipe(Array.from({ length: 100 },
				(_, i) => ['SET', `moving:${i}`, rounds]));
	})();
	return { rounds: () => rounds,
		stop() { going = false; return ended; } };
}

function manifest(job, id, store = job.west) {
	return JSON.parse(fs.readFileSync(
		path.join(job.snapshotDir(id, store), 'manifest.json')));
}

async function scanning(node) {
	return /^cmdstat_dump:/m.test(await node.cli('info', 'commandstats'));
}

async function move(slot, from, to, all) {
	const keys = await from.cli('cluster', 'getkeysinslot', slot, 1000);
	await to.cli('cluster', 'setslot', slot, 'importing', await from.id());
	await from.cli('cluster', 'setslot', slot, 'migrating', await to.id());
	await from.cli('migrate', '127.0.0.1', to.port, '', 0, 5000, 'keys',
		...keys.split('\n'));
	for (const n of [to, ...all])
		await n.cli('cluster', 'setslot', slot, 'node', await to.id());
}

async function refused(t, replicas) {
	const source = await filled(t, { replicas });
	const target = await Redis.start(t);
	const job = new Job(t, { source, target });
	const by = await reader(source, job);
	const busy = writer(source);
	const r = await job.run('sync', '--json', ...by,
		'--import', 'after-each-sync');
	await busy.stop();
	assert.equal(r.code, EXIT.DONE, r.stderr);
	assert.ok(busy.rounds() > 1);
	const keys = STATIC.concat('string', 'list:long', 'hash:long',
		'zset:long', 'set:words', 'stream', 'expiring');
	for (const p of source.primaries) {
		const own = keys.filter((k) => source.owner(k) === p);
		assert.equal(await target.cli('debug', 'digest-value', ...own),
			await p.cli('debug', 'digest-value', ...own));
	}
	assert.deepEqual(await target.functions(),
		await source.primaries[0].functions());

	// Nobody writes: all of it is there.
	await job.ok('sync', ...by, '--import', 'after-each-sync');
	await job.ok('compare');

	const { snapshot } = JSON.parse(r.stdout);
	const m = manifest(job, snapshot.id);
	assert.equal(m.format, 2);
	assert.equal(m.source.way, 'scan');
	assert.equal(m.source.consistent, false);
	const from = replicas > 0 ? source.replicas : source.primaries;
	assert.deepEqual(m.shards.map((s) => s.host),
		from.map((n) => n.name));
	const ends = m.shards.map((s) => s.point_ms + s.window_ms);
	assert.equal(m.source.window_ms,
		Math.max(...ends) - m.times.point_ms);
	assert.equal(m.times.point_ms,
		Math.min(...m.shards.map((s) => s.point_ms)));
	const shown = await job.run('show', snapshot.id);
	assert.match(shown.stdout, /3, NOT each a point in time: read for/);
	assert.match(shown.stdout, /which was read key by key for/);
	await job.assertListedIsGood();
}

test('a cluster that refuses replication is scanned', (t) => refused(t, 0));

test('of a cluster that refuses replication replicas are scanned',
	(t) => refused(t, 3));

test('a cluster is not scanned unless it is allowed', async (t) => {
	const source = await filled(t);
	const job = new Job(t, { source });
	const by = await reader(source, job);
	await job.fails(EXIT.AUTH, /grant \+psync/, 'snapshot',
		...by.slice(0, -2));
	assert.deepEqual(await job.list(), []);
});

test('what changes in a shard while it is scanned is read again', async (t) => {
	const source = await filled(t,
		{ opts: { 'notify-keyspace-events': 'AE' } });
	const target = await Redis.start(t);
	const job = new Job(t, { source, target });
	const last = source.primaries[2];
	await last.cli('config', 'resetstat');
	// CONFIG is refused: that changes are told is seen by keys of our own,
	// each in a slot of its server.
	const by = await reader(source, job, '-config');
	const scan = job.start('snapshot', ...SCAN, ...by,
		'--source-changes', 'probe', '--max-keys-per-second', '400');
	await until('the last shard is read', () => scanning(last));
	const own = STATIC.filter((k) => source.owner(k) === last);
	await source.pipe(own.map((k) => ['SET', k, 'changed']));
	const r = await scan.ended;
	assert.equal(r.code, EXIT.DONE, r.stderr);
	assert.equal(r.stderr.match(/seen by a key of ours/g).length, 3);
	const [{ id }] = await job.list();
	assert.deepEqual(manifest(job, id).shards.map((s) => s.changes),
		['seen', 'seen', 'seen']);
	const shown = await job.run('show', '--in', 'source', id);
	assert.match(shown.stdout, /told, as a key of ours was/);
	await job.ok('copy', id);
	await job.ok('restore', id);
	await job.ok('compare');
});

test('the keys a second are those of the whole cluster', async (t) => {
	const source = await filled(t);
	const job = new Job(t, { source, args: ['--memory', '256MiB'] });
	const from = performance.now();
	await job.ok('snapshot', ...SCAN, '--max-keys-per-second', '300',
		'--forks-per-host', '3');
	const s = (performance.now() - from) / 1000;
	assert.ok(s > 1.8, `620 keys in ${s} s`);
});

async function moved(t, back) {
	const source = await filled(t);
	const target = await Redis.start(t);
	const job = new Job(t, { source, target });
	const [first, , last] = source.primaries;
	const slot = slotOf(STATIC.find((k) => source.owner(k) === last));
	await last.cli('config', 'resetstat');
	const run = job.start('sync', ...SCAN, '--import', 'after-each-sync',
		'--max-keys-per-second', '300');
	await until('the last shard is read', () => scanning(last));
	await move(slot, last, first, source.primaries);
	if (back)
		await move(slot, first, last, source.primaries);
	const r = await run.ended;
	assert.equal(r.code, EXIT.DONE, r.stderr);
	assert.match(r.stderr, /; all has to be taken again$/m);
	assert.equal(await target.keys(), await source.keys());
	for (const p of source.primaries) {
		const own = STATIC.filter((k) => slotOf(k) === slot
			? p === (back ? last : first) : source.owner(k) === p);
		assert.equal(await target.cli('debug', 'digest-value', ...own),
			await p.cli('debug', 'digest-value', ...own));
	}
	const { source: listed } = await job.assertListedIsGood();
	assert.equal(listed.length, 1);
}

test('slots that are moved while a cluster is scanned', (t) => moved(t, false));

// The map shows nothing of it.
test('slots that are moved there and back while a cluster is scanned',
	(t) => moved(t, true));
