// Values of 2 GiB pass through in the memory that was allowed.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';

import { Job, Redis } from './harness.mjs';

const SIZE = 2 ** 31;
const RSS_MOST = 256 * 1024;

// A command, and the most memory that the program had, in KiB.
async function measured(job, ...command) {
	const { child, ended } = job.start(...command);
	let most = 0;
	const look = setInterval(() => {
		const text = fs.readFileSync(`/proc/${child.pid}/status`, 'utf8');
		const high = /^VmHWM:\s+(\d+) kB$/m.exec(text);
		if (high)
			most = Number(high[1]);
	}, 50);
	child.on('exit', () => clearInterval(look));
	const r = await ended;
	assert.equal(r.code, 0, r.stderr + r.stdout);
	return { said: JSON.parse(r.stdout), most };
}

// Of pieces that all differ.
async function hugeKeys(redis) {
	await redis.cli('eval', `
		for i = 0, 2047 do
			redis.call('SETRANGE', 'huge:string', i * 1048576, i .. ':')
		end
		redis.call('SETRANGE', 'huge:string', ${SIZE - 1}, 'z')
		local piece = string.rep('x', 104857)
		for i = 1, 20481 do
			redis.call('HSET', 'huge:hash', 'f' .. i, i .. piece)
		end`, '0');
	await redis.cli('set', 'small', 'one');
}

async function assertSame(source, target) {
	for (const probe of [['strlen', 'huge:string'], ['hlen', 'huge:hash'],
		['getrange', 'huge:string', 1000 * 1048576, 1000 * 1048576 + 9],
		['hget', 'huge:hash', 'f20000'], ['get', 'small']])
		assert.equal(await target.cli(...probe),
			await source.cli(...probe));
}

test('a hash and a string of 2 GiB, in 256 MiB of memory', async (t) => {
	const larger = { 'proto-max-bulk-len': '4gb', rdbcompression: 'no' };
	const [source, target] = await Promise.all([
		Redis.start(t, larger), Redis.start(t, larger)]);
	await hugeKeys(source);
	assert.equal(await source.cli('strlen', 'huge:string'), String(SIZE));
	const job = new Job(t, { source, target });
	const done = await measured(job, 'sync', '--json', '--restorer',
		'restore');
	assert.equal(done.said.comparison.same, true);
	assert.equal(done.said.import.by_commands, 2);
	assert.ok(done.most > 0 && done.most <= RSS_MOST,
		`${done.most} KiB at most`);
	t.diagnostic(`at most ${done.most} KiB`);
	await assertSame(source, target);
});
