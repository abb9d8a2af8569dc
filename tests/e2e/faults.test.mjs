// Every failure: its exit status, a text that says what, nothing listed that
// cannot be restored, no old snapshot harmed, and the next run succeeds.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { test } from 'node:test';

import { Azurite } from './azurite.mjs';
import { FaultProxy } from './fault_proxy.mjs';
import {
	EXIT, Job, Redis, everyType, freePort, shopData, tempDir, tool, until,
} from './harness.mjs';

async function twins(t, sourceOpts = {}, targetOpts = {}) {
	const [source, target] = await Promise.all(
		[Redis.start(t, sourceOpts), Redis.start(t, targetOpts)]);
	return new Job(t, { source, target });
}

async function listedIs(job, n) {
	const ids = await job.assertListedIsGood();
	assert.equal(ids.source.length, n);
	assert.equal(ids.dr.length, n);
}

test('a wrong or missing password', async (t) => {
	const job = await twins(t, { requirepass: 'right' },
		{ requirepass: 'right' });
	await job.source.pipe(everyType());
	job.env = { GOOD: 'right', BAD: 'wrong' };
	const good = ['--source-password', 'env:GOOD', '--target-password',
		'env:GOOD'];
	await job.ok('sync', ...good);
	await job.fails(EXIT.AUTH, /./, 'sync', '--source-password', 'env:BAD',
		'--target-password', 'env:GOOD');
	await job.fails(EXIT.AUTH, /./, 'snapshot');
	await job.fails(EXIT.AUTH, /./, 'sync', '--source-password', 'env:GOOD',
		'--target-password', 'env:BAD');
	await job.fails(EXIT.AUTH, /./, 'restore', '--target-password',
		'env:BAD');
	await job.fails(EXIT.USAGE, /NOWHERE/, 'sync', '--source-password',
		'env:NOWHERE');
	assert.equal(await job.target.digest(), await job.source.digest());
	await job.ok('sync', ...good);
});

test('a user without the rights is told which are missing', async (t) => {
	const job = await twins(t);
	await job.source.pipe(everyType());
	await job.source.cli('acl', 'setuser', 'reader', 'on', '>pw', '~*',
		'+@read', '+ping', '+info');
	job.env = { PW: 'pw' };
	await job.fails(EXIT.AUTH, /grant \+psync \+sync \+replconf/,
		'snapshot', '--source-user', 'reader', '--source-password',
		'env:PW');
	assert.equal((await job.list()).length, 0);
	await job.source.cli('acl', 'setuser', 'reader', '+psync', '+sync',
		'+replconf');
	await job.ok('snapshot', '--source-user', 'reader',
		'--source-password', 'env:PW');
});

test('a source that refuses to replicate', async (t) => {
	const job = await twins(t, { 'rename-command': ['PSYNC', ''] });
	await job.source.pipe(everyType());
	// SYNC is still there to fall back to.
	const r = await job.ok('sync');
	assert.equal(r.comparison.same, true);
	const other = await twins(t, { 'rename-command': ['SYNC', ''] });
	await other.ok('sync');
});

test('a source that offers no replication at all', async (t) => {
	const dir = tempDir(t);
	const conf = path.join(dir, 'redis.conf');
	fs.writeFileSync(conf,
		'rename-command PSYNC ""\nrename-command SYNC ""\n');
	const job = await twins(t, { include: conf });
	await job.source.pipe(everyType());
	const r = await job.fails(EXIT.FAILED, /refuses replication/, 'sync');
	// What is named exists, and does what is said of it.
	assert.doesNotMatch(r.stderr, /'arm'|'scan'/);
	const option = r.stderr.match(/export an RDB file.*\((--[a-z-]+)\)/)[1];
	await job.source.cli('save');
	const { dir: there } = job.source;
	job.source = undefined;
	const done = await job.ok('sync', option, path.join(there, 'dump.rdb'));
	assert.equal(done.comparison.same, true);
});

// A guard of ours is told from a server that does not do what it was asked to.
test('a target that answers an error is a failure, and no refusal', async (t) => {
	const job = await twins(t, {}, { maxmemory: '12mb', databases: 4,
		'hash-max-listpack-entries': 0 });
	// Of little memory in the source, and of much where no hash is packed.
	await job.source.cli('eval', `for i = 1, 2000 do
		local h = {}
		for f = 1, 100 do h[2 * f - 1] = 'f' .. f; h[2 * f] = f end
		redis.call('HSET', 'hash:' .. i, unpack(h)) end`, '0');
	const told = await job.fails(EXIT.FAILED,
		/restoring key 'hash:\d+' of database 0: OOM .*maxmemory/, 'sync',
		'--restorer', 'restore');
	assert.match(told.stderr, /the target holds a part of the snapshot/);
	const r = await job.run('restore', '--restorer', 'restore', '--json');
	assert.equal(r.code, EXIT.FAILED, r.stderr);
	assert.equal(JSON.parse(r.stdout).error.kind, 'server');
	await job.fails(EXIT.FAILED, /ERR DB index is out of range/, 'restore',
		'--target', `${job.target.url}/9`);
	await job.target.cli('config', 'set', 'maxmemory', '0');
	await job.ok('restore');
	assert.equal(await job.target.digest(), await job.source.digest());
});

test('hosts that are not there, and one that says nothing', async (t) => {
	const job = await twins(t);
	const good = job.source;
	await job.source.pipe(everyType());
	job.source = { url: `redis://127.0.0.1:${await freePort()}` };
	await job.fails(EXIT.UNREACHABLE, /127\.0\.0\.1/, 'snapshot',
		'--timeout', '2s');
	job.source = { url: 'redis://no-such-host.invalid:6379' };
	await job.fails(EXIT.UNREACHABLE, /no-such-host/, 'snapshot',
		'--timeout', '2s');
	const mute = net.createServer(() => { });
	mute.listen(0, '127.0.0.1');
	await once(mute, 'listening');
	t.after(() => mute.close());
	job.source = { url: `redis://127.0.0.1:${mute.address().port}` };
	const r = job.start('snapshot', '--timeout', '1s');
	const ended = await r.ended;
	assert.equal(ended.code, EXIT.UNREACHABLE, ended.stderr);
	job.source = good;
	const { target } = job;
	job.target = { url: `redis://127.0.0.1:${await freePort()}` };
	await job.fails(EXIT.UNREACHABLE, /cannot connect/, 'sync', '--timeout',
		'2s');
	job.target = target;
	await job.ok('sync');
	await listedIs(job, 2);
});

// Between drsync and its source.  Of a dump that passes harm() gets each piece
// and how many bytes went before; what it returns goes on, and nothing is the
// end.
async function onTheWay(t, redis, harm) {
	const server = net.createServer((client) => {
		const up = net.connect(redis.port, '127.0.0.1');
		let passed = -1;
		up.on('data', (bytes) => {
			const begins = passed < 0 ? bytes.indexOf('REDIS00') : 0;
			let dump = bytes.subarray(begins < 0 ? bytes.length : begins);
			client.write(bytes.subarray(0, bytes.length - dump.length));
			if (dump.length === 0)
				return;
			passed = Math.max(passed, 0);
			const { length } = dump;
			dump = harm(dump, passed);
			passed += length;
			if (dump)
				client.write(dump);
			else
				client.destroy();
		});
		client.on('data', (bytes) => up.write(bytes));
		for (const [one, other] of [[up, client], [client, up]]) {
			one.on('error', () => { });
			one.on('close', () => other.destroy());
		}
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	t.after(() => server.close());
	return { url: `redis://127.0.0.1:${server.address().port}` };
}

test('a dump that is damaged on its way from the source', async (t) => {
	const job = await twins(t);
	const { source } = job;
	await source.pipe(everyType());
	await job.ok('sync');
	const before = await job.target.digest();
	// Most of the dump, so that its middle is in it.
	await source.cli('set', 'noise',
		randomBytes(60000).toString('base64'));
	let harmed = 0;
	const has = (dump, passed) => passed <= 40000 &&
		passed + dump.length > 40000 && ++harmed;
	job.source = await onTheWay(t, source, (dump, passed) => {
		if (has(dump, passed))
			dump[40000 - passed] ^= 1;
		return dump;
	});
	await job.fails(EXIT.CORRUPT, /CRC64/, 'sync');
	assert.equal(harmed, 1);
	await listedIs(job, 1);
	assert.equal(await job.target.digest(), before);
	// Of a connection that breaks, the same run begins again.
	job.source = await onTheWay(t, source, (dump, passed) =>
		(has(dump, passed) === 2 ? undefined : dump));
	const r = await job.ok('sync');
	assert.equal(harmed, 3);
	assert.equal(r.comparison.same, true);
	await listedIs(job, 2);
});

test('Redis is killed in mid-sync', async (t) => {
	const job = await twins(t, { 'rdb-key-save-delay': 300 });
	await job.source.pipe(await shopData(10));
	const running = job.start('sync', '--timeout', '60s');
	await until('the dump has begun', async () =>
		/rdb_bgsave_in_progress:1/.test(
			await job.source.cli('info', 'persistence')));
	await job.source.stop();
	const r = await running.ended;
	assert.equal(r.code, EXIT.UNREACHABLE, r.stderr);
	assert.match(r.stderr, /^drsync: .*cannot connect/m);
	assert.equal((await job.list()).length, 0);
	assert.equal(await job.target.keys(), 0);
	job.source = await Redis.start(t);
	await job.source.pipe(everyType());
	await job.ok('sync');
	await listedIs(job, 1);
});

test('the target dies while it loads', async (t) => {
	const job = await twins(t, {}, { 'key-load-delay': 200 });
	await job.source.pipe(await shopData(10));
	const running = job.start('sync', '--restorer', 'replica',
		'--timeout', '60s');
	await until('the target loads', async () =>
		/^loading:1/m.test((await job.target.tryCli(
			['info', 'persistence'])).stdout));
	await job.target.stop();
	const r = await running.ended;
	assert.equal(r.code, EXIT.UNREACHABLE, r.stderr);
	assert.match(r.stderr, /which the next run does/);
	await job.assertListedIsGood();
	job.target = await Redis.start(t);
	await job.ok('sync');
	assert.equal(await job.target.digest(), await job.source.digest());
});

for (const [what, harm] of [
	['a flipped byte', (fd, size) => {
		const b = Buffer.alloc(1);
		fs.readSync(fd, b, 0, 1, size >> 1);
		b[0] ^= 0x10;
		fs.writeSync(fd, b, 0, 1, size >> 1);
	}],
	['a missing end', (fd, size) => fs.ftruncateSync(fd, size - 1)],
	['bytes too many', (fd, size) => fs.writeSync(fd, 'x', size)],
	['only zeros', (fd, size) => fs.writeSync(fd, Buffer.alloc(size), 0,
		size, 0)],
]) {
	test(`a part with ${what} reaches no target`, async (t) => {
		const job = await twins(t);
		await job.source.pipe(await shopData(2));
		await job.ok('sync');
		const before = await job.target.digest();
		await job.source.cli('set', 'newer', 'yes');
		const { snapshot } = await job.ok('sync', '--import', 'never');
		const part = path.join(job.snapshotDir(snapshot.id, job.north),
			snapshot.parts[0].name);
		const fd = fs.openSync(part, 'r+');
		harm(fd, snapshot.parts[0].bytes);
		fs.closeSync(fd);
		for (const args of [[], ['--deep']])
			await job.fails(EXIT.CORRUPT, /part-0000/, 'verify', '--in',
				'dr', ...args, snapshot.id);
		for (const way of ['replica', 'restore'])
			await job.fails(EXIT.CORRUPT, /part-0000/, 'restore',
				'--restorer', way, snapshot.id);
		assert.equal(await job.target.digest(), before);
		assert.match(await job.target.cli('info', 'replication'),
			/role:master/);
		// The other region's copy is whole, and a new run is too.
		await job.ok('verify', '--deep', '--in', 'source', snapshot.id);
		await job.ok('sync');
		assert.equal(await job.target.digest(), await job.source.digest());
	});
}

test('a part that is gone, and a manifest that is damaged', async (t) => {
	const job = await twins(t);
	await job.source.pipe(everyType());
	const { snapshot } = await job.ok('sync');
	const before = await job.target.digest();
	const dir = job.snapshotDir(snapshot.id, job.north);
	fs.renameSync(path.join(dir, snapshot.parts[0].name),
		path.join(job.dir, 'part'));
	for (const command of ['verify', 'restore'])
		await job.fails(EXIT.CORRUPT, /part-0000.*it is not in/, command);
	assert.equal(await job.target.digest(), before);
	fs.renameSync(path.join(job.dir, 'part'),
		path.join(dir, snapshot.parts[0].name));
	const manifest = path.join(dir, 'manifest.json');
	const text = fs.readFileSync(manifest, 'utf8');
	for (const [bad, code, says] of [
		['', EXIT.CORRUPT, /not JSON/], ['{', EXIT.CORRUPT, /not JSON/],
		[text.slice(0, -20), EXIT.CORRUPT, /no end/],
		['[]', EXIT.CORRUPT, /no JSON object/],
		[text.replace('"format": 1,', '"format": 99,'), EXIT.FAILED,
			/format 99 .*a newer one/],
		[text.replace(snapshot.id, '20200101T000000Z-abcdef'),
			EXIT.CORRUPT, /its manifest is of snapshot '20200101/],
	]) {
		assert.notEqual(bad, text);
		fs.writeFileSync(manifest, bad);
		await job.fails(code, says, 'restore');
		assert.equal(await job.target.digest(), before);
	}
	fs.writeFileSync(manifest, text);
	await job.ok('restore');
});

test('a dump that is damaged before it is taken', async (t) => {
	const job = await twins(t);
	await job.source.pipe(everyType());
	await job.source.cli('save');
	const good = fs.readFileSync(path.join(job.source.dir, 'dump.rdb'));
	const file = path.join(tempDir(t), 'dump.rdb');
	job.source = undefined;
	for (const bad of [good.subarray(0, 9), good.subarray(0, -1),
		good.subarray(0, -9), good.subarray(0, good.length >> 1),
		Buffer.from(good).fill(0x5a, good.length - 4, good.length - 3),
		Buffer.from('no dump at all')]) {
		fs.writeFileSync(file, bad);
		await job.fails(EXIT.CORRUPT, /./, 'snapshot', '--source-file',
			file);
		await job.fails(EXIT.CORRUPT, /./, 'inspect', file);
	}
	assert.equal((await job.list()).length, 0);
});

for (const [title, region] of [
	['a store that is full, or read-only', 'source'],
	['a DR store that is full, or read-only', 'dr'],
]) {
	test(title, { skip: process.getuid() !== 0 &&
		'not root: no small tmpfs' }, async (t) => {
		const job = await twins(t);
		const store = region === 'dr' ? job.north : job.west;
		await job.source.pipe(await shopData(20));
		try {
			await tool('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs',
				store]);
		} catch (e) {
			t.skip('not allowed to mount a small tmpfs');
			return;
		}
		try {
			await job.fails(EXIT.FAILED, /no space left/i, 'sync');
			assert.equal((await job.list(region)).length, 0);
			assert.equal(await job.target.keys(), 0);
			await tool('mount', ['-o', 'remount,size=64m', store]);
			await job.ok('sync');
			const { dr } = await job.assertListedIsGood();
			assert.equal(dr.length, 1);
			await tool('mount', ['-o', 'remount,ro', store]);
			await job.fails(EXIT.FAILED, /read-only/i, 'sync');
			await job.ok('verify', '--in', region);
		} finally {
			await tool('umount', [store]);
		}
	});
}

test('a spool that is too small ends the run cleanly', async (t) => {
	const [job, azurite] = await Promise.all([twins(t), Azurite.start(t)]);
	const proxy = await FaultProxy.start(t, azurite.url);
	job.env = { WEST: azurite.keys.west };
	job.stores = ['--store', `${proxy.url}/west/dumps`, '--store-key',
		'env:WEST'];
	job.env.DRSYNC_CODEC = 'none';
	await job.source.pipe(everyType());
	const { snapshot } = await job.ok('sync');
	const before = await job.target.digest();
	await job.source.cli('config', 'set', 'rdbcompression', 'no');
	await job.source.cli('debug', 'populate', '160', 'big', '1000000');
	// A store that takes nothing while the source sends all of it.
	let go;
	const gone = new Promise((resolve) => { go = resolve; });
	proxy.spoil('dumps', 'west PUT block part', () => gone,
		{ times: Infinity });
	const r = await job.run('sync', '--spool-max', '20MiB');
	go();
	assert.equal(r.code, EXIT.FAILED, r.stderr);
	assert.match(r.stderr, /spool .* is full .*spool\.max_bytes/);
	proxy.heal('dumps');
	assert.deepEqual((await job.list()).map((s) => s.id), [snapshot.id]);
	assert.deepEqual((await azurite.names('west')).filter((name) =>
		name.includes('part-') && !name.includes(snapshot.id)), []);
	assert.equal(await job.target.digest(), before);
	await job.source.cli('eval', "for i = 0, 159 do " +
		"redis.call('DEL', 'big:' .. i) end", '0');
	await job.ok('sync');
	await job.assertListedIsGood();
});

test('a store that is not there', async (t) => {
	const job = await twins(t);
	await job.source.pipe(everyType());
	await job.ok('sync');
	job.stores = ['--store', 'file:///nowhere/at/all'];
	await job.fails(EXIT.FAILED, /nowhere.*is its disk mounted/, 'snapshot');
	job.stores = ['--store', 'file:///proc/self'];
	await job.fails(EXIT.FAILED, /\/proc\/self/, 'snapshot');
	job.stores = ['--store', `file://${job.west}`];
	await job.ok('sync');
	await listedIs(job, 2);
});
