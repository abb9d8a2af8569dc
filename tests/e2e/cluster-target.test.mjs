// A cluster as the target: a snapshot of one server, key by key to the
// primaries that have the slots, whatever happens to those meanwhile.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
	Cluster, ClusterNode, SLOTS, ValkeyNode, beginMove, endMove, errors, slotOf,
} from './cluster.mjs';
import { EXIT, Job, Redis, everyType, noServers, until } from './harness.mjs';

// Of database 0, since a cluster has no other.
function oneDatabase() {
	const all = everyType();
	return all.slice(0, all.findIndex((c) => c[0] === 'SELECT'));
}

// What DEBUG DIGEST would be of the whole, which is the XOR of the keys' own and
// of the database's: of an odd number of servers, so that that one stays.
async function digest(nodes) {
	const digests = await Promise.all(nodes.map((n) => n.digest()));
	return digests.reduce((sum, d) => sum ^ BigInt(`0x${d}`), 0n);
}

async function assertSame(source, cluster) {
	assert.equal(await cluster.keys(), await source.keys());
	assert.equal(await digest(cluster.primaries), await digest([source]));
	for (const p of cluster.primaries)
		assert.deepEqual(await p.functions(), await source.functions());
}

test('a snapshot of one server is restored into a cluster', async (t) => {
	const [source, target] = await Promise.all([Redis.start(t),
		Cluster.start(t)]);
	await source.pipe(oneDatabase());
	await source.cli('debug', 'populate', '20000', 'k', '30');
	const job = new Job(t, { source, target });
	const first = await job.ok('sync');
	assert.equal(first.import.way, 'restore');
	assert.match(first.import.why, /it is in cluster mode/);
	assert.equal(first.comparison.same, true);
	await assertSame(source, target);

	// Our own last import, asked of another node.
	await source.cli('set', 'later', '1');
	const other = new Job(t, { source,
		target: { url: target.primaries[2].url } });
	Object.assign(other, { dir: job.dir, west: job.west, north: job.north,
		stores: job.stores, drStore: job.drStore });
	await other.ok('sync');
	await assertSame(source, target);

	// One name, whichever of them was named.
	const key = Array.from({ length: SLOTS }, (_, i) => `foreign${i}`)
		.find((k) => target.owner(k) === target.primaries[1]);
	await target.primaries[1].cli('set', key, '1');
	for (const j of [job, other]) {
		const r = await j.fails(EXIT.REFUSED, /has changed since/, 'sync');
		assert.ok(r.stderr.includes(`--overwrite-target ${target.name}`),
			r.stderr);
	}
	await other.ok('sync', '--overwrite-target', target.name);
	await assertSame(source, target);
});

test('a cluster is restored into one of another size', async (t) => {
	const [source, target] = await Promise.all([Cluster.start(t),
		Cluster.start(t, { primaries: 5 })]);
	await source.pipe(oneDatabase());
	await source.primaries[1].cli('set', '{shifted}', 'early');
	const job = new Job(t, { source, target });
	const first = await job.ok('sync');
	assert.equal(first.comparison.same, true);
	assert.equal(await digest(target.primaries),
		await digest(source.primaries));
	for (const p of target.primaries)
		assert.deepEqual(await p.functions(),
			await source.primaries[0].functions());
	await source.primaries[1].cli('set', '{shifted}', 'late');
	await job.ok('sync');
	assert.equal(await target.cli('get', '{shifted}'), 'late');

	// One of its primaries lacks a library: that is no copy of ours.
	await target.primaries[1].cli('function', 'flush');
	await job.fails(EXIT.REFUSED, /has changed since/, 'sync');
});

// A second after its last key somebody still asks the primary for news.
async function isWaitedFor(primary) {
	return /^(?=.* cmd=info )(?=.* age=[1-9])/m.test(
		await primary.cli('client', 'list'));
}

async function loadPastAReplica(t, node) {
	const [source, target] = await Promise.all([Redis.start(t),
		Cluster.start(t, { node, replicas: 3,
			opts: { 'cluster-node-timeout': 5000 } })]);
	await source.cli('debug', 'populate', '60000', 'k', '100');
	const job = new Job(t, { source, target });
	const run = job.start('sync');
	await until('keys arrive', async () => await target.keys() > 100);
	const [late] = target.replicas;
	late.proc.child.kill('SIGSTOP');
	let ended = false;
	run.ended.then(() => { ended = true; });
	await until('the replica is waited for', async () => ended ||
		await isWaitedFor(target.primaries[0]));
	// All keys, and the mark.
	assert.equal(await target.keys(), 60001);
	assert.equal(ended, false);
	late.proc.child.kill('SIGCONT');
	const r = await run.ended;
	assert.equal(r.code, EXIT.DONE, r.stderr);
	assert.equal(await late.keys(), await target.primaries[0].keys());
}

test('what was loaded into a cluster is on its replicas',
	(t) => loadPastAReplica(t, ClusterNode));

test('what was loaded into a cluster of Valkeys is on its replicas',
	{ skip: noServers }, (t) => loadPastAReplica(t, ValkeyNode));

test('what a cluster cannot hold is refused before it is touched',
	async (t) => {
		const [source, target] = await Promise.all([Redis.start(t),
			Cluster.start(t, { primaries: 2 })]);
		await target.cli('set', 'old', 'data');
		await source.pipe([['SET', 'k', 'v'], ['SELECT', 3],
			['SET', 'k', 'v']]);
		const job = new Job(t, { source, target });
		await job.fails(EXIT.FAILED,
			/uses database 3, and a cluster has database 0 alone/, 'sync',
			'--overwrite-target', target.name);
		assert.equal(await target.cli('get', 'old'), 'data');

		await source.cli('-n', '3', 'flushdb');
		await job.fails(EXIT.FAILED, /in cluster mode/, 'sync',
			'--restorer', 'replica', '--overwrite-target', target.name);
		assert.equal(await target.cli('get', 'old'), 'data');

		const r = await job.run('check', '--json');
		const row = JSON.parse(r.stdout).checks
			.find((c) => c.what === 'DR Redis');
		assert.match(row.detail, /cluster of 2 primaries, redis 7/);
		assert.match(row.detail, /replica: no: .*restore: yes/);

		// One of the primaries has no room for its share.
		await source.cli('debug', 'populate', '2000', 'k', '10000');
		await target.primaries[1].cli('config', 'set', 'maxmemory', '4mb');
		await job.fails(EXIT.FAILED, new RegExp(
			`'${target.primaries[1].name}': the dump needs about`), 'sync',
		'--overwrite-target', target.name);
		assert.equal(await target.cli('get', 'old'), 'data');
	});

test('slots that move while they are loaded', async (t) => {
	const [source, target] = await Promise.all([Redis.start(t),
		Cluster.start(t)]);
	const tags = ['{asked}', '{shifted}'];
	const [asked, shifted] = tags.map(slotOf);
	const [other, from, to] = target.primaries;
	assert.ok(tags.every((tag) => target.owner(tag) === from));
	await source.pipe(tags.flatMap((tag) => Array.from({ length: 10000 },
		(_, i) => ['SET', `${tag}${i}`, 'x'.repeat(100)])));
	await source.cli('debug', 'populate', '40000', 'k', '100');
	// None of its keys is there yet: each is answered by ASK.
	await beginMove(asked, from, to);

	const job = new Job(t, { source, target });
	const run = job.start('sync', '--json');
	await until('keys arrive', async () => await target.keys() > 100);
	// Held up while one slot moves.
	await other.cli('client', 'pause', '60000', 'write');
	await beginMove(shifted, from, to);
	await endMove(shifted, from, to, [other]);
	await other.cli('client', 'unpause');
	const r = await run.ended;
	assert.equal(r.code, EXIT.DONE, r.stderr);
	assert.equal(JSON.parse(r.stdout).comparison.same, true);
	assert.ok(await errors(from, 'ASK') > 0);
	assert.ok(await errors(from, 'MOVED') > 0);
	await endMove(asked, from, to, [other]);
	await assertSame(source, target);
	for (const slot of [asked, shifted])
		assert.equal(await from.cli('cluster', 'countkeysinslot', slot), '0');
});

test('a primary that dies while it is loaded', async (t) => {
	const [source, target] = await Promise.all([Redis.start(t),
		Cluster.start(t, { replicas: 3 })]);
	await source.pipe(oneDatabase());
	await source.cli('debug', 'populate', '200000', 'k', '10');
	const job = new Job(t, { source, target });
	const run = job.start('sync', '--json');
	await until('keys arrive', async () => await target.keys() > 1000);
	await target.failover(target.primaries[1], target.replicas[1]);
	const r = await run.ended;
	assert.equal(r.code, EXIT.DONE, r.stderr);
	assert.equal(JSON.parse(r.stdout).comparison.same, true);
	await assertSame(source, target);
});

// Its connections stay, and what its replica lacks is gone.
test('a primary that is replaced while it is loaded', async (t) => {
	const [source, target] = await Promise.all([Redis.start(t),
		Cluster.start(t, { replicas: 3 })]);
	await source.cli('debug', 'populate', '200000', 'k', '10');
	const [held, old] = target.primaries;
	const replica = target.replicas[1];
	const job = new Job(t, { source, target });
	const run = job.start('sync', '--json');
	await until('keys arrive', async () => await old.keys() > 100);
	// The replica follows no more, and the load goes on for a while.
	await replica.cli('config', 'set', 'masteruser', 'nobody', 'masterauth',
		'none');
	await replica.cli('client', 'kill', 'type', 'master');
	const had = await replica.keys();
	await until('more keys arrive', async () => await old.keys() > had);
	await held.cli('client', 'pause', '60000', 'write');
	await replica.cli('cluster', 'failover', 'takeover');
	await until('the primary was replaced', async () =>
		/role:slave/.test(await old.cli('info', 'replication')));
	await held.cli('client', 'unpause');
	target.primaries[1] = replica;
	const r = await run.ended;
	assert.equal(r.code, EXIT.DONE, r.stderr);
	assert.equal(JSON.parse(r.stdout).comparison.same, true);
	await assertSame(source, target);
});

test('a primary that dies and is not replaced', async (t) => {
	const [source, target] = await Promise.all([Redis.start(t),
		Cluster.start(t)]);
	await source.cli('debug', 'populate', '200000', 'k', '10');
	const job = new Job(t, { source, target });
	const run = job.start('sync', '--timeout', '20s');
	await until('keys arrive', async () => await target.keys() > 1000);
	const [dead] = target.primaries.splice(1, 1);
	await dead.stop();
	const r = await run.ended;
	assert.equal(r.code, EXIT.UNREACHABLE, r.stderr);
	assert.match(r.stderr, new RegExp(dead.name));
	assert.match(r.stderr, /the target holds a part of the snapshot/);
});
