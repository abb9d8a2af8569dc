// redis_data.mjs -- the data of real servers as a cache's: out of them into
// dumps, of a shard each or by slots into as many as are wanted, and back.
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';

import { RedisConn } from './redis_conn.mjs';
import { ScratchServer } from './scratch_server.mjs';

const SLOTS = 16384;
const BATCH = 500;

export function slotOf(key) {
	const open = key.indexOf('{');
	const close = open < 0 ? -1 : key.indexOf('}', open + 1);
	const tag = close > open + 1 ? key.subarray(open + 1, close) : key;
	let crc = 0;
	for (const byte of tag) {
		crc ^= byte << 8;
		for (let i = 0; i < 8; i++)
			crc = (crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1) & 0xffff;
	}
	return crc % SLOTS;
}

// As redis-cli takes it: a point in time, made by the server itself.
export async function takeDump(server, file) {
	const { host = '127.0.0.1', port, user, password, ca } = server;
	await promisify(execFile)('redis-cli', ['-h', host, '-p', String(port),
		...user ? ['--user', user] : [],
		...ca ? ['--tls', '--cacert', ca] : [], '--rdb', file],
	{ env: { ...process.env, ...password && { REDISCLI_AUTH: password } } });
	return file;
}

async function databases(conn) {
	const text = (await conn.call('INFO', 'keyspace')).toString();
	return [...text.matchAll(/^db(\d+):/gm)].map((m) => Number(m[1]));
}

// Names of a database, in batches.
async function* scan(conn) {
	let cursor = '0';
	do {
		const [next, keys] = await conn.call('SCAN', cursor, 'COUNT', BATCH);
		cursor = next.toString();
		if (keys.length)
			yield keys;
	} while (cursor !== '0');
}

// route: the connection that a key goes to, by its name and database.
async function copyKeys(from, route) {
	for (const db of await databases(from)) {
		await from.call('SELECT', db);
		for await (const keys of scan(from))
			await copySome(from, keys, db, route);
	}
}

// The connection is at that database.
async function copySome(from, keys, db, route) {
	const values = await from.pipe(keys.flatMap((k) =>
		[['PEXPIRETIME', k], ['DUMP', k]]));
	await restore(keys, values, db, route);
}

async function restore(keys, values, db, route) {
	const parts = new Map();
	for (const [i, key] of keys.entries()) {
		const [at, dump] = values.slice(2 * i, 2 * i + 2);
		const conn = route(key, db);
		// It expired meanwhile, or there is no place for it.
		if (!dump || !conn)
			continue;
		if (!parts.has(conn))
			parts.set(conn, [['SELECT', db]]);
		parts.get(conn).push(['RESTORE', key, Math.max(at, 0), dump,
			'ABSTTL', 'REPLACE']);
	}
	await Promise.all([...parts].map(async ([conn, commands]) => {
		const replies = await conn.pipe(commands);
		const bad = replies.find((r) => r instanceof Error &&
			// A cluster has database 0 alone.
			!/SELECT is not allowed in cluster mode/.test(r.message));
		if (bad)
			throw bad;
	}));
}

async function copyFunctions(from, to) {
	const dump = await from.call('FUNCTION', 'DUMP');
	for (const conn of to)
		await conn.call('FUNCTION', 'RESTORE', dump, 'REPLACE');
}

// Names by the share of the slots that they are in, and by database.
async function shares(from, count) {
	const all = Array.from({ length: count }, () => new Map());
	for (const db of await databases(from)) {
		await from.call('SELECT', db);
		for await (const keys of scan(from))
			for (const key of keys) {
				const share = all[Math.floor(slotOf(key) * count / SLOTS)];
				if (!share.has(db))
					share.set(db, []);
				share.get(db).push(key);
			}
	}
	return all;
}

// The same data in so many dumps, each with a share of the slots.
export function splitDumps(dumps, count, dir) {
	return withLoaded(dir, dumps, ({ conn: from }) =>
		withLoaded(dir, [], async (part) => {
			const files = [];
			await copyFunctions(from, [part.conn]);
			for (const share of await shares(from, count)) {
				await part.conn.call('FLUSHALL');
				for (const [db, keys] of share) {
					await from.call('SELECT', db);
					await copySome(from, keys, db, () => part.conn);
				}
				files.push(await part.save(
					path.join(dir, `shard-${files.length}`)));
			}
			return files;
		}));
}

// A server that holds what all of the dumps do.
async function withLoaded(dir, dumps, use) {
	const s = await ScratchServer.start(dir);
	try {
		for (const dump of dumps)
			await s.load(dump);
		return await use(s);
	} finally {
		await s.stop();
	}
}

// Of a cluster's node, the slots that are its own.
async function ownSlots(conn) {
	const lines = (await conn.call('CLUSTER', 'NODES')).toString();
	const own = lines.split('\n').find((l) => /myself/.test(l));
	return own.split(' ').slice(8).filter((w) => !w.startsWith('['))
		.map((w) => w.split('-').map(Number));
}

async function router(conns) {
	const info = (await conns[0].call('INFO', 'cluster')).toString();
	if (!/cluster_enabled:1/.test(info))
		return (key) => conns[Math.floor(slotOf(key) * conns.length / SLOTS)];
	const owner = new Array(SLOTS);
	for (const conn of conns)
		for (const [first, last = first] of await ownSlots(conn))
			owner.fill(conn, first, last + 1);
	return (key, db) => db === 0 ? owner[slotOf(key)] : undefined;
}

// Nobody but we get at them until they are opened again: new connections are
// refused, and those that there are end.
export class ClosedServers {
	static async close(servers) {
		const c = new ClosedServers();
		c.conns = await Promise.all(servers.map((s) => RedisConn.open(s)));
		c.binds = await Promise.all(c.conns.map(async (conn) => {
			const [, bind] = await conn.call('CONFIG', 'GET', 'bind');
			await conn.call('CONFIG', 'SET', 'bind', '127.0.0.254');
			await conn.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME',
				'yes');
			return bind;
		}));
		return c;
	}

	async empty() {
		for (const conn of this.conns) {
			await conn.call('FLUSHALL');
			await conn.call('FUNCTION', 'FLUSH');
		}
	}

	async load(dir, dumps) {
		const route = await router(this.conns);
		await withLoaded(dir, dumps, async ({ conn }) => {
			await copyKeys(conn, route);
			await copyFunctions(conn, this.conns);
		});
	}

	async open() {
		await Promise.all(this.conns.map(async (conn, i) => {
			await conn.call('CONFIG', 'SET', 'bind', this.binds[i]);
			conn.close();
		}));
	}
}
