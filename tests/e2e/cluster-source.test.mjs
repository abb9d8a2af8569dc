// A cluster of several primaries becomes one snapshot: each key once, whatever
// is written, moved or lost meanwhile.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { Cluster, SLOTS, slotOf } from './cluster.mjs';
import { EXIT, Job, Redis, everyType, until } from './harness.mjs';

const STATIC = Array.from({ length: 600 }, (_, i) => `static:${i}`);

// What holds still; of one database, as a cluster's is.
async function filled(t, opts) {
	const c = await Cluster.start(t, opts);
	const all = everyType();
	await c.pipe(all.slice(0, all.findIndex(([name]) => name === 'SELECT')));
	await c.pipe(STATIC.map((k) => ['SET', k, `value of ${k}`]));
	return c;
}

// Writes to keys of its own until it is stopped; a round that meets a server
// that is lost counts for nothing.
function writer(cluster, { losses = false } = {}) {
	let going = true;
	let rounds = 0;
	const round = () => cluster.pipe(Array.from({ length: 100 },
		(_, i) => ['SET', `moving:${i}`, rounds]));
	const ended = (async () => {
		while (going)
			try {
				await round();
				rounds++;
			} catch (e) {
				if (!losses)
					throw e;
			}
	})();
	return { rounds: () => rounds,
		stop() { going = false; return ended; } };
}

async function slow(nodes, us) {
	for (const n of nodes)
		await n.cli('config', 'set', 'rdb-key-save-delay', us);
}

async function saving(node) {
	const info = await node.cli('info', 'persistence');
	return /^rdb_bgsave_in_progress:1/m.test(info);
}

function manifest(job, id, store = job.west) {
	return JSON.parse(fs.readFileSync(
		path.join(job.snapshotDir(id, store), 'manifest.json')));
}

// All that held still is in the target as it was, each key once.
async function assertStatic(cluster, target) {
	const keys = STATIC.concat('string', 'list:long', 'set:words',
		'zset:long', 'hash:long', 'stream', 'expiring');
	const by = new Map(cluster.primaries.map((p) => [p, []]));
	keys.forEach((k) => by.get(cluster.owner(k)).push(k));
	for (const [p, own] of by)
		assert.equal(await target.cli('debug', 'digest-value', ...own),
			await p.cli('debug', 'digest-value', ...own));
	assert.deepEqual(await target.functions(),
		await cluster.primaries[0].functions());
}

test('a cluster of three shards becomes one snapshot and one Redis',
	async (t) => {
		const source = await filled(t, { replicas: 3 });
		const target = await Redis.start(t);
		const job = new Job(t, { source, target });
		const checks = (await job.ok('check')).checks;
		assert.match(checks.find((c) => c.what === 'source Redis').detail,
			/^a cluster of 3 shards: redis 7\S+, \d+ keys/);

		// One at a time, since they are of one host.
		await slow(source.replicas, 500);
		const busy = writer(source);
		const r = await job.ok('sync', '--import', 'after-each-sync');
		await busy.stop();
		assert.ok(busy.rounds() > 1);
		await assertStatic(source, target);

		const [{ id }] = await job.list('dr');
		const m = manifest(job, id, job.north);
		assert.equal(m.format, 2);
		assert.equal(m.dump, undefined);
		assert.equal(m.source.consistent, false);
		assert.deepEqual(m.shards.map((s) => s.slots),
			[[[0, 5460]], [[5461, 10921]], [[10922, SLOTS - 1]]]);
		assert.deepEqual(m.shards.map((s) => s.host),
			source.replicas.map((n) => n.name));
		assert.equal(m.data.functions, 1);
		assert.equal(m.data.keys,
			m.shards.reduce((n, s) => n + s.data.keys, 0));
		const points = m.shards.map((s) => s.point_ms);
		assert.equal(m.times.point_ms, Math.min(...points));
		assert.equal(m.source.spread_ms,
			Math.max(...points) - Math.min(...points));
		const order = [...m.shards].sort((a, b) => a.point_ms - b.point_ms);
		for (let i = 1; i < 3; i++)
			assert.ok(order[i].point_ms >=
				order[i - 1].point_ms + order[i - 1].child_ms);
		assert.equal(r.import.way, 'restore');
		assert.match(r.import.why, /of a cluster of 3 shards/);

		await job.assertListedIsGood();
		const shown = await job.run('show', id);
		assert.match(shown.stdout, /NOT as one point in time:$/m);
		assert.match(shown.stdout, /shard 2 +slots 5461-10921: /);
		const inspected = await job.ok('inspect', id);
		assert.equal(inspected.all.keys, m.data.keys);
		assert.equal(inspected.functions, 1);
		await job.fails(EXIT.FAILED, /of a cluster of 3 shards/, 'restore',
			'--restorer', 'replica');

		// All of it together, live and in a snapshot, is what was loaded.
		await job.ok('sync', '--import', 'after-each-sync');
		await job.ok('compare');
		await job.ok('compare', ...job.stores, 'latest', target.url);
		await source.cli('set', 'static:0', 'another value');
		const differs = await job.run('compare');
		assert.equal(differs.code, EXIT.CORRUPT, differs.stderr);
		assert.match(differs.stdout, /static:0/);
	});

test('the dumps of a cluster are made at once where it is allowed',
	async (t) => {
		const source = await filled(t, { replicas: 3 });
		const job = new Job(t, { source, args: ['--memory', '256MiB'] });
		await slow(source.replicas, 8000);
		const [{ id }] = [await job.ok('snapshot', '--forks-per-host', '3',
			'--codec', 'zstd')].map((r) => r.snapshot);
		const { shards } = manifest(job, id);
		assert.ok(Math.max(...shards.map((s) => s.point_ms)) <
			Math.min(...shards.map((s) => s.point_ms + s.child_ms)));
		await job.assertListedIsGood(['source']);
	});

test('a primary that is lost in the midst of its replica\'s dump',
	async (t) => {
		const source = await filled(t, { replicas: 3 });
		const target = await Redis.start(t);
		const job = new Job(t, { source, target });
		const [, primary] = source.primaries;
		const [, replica] = source.replicas;
		await slow([replica], 50000);
		const run = job.start('sync', '--import', 'after-each-sync');
		await until('the replica makes its dump', () => saving(replica));
		await slow([replica], 0);
		await source.failover(primary, replica);
		const r = await run.ended;
		assert.equal(r.code, EXIT.DONE, r.stderr);
		assert.match(r.stderr, /^snapshot +shard 2 of 3: .*; it is taken again/m);
		await assertStatic(source, target);
		const { dr: [id] } = await job.assertListedIsGood();
		assert.equal(manifest(job, id).shards[1].host, replica.name);
	});

test('three primaries, one of them lost meanwhile, become five, and they one',
	async (t) => {
		const [three, five, one] = await Promise.all([
			filled(t, { replicas: 3 }),
			Cluster.start(t, { primaries: 5 }), Redis.start(t)]);
		const [, replica] = three.replicas;
		await slow([replica], 20000);
		const busy = writer(three, { losses: true });
		const run = new Job(t, { source: three, target: five }).start(
			'sync', '--import', 'after-each-sync');
		await until('the replica makes its dump', () => saving(replica));
		const before = busy.rounds();
		await slow([replica], 0);
		await three.failover(three.primaries[1], replica);
		await until('it is written to again',
			() => busy.rounds() > before + 1);
		const r = await run.ended;
		await busy.stop();
		assert.equal(r.code, EXIT.DONE, r.stderr);
		assert.match(r.stderr, /shard 2 of 3: .*; it is taken again/);

		const job = new Job(t, { source: five, target: one });
		const next = await job.ok('sync', '--import', 'after-each-sync');
		assert.equal(next.comparison.same, true);
		assert.equal(await one.keys(), (await Promise.all(
			five.primaries.map((p) => p.keys()))).reduce((n, k) => n + k));
		await assertStatic(three, one);
	});

test('slots that are moved while the dumps are made', async (t) => {
	const source = await filled(t);
	const target = await Redis.start(t);
	const job = new Job(t, { source, target });
	const [to, busy, from] = source.primaries;
	const slot = slotOf(STATIC.find((k) => source.owner(k) === from));
	const ids = await Promise.all([from, to].map((n) => n.id()));

	// Open already, and to stay so: no snapshot has each key once.
	await to.cli('cluster', 'setslot', slot, 'importing', ids[0]);
	await from.cli('cluster', 'setslot', slot, 'migrating', ids[1]);
	await job.fails(EXIT.UNREACHABLE, /1 of its slots are being moved/,
		'snapshot', '--timeout', '2s');
	for (const n of [from, to])
		await n.cli('cluster', 'setslot', slot, 'stable');

	// The one has made its dump, and the other has not: its keys are in none.
	await slow([busy], 20000);
	const run = job.start('sync', '--import', 'after-each-sync');
	await until('the shard between them makes its dump', () => saving(busy));
	await to.cli('cluster', 'setslot', slot, 'importing', ids[0]);
	await from.cli('cluster', 'setslot', slot, 'migrating', ids[1]);
	const keys = await from.cli('cluster', 'getkeysinslot', slot, 100);
	await from.cli('migrate', '127.0.0.1', to.port, '', 0, 5000, 'keys',
		...keys.split('\n'));
	for (const n of [to, from, busy])
		await n.cli('cluster', 'setslot', slot, 'node', ids[1]);
	await slow([busy], 0);
	await busy.cli('client', 'kill', 'type', 'replica');
	const r = await run.ended;
	assert.equal(r.code, EXIT.DONE, r.stderr);
	source.owner = ((owner) => (k) => slotOf(k) === slot ? to
		: owner.call(source, k))(source.owner);
	await assertStatic(source, target);
	const { source: listed } = await job.assertListedIsGood();
	assert.equal(listed.length, 1);
	// Of what was taken in vain nothing is left.
	assert.deepEqual(fs.readdirSync(path.join(job.west, 'shop'))
		.filter((n) => /^2/.test(n)), listed);
});
