// What check finds out before a run does, and what it says to do about it.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { test } from 'node:test';
import zlib from 'node:zlib';

import {
	EXIT, Job, Redis, drsync, everyType, freePort, shopData, tempDir,
	testCa, until,
} from './harness.mjs';

// The row of the check that is named, and the command's exit status.
async function row(job, what, ...args) {
	const r = await job.run('check', '--json', ...args);
	const doc = JSON.parse(r.stdout);
	const found = doc.checks.find((c) => c.what === what);
	assert.ok(found, r.stdout);
	assert.equal(doc.good, r.code === EXIT.DONE);
	assert.equal(found.advice.length > 10, found.result === 'failed');
	return { ...found, code: r.code };
}

async function good(job, what, says, ...args) {
	const r = await row(job, what, ...args);
	assert.equal(r.result, 'good', r.detail);
	assert.match(r.detail, says);
	return r;
}

async function failed(job, what, says, code, ...args) {
	const r = await row(job, what, ...args);
	assert.equal(r.result, 'failed', r.detail);
	assert.match(r.detail, says);
	assert.equal(r.code, code);
	return r;
}

// A user with the rights named, as the way to reach the server.
async function as(redis, name, ...rights) {
	await redis.cli('acl', 'setuser', name, 'on', 'nopass', '~*', '&*',
		...rights);
	return `redis://${name}@${redis.name}`;
}

async function dump(redis) {
	await redis.cli('save');
	return path.join(redis.dir, 'dump.rdb');
}

test('a source that has renamed what a snapshot takes', async (t) => {
	const [none, sync] = await Promise.all([
		Redis.start(t, { 'rename-command': ['PSYNC', 'hidden1',
			'--rename-command', 'SYNC', 'hidden2'] }),
		Redis.start(t, { 'rename-command': ['PSYNC', 'hidden'] })]);
	await failed(new Job(t, { source: none }), 'source Redis',
		/neither PSYNC nor SYNC/, EXIT.FAILED);
	await good(new Job(t, { source: sync }), 'source Redis',
		/SYNC allowed/);
});

test('a source whose user may not, may, or hides it', async (t) => {
	const source = await Redis.start(t);
	const job = (url) => new Job(t, { source: { url } });
	const r = await failed(job(await as(source, 'reader', '+@all',
		'-psync')), 'source Redis', /'reader' may not use PSYNC/, EXIT.AUTH);
	assert.match(r.advice, /\+psync \+sync \+replconf/);
	await good(job(await as(source, 'copier', '+@all', '-sync')),
		'source Redis', /PSYNC allowed/);
	const scan = ['--allow-inconsistent', 'yes'];
	const url = await as(source, 'scanner', '+@all', '-psync');
	const scans = new Job(t, { source: { url }, args: scan });
	await good(scans, 'source Redis', /by 'scan', .*DUMP allowed/);
	await source.cli('acl', 'setuser', 'scanner', '-dump');
	await failed(scans, 'source Redis', /'scanner' may not use DUMP/,
		EXIT.AUTH);
	const least = job(await as(source, 'least', '+psync', '+replconf',
		'+ping', '+info'));
	await good(least, 'source Redis', /cannot be told beforehand/);
	await least.ok('snapshot');
});

test('a source of several hosts passes when one works', async (t) => {
	const source = await Redis.start(t);
	const dead = `127.0.0.1:${await freePort()}`;
	for (const hosts of [`${dead},${source.name}`, `${source.name},${dead}`]) {
		const job = new Job(t, { source: { url: `redis://${hosts}` } });
		const r = await good(job, 'source Redis', /passed over/);
		assert.ok(r.detail.startsWith(`${source.name}: `), r.detail);
		assert.ok(r.detail.includes(`passed over: '${dead}'`), r.detail);
		await job.ok('snapshot');
	}
	await failed(new Job(t, { source: { url: `redis://${dead}` } }),
		'source Redis', /./, EXIT.UNREACHABLE);
});

test('a source that is a file', async (t) => {
	const source = await Redis.start(t);
	await source.pipe(everyType());
	const rdb = await dump(source);
	const bytes = fs.readFileSync(rdb);
	const job = new Job(t);
	const file = path.join(job.dir, 'file');
	const is = async (content, verdict, says, ...code) => {
		fs.writeFileSync(file, content);
		await verdict(job, 'source file', says, ...code,
			'--source-file', file);
	};
	await failed(job, 'source file', /No such file/, EXIT.FAILED,
		'--source-file', '/nonexistent.rdb');
	await failed(job, 'source file', /is no file/, EXIT.USAGE,
		'--source-file', job.dir);
	await is(bytes, good, /none, RDB version 10, whole/);
	await is(zlib.gzipSync(bytes), good, /gzip, RDB version 10, whole/);
	await is('no dump at all', failed, /./, EXIT.CORRUPT);
	await is('', failed, /./, EXIT.CORRUPT);
	await is(bytes.subarray(0, bytes.length - 9), failed, /./, EXIT.CORRUPT);
	await is(zlib.gzipSync(bytes).subarray(0, 100), failed, /./,
		EXIT.CORRUPT);
	// Of a large one the beginning must do: a snapshot proves the rest.
	await source.pipe([['SET', 'large',
		crypto.randomBytes(2 << 20).toString('base64')]]);
	fs.copyFileSync(await dump(source), file);
	await good(job, 'source file', /none, RDB version 10; its beginning/,
		'--source-file', file);
});

test('a spool where no file can be made', async (t) => {
	const job = new Job(t);
	await failed(job, 'spool', /'\/proc'/, EXIT.FAILED, '--spool-dir',
		'/proc');
	const dir = tempDir(t);
	await good(job, 'spool', /written; \d+ MiB free/, '--spool-dir', dir);
	assert.deepEqual(fs.readdirSync(dir), []);
});

test('by which ways the DR Redis can be loaded', async (t) => {
	const [source, redis] = await Promise.all(
		[Redis.start(t), Redis.start(t)]);
	await source.pipe(everyType());
	const job = new Job(t, { source, target: redis });
	const url = await as(redis, 'writer', '+@all', '-replicaof', '-slaveof');

	await good(job, 'DR Redis', /the source as it is: replica: yes, restore: yes/);
	await job.ok('sync');
	await good(job, 'DR Redis', /of \d{8}T.*: replica: yes, restore: yes/);
	job.target = { url };
	await good(job, 'DR Redis', /replica: no: .*REPLICAOF.*restore: yes/);
	await failed(job, 'DR Redis', /'replica'.*REPLICAOF/, EXIT.FAILED,
		'--restorer', 'replica');
	await failed(new Job(t, { source, target: { url: await as(redis,
		'mere', '+@all', '-replicaof', '-slaveof', '-restore') } }),
	'DR Redis', /replica: no: .*REPLICAOF.*restore: no: .*RESTORE/,
	EXIT.FAILED);
	job.target = { url: await as(redis, 'plain', '+@all', '-config',
		'-function') };
	await failed(job, 'DR Redis', /replica: no: .*restore: no: .*FUNCTION/,
		EXIT.FAILED);
	// The copy holds 16 databases' worth of numbers.
	job.target = await Redis.start(t, { databases: 2 });
	await failed(job, 'DR Redis', /replica: no: .*restore: no: /,
		EXIT.FAILED);
});

test('where drsync would be a master', async (t) => {
	const target = await Redis.start(t);
	const ca = await testCa(t);
	const job = new Job(t, { target });
	const tls = (cert, key) => ['--replication-tls-cert', cert,
		'--replication-tls-key', key, '--replication-tls-ca', ca.ca];
	await good(job, 'replication', /can listen on 127\.0\.0\.1 port \d+/);
	await good(job, 'replication', /told as dr\.example/, '--advertise',
		'dr.example');
	// TEST-NET-1 is nobody's.
	await failed(job, 'replication', /192\.0\.2\.1/, EXIT.FAILED, '--bind',
		'192.0.2.1');
	const other = net.createServer().listen(0, '127.0.0.1');
	t.after(() => other.close());
	await once(other, 'listening');
	await failed(job, 'replication', /in use/, EXIT.FAILED,
		'--replication-port', other.address().port);
	await good(job, 'replication', /./, ...tls(ca.cert, ca.key));
	await failed(job, 'replication', /\/nowhere/, EXIT.USAGE,
		...tls('/nowhere', ca.key));
	await failed(job, 'replication', /./, EXIT.USAGE,
		...tls(ca.cert, ca.ca));
	const r = await row(job, 'replication', '--restorer', 'restore');
	assert.equal(r.result, 'skipped');
});

test('what a crashed run left is not a failure', async (t) => {
	const [source, target] = await Promise.all(
		[Redis.start(t), Redis.start(t, { 'key-load-delay': 100 })]);
	await source.pipe(await shopData(10));
	const job = new Job(t, { source, target });
	const running = job.start('sync', '--import', 'after-each-sync',
		'--restorer', 'replica', '--quiet');
	await until('the target is a replica', async () =>
		/role:slave/.test((await target.tryCli(
			['info', 'replication'])).stdout));
	running.child.kill('SIGKILL');
	await running.ended;
	await until('the target has given up loading', async () =>
		/^loading:0/m.test((await target.tryCli(
			['info', 'persistence'])).stdout));
	await good(job, 'DR Redis', /a crashed run left it as a replica/);
	// The check undoes nothing itself.
	assert.match(await target.cli('info', 'replication'), /role:slave/);
	await target.cli('replicaof', 'no', 'one');
	await good(job, 'DR Redis', /replica: yes/);

	// Of somebody else it is a failure.
	await target.cli('replicaof', '127.0.0.1', source.port);
	await failed(job, 'DR Redis', /is a replica of/, EXIT.REFUSED);
});

test('settings that do not go together', async (t) => {
	const job = new Job(t, { source: { url: 'redis://127.0.0.1:1' } });
	await failed(job, 'settings', /gzip has/, EXIT.USAGE, '--level', '15');
	await good(job, 'settings', /./, '--level', '15', '--codec', 'zstd');
	await failed(job, 'settings', /both/, EXIT.USAGE, '--source-file', '/a');
	await failed(job, 'settings', /same store/, EXIT.USAGE, '--dr-store',
		`file://${job.west}/`);
});

test('one document on stdout also for what cannot be parsed', async () => {
	for (const args of [['bogus'], ['sync', '--bogus'], ['help', 'bogus'],
		['sync', 'too', 'much'], ['check', '--job', '../x']]) {
		const r = await drsync([...args, '--json']);
		assert.equal(r.code, EXIT.USAGE, r.stderr);
		assert.equal(JSON.parse(r.stdout).error.kind, 'usage');
		assert.match(r.stderr, /^drsync: /);
		// Without the flag, nothing.
		assert.equal((await drsync(args)).stdout, '');
	}
});

test('config show takes every setting, and tells of its origin', async () => {
	// All that any command takes, as the completions have it.
	const { stdout } = await drsync(['--completion', 'bash']);
	const words = (command) => new Set(stdout.match(
		new RegExp(`\\t${command}\\)\\n\\t\\twords='([^']*)'`))[1]
		.trim().split(' '));
	for (const command of ['sync', 'restore', 'copy', 'check'])
		for (const flag of words(command))
			if (!['--overwrite-target', '--unverified', '--blob',
				'--replace', '--dry-run', '--in'].includes(flag))
				assert.ok(words('config').has(flag), flag);
	const r = await drsync(['config', 'show', '--codec', 'zstd', '--json']);
	assert.equal(r.code, EXIT.DONE, r.stderr);
	assert.deepEqual(JSON.parse(r.stdout).settings
		.filter((s) => s.from === 'command line'),
	[{ key: 'codec', value: 'zstd', from: 'command line' }]);
});
