// Values that a RESTORE cannot bring become plain commands.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
	Cluster, Redis62Node, beginMove, endMove, errors, slotOf,
} from './cluster.mjs';
import { EXIT, Job, Redis, everyType, noServers, until } from './harness.mjs';

const FAR = 4102444800123;
const many = (n, f) => Array.from({ length: n }, (_, i) => f(i)).flat();
const word = (i) => `${i}:`.padEnd(10000, 'x');

// Each of five megabytes, in elements of ten thousand bytes.
function bigOfEveryKind() {
	return [
		['RPUSH', 'big:list', ...many(500, word)],
		['SADD', 'big:set', ...many(500, word)],
		['ZADD', 'big:zset', 'inf', 'most', '-0', 'nothing', ...many(500, (i) => [i / 7, word(i)])],
		['HSET', 'big:hash', ...many(500, (i) => [`f${i}`, word(i)])],
		...Array.from({ length: 500 }, (_, i) =>
			['XADD', 'big:stream', `${i + 1}-1`, 'f', word(i), 'g', i]),
		['XDEL', 'big:stream', '500-1'],
		['XGROUP', 'CREATE', 'big:stream', 'readers', '0'],
		['XREADGROUP', 'GROUP', 'readers', 'ann', 'COUNT', 30, 'STREAMS',
			'big:stream', '>'],
		['XCLAIM', 'big:stream', 'readers', 'bob', 0, '7-1', '9-1'],
		['XGROUP', 'CREATECONSUMER', 'big:stream', 'readers', 'idle'],
		['PEXPIREAT', 'big:list', FAR], ['PEXPIREAT', 'big:stream', FAR],
	];
}

async function twins(t, limit) {
	const [source, target] = await Promise.all([
		Redis.start(t, { rdbcompression: 'no' }),
		Redis.start(t, limit)]);
	await source.pipe(everyType());
	return new Job(t, { source, target });
}

// A string may be as long as proto-max-bulk-len, and no longer.
async function bigOnesArrive(t, limit, string) {
	const job = await twins(t, limit);
	const { source, target } = job;
	await source.pipe(bigOfEveryKind());
	await source.cli('setrange', 'big:str', string - 1, 'x');
	const done = await job.ok('sync', '--restorer', 'restore');
	assert.equal(done.import.by_commands, 6);
	assert.equal(done.import.lost, 'when stream consumers were last seen');
	assert.equal(done.comparison.same, true);
	assert.equal(await target.digest(), await source.digest());
	for (const key of ['big:list', 'big:stream'])
		assert.equal(await target.cli('pexpiretime', key), String(FAR));
	for (const what of ['groups', 'stream'])
		assert.equal(await target.cli('xinfo', what, 'big:stream'),
			await source.cli('xinfo', what, 'big:stream'));
	const pending = await target.cli('xpending', 'big:stream', 'readers',
		'7-1', '7-1', 1, 'bob');
	assert.equal(pending.split('\n')[3], '2');
	assert.equal(await target.keys(), await source.keys());
}

test('values over proto-max-bulk-len go by plain commands', (t) =>
	bigOnesArrive(t, { 'proto-max-bulk-len': '1mb' }, 1048576));

test('values over client-query-buffer-limit go by plain commands', (t) =>
	bigOnesArrive(t, { 'client-query-buffer-limit': '1mb' }, 5000000));

// What cannot be renamed stays under the name that it was written to.
test('a value that was cut short is no data of anybody', async (t) => {
	const job = await twins(t, { 'proto-max-bulk-len': '1mb' });
	const { source, target } = job;
	await source.pipe(bigOfEveryKind());
	await target.cli('acl', 'setuser', 'default', 'resetkeys', '~[^b]*',
		'~bitmap');
	await job.fails(EXIT.AUTH, /a part of the snapshot/, 'sync',
		'--restorer', 'restore');
	const left = await target.cli('--scan', '--pattern',
		'drsync:import:shop:value:*');
	assert.notEqual(left, '');
	await target.cli('acl', 'setuser', 'default', '~*');
	const done = await job.ok('sync', '--restorer', 'restore');
	assert.equal(done.import.replaced, true);
	assert.equal(done.comparison.same, true);
	assert.equal(await target.digest(), await source.digest());
});

test('an element over the limit is found before the target is emptied',
	async (t) => {
		const job = await twins(t, { 'proto-max-bulk-len': '1mb' });
		const { source, target } = job;
		await job.ok('sync', '--restorer', 'restore');
		const before = await target.digest();
		await source.pipe([['RPUSH', 'long', 'y'.repeat(1100000)]]);
		await job.fails(EXIT.FAILED,
			/biggest element has 11000\d\d bytes, 514\d\d more than the server's/,
			'sync', '--restorer', 'restore');
		assert.equal(await target.digest(), before);
	});

// Names whose slot only the whole name tells, and one that a tag does.
const AWKWARD = ['{}x', 'a{', '}{y}', '{{z}}', '{tag}w'];
const LIMIT = { 'proto-max-bulk-len': '1mb' };

async function assertTheSame(job, ...args) {
	const r = await job.run('compare', '--json', ...args);
	assert.equal(r.code, EXIT.DONE, r.stdout + r.stderr);
	assert.equal(JSON.parse(r.stdout).verdict, 'same');
}

async function bigOnesAndCluster(t, opts) {
	const [source, target] = await Promise.all([
		Redis.start(t, { rdbcompression: 'no' }), Cluster.start(t, opts)]);
	await source.pipe([...bigOfEveryKind(), ...AWKWARD.map((k) =>
		['RPUSH', k, ...many(200, word)])]);
	await source.cli('debug', 'populate', '3000', 'k', '30');
	return new Job(t, { source, target });
}

test('values over the limit go into a cluster by plain commands',
	async (t) => {
		const job = await bigOnesAndCluster(t, { opts: LIMIT });
		const { source, target } = job;
		const done = await job.ok('sync');
		assert.equal(done.import.by_commands, 5 + AWKWARD.length);
		assert.equal(done.import.lost,
			'when stream consumers were last seen');
		assert.equal(done.comparison.same, true);
		await assertTheSame(job, source.url, target.url);
		assert.equal(await target.keys(), await source.keys());
		for (const key of ['big:list', 'big:stream'])
			assert.equal(await target.cli('pexpiretime', key), String(FAR));
		for (const what of ['groups', 'stream'])
			assert.equal(await target.cli('xinfo', what, 'big:stream'),
				await source.cli('xinfo', what, 'big:stream'));
	});

// RENAME is refused until the slot is there.
test('a value over the limit whose slot is on its way waits for it',
	async (t) => {
		const job = await bigOnesAndCluster(t, { opts: LIMIT });
		const { source, target } = job;
		const slot = slotOf('big:hash');
		const from = target.owner('big:hash');
		const [to, other] = target.primaries.filter((p) => p !== from);
		await beginMove(slot, from, to);
		const run = job.start('sync', '--json');
		await until('it is told to ask', async () =>
			await errors(from, 'ASK') > 2);
		await endMove(slot, from, to, [other]);
		const r = await run.ended;
		assert.equal(r.code, EXIT.DONE, r.stderr);
		await assertTheSame(job, source.url, target.url);
		assert.equal(await target.keys(), await source.keys());
		assert.equal(await to.cli('exists', 'big:hash'), '1');
	});

// One of a hundred megabytes, and when it is half there.
async function inMidValue(t, opts) {
	const [source, target] = await Promise.all([
		Redis.start(t, { rdbcompression: 'no' }), Cluster.start(t, opts)]);
	await source.cli('eval', `for i = 1, 20000 do redis.call('RPUSH', KEYS[1],
		i .. string.rep('x', 5000)) end`, '1', 'huge');
	await source.cli('debug', 'populate', '1000', 'k', '30');
	const job = new Job(t, { source, target });
	const run = job.start('sync', '--json');
	const owner = target.owner('huge');
	await until('the value is begun', async () => /:value:/.test(
		await owner.cli('--scan', '--pattern', 'drsync:import:*')));
	await owner.cli('client', 'pause', '60000', 'write');
	assert.equal(await owner.cli('exists', 'huge'), '0');
	return { job, run, owner };
}

async function assertArrived({ job, run }) {
	const { source, target } = job;
	const r = await run.ended;
	assert.equal(r.code, EXIT.DONE, r.stderr);
	await assertTheSame(job, source.url, target.url);
	assert.equal(await target.keys(), await source.keys());
	assert.equal(await target.cli('llen', 'huge'), '20000');
}

test('a value over the limit whose connection breaks is begun again',
	async (t) => {
		const mid = await inMidValue(t, { opts: LIMIT });
		await mid.owner.cli('client', 'kill', 'type', 'normal');
		await mid.owner.cli('client', 'unpause');
		await assertArrived(mid);
	});

test('a primary that dies in the midst of a value over the limit',
	async (t) => {
		const mid = await inMidValue(t, { opts: LIMIT, replicas: 3 });
		const { target } = mid.job;
		const i = target.primaries.indexOf(mid.owner);
		await target.failover(mid.owner, target.replicas[i]);
		await assertArrived(mid);
	});

test('versions: what a cluster of 6.2 does not load goes by plain commands',
	{ skip: noServers }, async (t) => {
		const [source, target] = await Promise.all([Redis.start(t),
			Cluster.start(t, { node: Redis62Node })]);
		await source.pipe([...many(3000, (i) => [
			['HSET', `hash:${i}`, 'f', i], ['ZADD', `zset:${i}`, i, 'm'],
			['RPUSH', `list:${i}`, i, 'x'],
			['XADD', `stream:${i}`, `${i + 1}-1`, 'f', 'v'],
			['PEXPIREAT', `hash:${i}`, FAR]]),
		...many(20, (i) => [['ZADD', `{asked}${i}`, i, 'm'],
			['RPUSH', `long:${i}`, ...many(20, word)]])]);
		// None of its keys is there yet: each is answered by ASK.
		const slot = slotOf('{asked}');
		const from = target.owner('{asked}');
		const [to, other] = target.primaries.filter((p) => p !== from);
		await beginMove(slot, from, to);
		const job = new Job(t, { source, target });
		const done = await job.ok('sync');
		assert.equal(done.import.way, 'restore');
		assert.equal(done.import.by_commands, 12040);
		assert.ok(await errors(from, 'ASK') > 0);
		await endMove(slot, from, to, [other]);
		await assertTheSame(job, source.url, target.url);
		assert.equal(await target.keys(), await source.keys());
		assert.equal(await to.cli('cluster', 'countkeysinslot', slot), '20');
	});
