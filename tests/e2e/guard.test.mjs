// What a target holds is destroyed only by leave.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { EXIT, Job, Redis, everyType, until } from './harness.mjs';

async function twins(t) {
	const [source, target] = await Promise.all(
		[Redis.start(t), Redis.start(t)]);
	await source.pipe(everyType());
	return new Job(t, { source, target });
}

for (const way of ['replica', 'restore']) {
	test(`foreign data is refused, and replaced when named, by '${way}'`,
		async (t) => {
			const job = await twins(t);
			const { target } = job;
			await target.pipe([['SET', 'precious', '1'],
				['SELECT', 9], ['SET', 'more', '2']]);
			const before = await target.digest();
			const r = await job.fails(EXIT.REFUSED, /holds data/, 'sync',
				'--restorer', way);
			assert.ok(r.stderr.includes(
				`--overwrite-target ${target.name}`), r.stderr);
			assert.match(r.stderr, /2 keys/);
			assert.equal(await target.digest(), before);
			// The snapshot was taken and copied all the same.
			assert.equal((await job.list('dr')).length, 1);

			await job.fails(EXIT.REFUSED, /names '127.0.0.1:1'/, 'sync',
				'--restorer', way, '--overwrite-target',
				'127.0.0.1:1');
			assert.equal(await target.digest(), before);

			const done = await job.ok('sync', '--restorer', way,
				'--overwrite-target', target.name);
			assert.equal(done.import.replaced, true);
			assert.equal(await target.cli('exists', 'precious'), '0');
			assert.equal(await target.cli('-n', '9', 'dbsize'), '0');
			assert.equal(await target.digest(),
				await job.source.digest());
		});
}

test('a target that was written since the last import is refused',
	async (t) => {
		const job = await twins(t);
		await job.ok('sync');
		await job.target.cli('set', 'written', 'since');
		await job.fails(EXIT.REFUSED, /has changed since/, 'sync');
		assert.equal(await job.target.cli('get', 'written'), 'since');
		await job.fails(EXIT.REFUSED, /has changed since/, 'restore');
		await job.ok('restore', '--overwrite-target', job.target.name);
		assert.equal(await job.target.cli('exists', 'written'), '0');
	});

// What the target may not take ends the import half-way.
async function halfImported(t) {
	const job = await twins(t);
	const { source, target } = job;
	await source.pipe(Array.from({ length: 3000 },
		(_, i) => ['SET', `more:${i}`, 'v'.repeat(100)]));
	await target.cli('acl', 'setuser', 'default', 'resetkeys', '~drsync:*',
		'~more:*');
	await job.fails(EXIT.AUTH, /a part of the snapshot/, 'sync',
		'--restorer', 'restore');
	await target.cli('acl', 'setuser', 'default', '~*');
	const keys = await target.keys();
	assert.ok(keys > 1 && keys < await source.keys(), `${keys} keys`);
	return job;
}

test('half of an import is replaced unasked', async (t) => {
	const job = await halfImported(t);
	assert.equal((await job.ok('sync')).comparison.same, true);
	assert.equal(await job.target.digest(), await job.source.digest());
});

test('what was written beside half of an import is not destroyed',
	async (t) => {
		const job = await halfImported(t);
		const { target } = job;
		for (const i of [1, 2, 3])
			await target.cli('set', `production:${i}`, 'live');
		for (const way of ['restore', 'replica', 'auto']) {
			const r = await job.fails(EXIT.REFUSED,
				/left with a part of snapshot .*at least 3 of its keys/,
				'sync', '--restorer', way);
			assert.ok(r.stderr.includes(
				`--overwrite-target ${target.name}`), r.stderr);
		}
		assert.equal(await target.cli('mget', 'production:1',
			'production:2', 'production:3'), 'live\nlive\nlive');
		const done = await job.ok('sync', '--overwrite-target', target.name);
		assert.equal(done.import.replaced, true);
		assert.equal(await target.digest(), await job.source.digest());
	});

// Sent after the target was emptied, it would end the import half-way.
test('a value that no RESTORE takes is found before the target is emptied',
	async (t) => {
		const job = await twins(t);
		const { source, target } = job;
		await source.cli('config', 'set', 'rdbcompression', 'no');
		await target.cli('acl', 'setuser', 'default', '-replicaof');
		await target.cli('config', 'set', 'proto-max-bulk-len', '1mb');
		assert.equal((await job.ok('sync')).import.way, 'restore');
		const before = await target.digest();
		await source.cli('setrange', 'big', '3000000', 'x');
		const says = /19\d{5} more than the server's proto-max-bulk-len/;
		for (const way of ['auto', 'restore'])
			await job.fails(EXIT.FAILED, says, 'sync', '--restorer', way,
				'--overwrite-target', target.name);
		assert.equal(await target.digest(), before);
		const checked = await job.run('check');
		assert.equal(checked.code, EXIT.FAILED);
		assert.match(checked.said, says);
		await target.cli('config', 'set', 'proto-max-bulk-len', '4mb');
		await job.ok('sync');
		assert.equal(await target.digest(), await source.digest());
	});

async function replid(redis, field = 'master_replid') {
	const info = await redis.cli('info', 'replication');
	return new RegExp(`^${field}:(\\w+)`, 'm').exec(info)[1];
}

// Its history is its own by then, and nobody but it has what is written there.
test('the source is no target after a failover either', async (t) => {
	const source = await Redis.start(t);
	await source.pipe(everyType());
	const replica = await Redis.start(t,
		{ replicaof: ['127.0.0.1', source.port] });
	await until('the replica follows', async () =>
		/master_link_status:up/.test(await replica.cli('info',
			'replication')));
	const job = new Job(t, { source });
	await job.ok('sync');
	await source.stop();
	await replica.cli('replicaof', 'no', 'one');
	await replica.cli('set', 'written', 'since');
	const before = await replica.digest();
	job.target = replica;
	for (const way of ['replica', 'restore'])
		await job.fails(EXIT.REFUSED,
			/went on from the Redis that the snapshot was taken from/,
			'restore', '--restorer', way, '--overwrite-target',
			replica.name);
	assert.equal(await replica.digest(), before);
});

// The dump says whose history it is of, and Redis 7.0 goes on from it.
test('a target that was started again from our dump is no successor',
	async (t) => {
		const job = await twins(t);
		const { source, target } = job;
		// The second one from disk, since the target is not empty then.
		for (let i = 0; i < 2; i++)
			await job.ok('sync', '--restorer', 'replica');
		await target.stop();
		assert.ok(await target.launch());
		assert.equal(await replid(target, 'master_replid2'),
			await replid(source));
		await source.cli('set', 'later', '1');
		await job.ok('sync');
		assert.equal(await target.digest(), await source.digest());
	});

// With the load's connections there is too little memory, or the server has
// too few: found out before the target is emptied, and by 'check'.
test('a load that cannot begin leaves the target as it was', async (t) => {
	const job = await twins(t);
	const { target } = job;
	await job.ok('sync', '--restorer', 'restore');
	await target.pipe([['SET', 'precious', '1']]);
	const before = await target.digest();
	const way = ['--restorer', 'restore', '--connections', '40', '--memory',
		'64MiB'];
	await job.fails(EXIT.USAGE,
		/old data is untouched: .* of memory are needed.* raise --memory/,
		'restore', ...way, '--overwrite-target', target.name);
	assert.equal(await target.digest(), before);
	const checked = await job.run('check', ...way);
	assert.equal(checked.code, EXIT.USAGE, checked.stdout);
	assert.match(checked.said, /of memory are needed/);
	assert.equal(await target.digest(), before);
});

test('functions alone are data too', async (t) => {
	const job = await twins(t);
	await job.target.pipe([['FUNCTION', 'LOAD', '#!lua name=theirs\n' +
		'redis.register_function("g", function() return 1 end)']]);
	await job.fails(EXIT.REFUSED, /1 function libraries/, 'sync');
	assert.match(await job.target.cli('function', 'list'), /theirs/);
});

test('another job of the same store has no leave', async (t) => {
	const job = await twins(t);
	await job.ok('sync');
	await job.fails(EXIT.REFUSED, /did not put there/, 'sync', '--job',
		'other');
});

test('a job that was failed over imports nothing', async (t) => {
	const job = await twins(t);
	await job.ok('sync');
	const state = path.join(job.north, 'shop', 'state.json');
	const doc = JSON.parse(fs.readFileSync(state));
	fs.writeFileSync(state, JSON.stringify(
		{ ...doc, direction: 'promoted', epoch: 7 }));
	await job.fails(EXIT.REFUSED, /failed over \(epoch 7\)/, 'sync',
		'--overwrite-target', job.target.name);
	fs.writeFileSync(state, '{"format": 1');
	await job.fails(EXIT.REFUSED, /state/, 'sync');
});

test('two runs of one job do not overlap', async (t) => {
	const job = await twins(t);
	// The first holds the lease and waits for a server that stands still.
	job.source.proc.child.kill('SIGSTOP');
	const first = job.start('sync', '--quiet');
	await until('the first run has the lease', () =>
		fs.existsSync(path.join(job.west, 'shop', 'run.lock')) &&
		fs.existsSync(path.join(job.north, 'shop', 'run.lock')));
	for (const command of ['sync', 'snapshot', 'copy'])
		await job.fails(EXIT.LOCKED, /./, command);

	// Interrupted, it leaves nothing, and the lease is free at once.
	first.child.kill('SIGINT');
	const r = await first.ended;
	assert.equal(r.code, EXIT.INTERRUPTED, r.stderr);
	job.source.proc.child.kill('SIGCONT');
	assert.equal((await job.list()).length, 0);
	assert.equal((await job.list('dr')).length, 0);
	await job.ok('sync');
	assert.equal(await job.target.digest(), await job.source.digest());
});
