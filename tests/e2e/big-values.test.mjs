// Values that a RESTORE cannot bring become plain commands.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { EXIT, Job, Redis, everyType } from './harness.mjs';

const FAR = 4102444800123;
const many = (n, f) => Array.from({ length: n }, (_, i) => f(i)).flat();
const word = (i) => `${i}:`.padEnd(10000, 'x');

// Each of five megabytes, in elements of ten thousand bytes.
function bigOfEveryKind() {
	return [
		['RPUSH', 'big:list', ...many(500, word)],
		['SADD', 'big:set', ...many(500, word)],
		['ZADD', 'big:zset', 'inf', 'most', ...many(500, (i) => [i / 7, word(i)])],
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
