// cluster.mjs -- a real cluster of so many primaries and replicas.
import assert from 'node:assert/strict';

import { Redis, Redis62, Valkey, freePort, until } from './harness.mjs';

export const SLOTS = 16384;

// CRC16 of the name, or of the tag in braces that it has.
export function slotOf(key) {
	const tag = /^[^{]*\{([^}]+)\}/.exec(key);
	let crc = 0;
	for (const byte of Buffer.from(tag ? tag[1] : key)) {
		crc ^= byte << 8;
		for (let i = 0; i < 8; i++)
			crc = (crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1) & 0xffff;
	}
	return crc % SLOTS;
}

// The key of a command, as far as the tests have any.
function keyOf(words) {
	if (words[0] === 'XREADGROUP')
		return words[words.indexOf('STREAMS') + 1];
	return words[words[0] === 'XGROUP' ? 2 : 1];
}

export class ClusterNode extends Redis {
	constructor(dir, port, opts) {
		super(dir, port, {
			'cluster-enabled': 'yes', 'cluster-node-timeout': 1000,
			...opts,
		});
	}

	async launch() {
		this.bus = await freePort();
		this.opts['cluster-port'] = this.bus;
		return super.launch();
	}

	id() {
		return this.cli('cluster', 'myid');
	}

	async meet(other) {
		await this.cli('cluster', 'meet', '127.0.0.1', other.port,
			other.bus);
	}

	async sees(what) {
		return what.test(await this.cli('cluster', 'info'));
	}
}

export class ValkeyNode extends ClusterNode {
	static program = Valkey.program;
}

// Its bus has the one port that it may have.
export class Redis62Node extends ClusterNode {
	static program = Redis62.program;
	static lacks = Redis62.lacks;

	async launch() {
		this.bus = this.port + 10000;
		return Redis.prototype.launch.call(this);
	}
}

export class Cluster {
	// Primaries with equal shares of the slots in a row; replicas of them in
	// turn.  opts: options of each server, without their dashes.
	static async start(t, { primaries = 3, replicas = 0, opts = {},
		node = ClusterNode } = {}) {
		const nodes = await Promise.all(
			Array.from({ length: primaries + replicas },
				() => node.start(t, opts)));
		const c = new Cluster(nodes.slice(0, primaries),
			nodes.slice(primaries));
		await c.join();
		await Promise.all(c.replicas.map((r, i) =>
			c.follow(r, c.primaries[i % primaries])));
		return c;
	}

	constructor(primaries, replicas) {
		Object.assign(this, { primaries, replicas });
	}

	get nodes() {
		return [...this.primaries, ...this.replicas];
	}

	// Any of them will do.
	get url() {
		return this.primaries[0].url;
	}

	// What drsync calls it.
	get name() {
		return this.nodes.map((n) => n.name).sort()[0];
	}

	async join() {
		const share = (i) => Math.floor(i * SLOTS / this.primaries.length);
		const slots = (i) => Array.from({ length: share(i + 1) - share(i) },
			(_, k) => share(i) + k);
		await Promise.all(this.nodes.map((n, i) =>
			n.cli('cluster', 'set-config-epoch', i + 1)));
		await Promise.all(this.primaries.map((p, i) =>
			p.cli('cluster', 'addslots', ...slots(i))));
		for (const n of this.nodes.slice(1))
			await this.nodes[0].meet(n);
		await this.settled();
	}

	// Each one knows all of them, and that all slots are served.
	async settled(nodes = this.nodes) {
		const all = new RegExp('cluster_state:ok\r?\n[^]*' +
			`cluster_known_nodes:${this.nodes.length}\r?\n[^]*` +
			`cluster_size:${this.primaries.length}\r?\n`);
		await Promise.all(nodes.map((n) =>
			until('the cluster is whole', () => n.sees(all))));
	}

	async follow(replica, primary) {
		await replica.cli('cluster', 'replicate', await primary.id());
		await until('the replica follows', async () =>
			/master_link_status:up/.test(await replica.cli('info',
				'replication')));
		const known = new RegExp(
			`^${await replica.id()} \\S+ (myself,)?slave `, 'm');
		await Promise.all(this.nodes.map((n) => until('it is known',
			async () => known.test(await n.cli('cluster', 'nodes')))));
	}

	owner(key) {
		const n = this.primaries.length;
		return this.primaries.find((_, i) =>
			slotOf(key) < Math.floor((i + 1) * SLOTS / n));
	}

	// Commands as arrays, each to the owner of its key; of database 0, and
	// functions to every primary.
	async pipe(commands) {
		const parts = new Map(this.primaries.map((p) => [p, []]));
		for (const c of commands)
			if (c[0] === 'FUNCTION')
				parts.forEach((list) => list.push(c));
			else
				parts.get(this.owner(keyOf(c))).push(c);
		await Promise.all([...parts].filter(([, list]) => list.length)
			.map(([p, list]) => p.pipe(list)));
	}

	// By the redis-cli that follows redirections.
	async cli(...args) {
		const r = await this.primaries[0].tryCli(['-c', ...args]);
		assert.equal(r.code, 0, r.stderr);
		assert.doesNotMatch(r.stdout, /^(ERR|WRONGTYPE|CLUSTERDOWN)/);
		return r.stdout.trimEnd();
	}

	async keys() {
		const counts = await Promise.all(
			this.primaries.map((p) => p.keys()));
		return counts.reduce((a, b) => a + b, 0);
	}

	// The replica takes over because its primary does not answer any more.
	async failover(primary, replica) {
		const id = await replica.id();
		const promoted = new RegExp(`^${id} \\S+ (myself,)?master `, 'm');
		await primary.stop();
		this.primaries[this.primaries.indexOf(primary)] = replica;
		this.replicas.splice(this.replicas.indexOf(replica), 1);
		await Promise.all(this.nodes.map((n) => until('all know it',
			async () => promoted.test(await n.cli('cluster', 'nodes')) &&
				n.sees(/cluster_state:ok/))));
	}
}

// A slot on its way from one primary to another, and there.
export async function beginMove(slot, from, to) {
	await to.cli('cluster', 'setslot', slot, 'importing', await from.id());
	await from.cli('cluster', 'setslot', slot, 'migrating', await to.id());
}

export async function endMove(slot, from, to, others) {
	for (;;) {
		const keys = (await from.cli('cluster', 'getkeysinslot', slot, 500))
			.split('\n').filter(Boolean);
		if (!keys.length)
			break;
		await from.cli('migrate', '127.0.0.1', to.port, '', 0, 5000, 'KEYS',
			...keys);
	}
	for (const n of [to, from, ...others])
		await n.cli('cluster', 'setslot', slot, 'node', await to.id());
}

export async function errors(node, code) {
	const text = await node.cli('info', 'errorstats');
	return Number(new RegExp(`errorstat_${code}:count=(\\d+)`).exec(text)?.[1]
		?? 0);
}
