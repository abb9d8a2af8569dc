// Which server is meant: what is asked, destroyed and compared is one.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { EXIT, Job, Redis, everyType, freePort, until } from './harness.mjs';

async function twins(t) {
	const [source, target] = await Promise.all(
		[Redis.start(t), Redis.start(t)]);
	await source.pipe(everyType());
	return new Job(t, { source, target });
}

test('leave that was given for one host is none for another', async (t) => {
	const job = await twins(t);
	const dead = `127.0.0.1:${await freePort()}`;
	const both = `redis://${dead},${job.target.name}`;
	await job.target.pipe([['SET', 'live', '1']]);
	await job.fails(EXIT.REFUSED, /--overwrite-target names/, 'sync',
		'--target', both, '--overwrite-target', dead);
	assert.equal(await job.target.cli('get', 'live'), '1');
	const done = await job.ok('sync', '--target', both,
		'--overwrite-target', job.target.name);
	assert.equal(done.comparison.same, true);
	assert.equal(await job.target.digest(), await job.source.digest());
	const state = JSON.parse(fs.readFileSync(
		path.join(job.north, 'shop', 'state.json')));
	assert.deepEqual(state.imports.map((i) => i.target),
		[job.target.name]);
});

test('a replica in the list is neither asked nor compared', async (t) => {
	const job = await twins(t);
	const replica = await Redis.start(t);
	await job.ok('sync');
	// A replica that still holds the last import, beside a primary that
	// somebody has written to since.
	const dump = await job.target.digest();
	await replica.cli('replicaof', '127.0.0.1', job.target.name.split(':')[1]);
	await until('the replica holds it',
		async () => await replica.digest() === dump);
	await replica.cli('replicaof', '127.0.0.1', '1');
	await job.target.cli('set', 'live', '1');
	const both = `redis://${replica.name},${job.target.name}`;
	await job.fails(EXIT.REFUSED, /\(\d+ keys/, 'restore', '--target', both);
	assert.equal(await job.target.cli('get', 'live'), '1');
});

test('the source is never a target, even by its name', async (t) => {
	const source = await Redis.start(t);
	await source.pipe(everyType());
	const job = new Job(t, { source, target: source });
	const before = await source.digest();
	await job.fails(EXIT.REFUSED, /that the snapshot was taken from/, 'sync',
		'--overwrite-target', source.name);
	assert.equal(await source.digest(), before);
});

test("a job whose import is 'never' is not restored unasked", async (t) => {
	const job = await twins(t);
	await job.ok('sync', '--import', 'never');
	const config = path.join(job.dir, 'c.json');
	fs.writeFileSync(config, '{"jobs": {"shop": {"import": "never"}}}');
	await job.fails(EXIT.REFUSED, /'never'/, 'restore', '--config', config);
	assert.equal(await job.target.cli('dbsize'), '0');
	await job.ok('restore', '--config', config, '--overwrite-target',
		job.target.name);
});

test('a damaged snapshot hides no older one', async (t) => {
	const job = await twins(t);
	const first = (await job.ok('sync')).snapshot.id;
	const second = (await job.ok('sync')).snapshot.id;
	const manifest = path.join(job.snapshotDir(second, job.north),
		'manifest.json');
	fs.truncateSync(manifest, 100);
	const r = await job.run('list', '--in', 'dr');
	assert.equal(r.code, EXIT.CORRUPT);
	assert.match(r.stdout, new RegExp(`${second}  DAMAGED`));
	assert.match(r.stdout, new RegExp(`${first} .*verified`));
	const done = await job.ok('restore');
	assert.equal(done.snapshot.id, first);
	assert.equal(await job.target.digest(), await job.source.digest());
});

// Nothing listens where the target is sent, as behind a wall or a wrong name.
async function unreachable(t, { filled }) {
	const [source, target] = await Promise.all([Redis.start(t),
		Redis.start(t, { masterauth: 'theirs', masteruser: 'them' })]);
	await source.pipe(everyType());
	const job = new Job(t, { source, target });
	if (filled) {
		await job.ok('sync');
		await source.cli('set', 'later', '1');
	}
	const look = async () => ({
		config: JSON.parse(await target.cli('--json', 'config', 'get', '*')),
		role: (await target.cli('role')).split('\n')[0],
	});
	return { job, look, was: await look(), old: await target.digest() };
}

test('a target that cannot reach the advertised address', async (t) => {
	const args = ['--bind', '127.0.0.1', '--advertise', '127.0.0.2'];
	const byItself = async (filled) => {
		const { job, look, was } = await unreachable(t, { filled });
		assert.equal(was.config.masterauth, 'theirs');
		const r = await job.ok('sync', ...args);
		assert.equal(r.import.way, 'restore');
		assert.match(r.import.why, /^not by 'replica': .*'127\.0\.0\.2'/);
		assert.equal(r.comparison.same, true);
		assert.equal(await job.target.digest(), await job.source.digest());
		assert.deepEqual(await job.target.functions(),
			await job.source.functions());
		assert.deepEqual(await look(), was);
		// Nothing is left to be undone, and the way is open again.
		assert.equal((await job.ok('sync')).import.way, 'replica');
	};
	// Who names the way gets that or nothing.
	const asAsked = async () => {
		const { job, look, was, old } = await unreachable(t,
			{ filled: true });
		const r = await job.fails(EXIT.FAILED, /'127\.0\.0\.2'/, 'sync',
			'--restorer', 'replica', ...args);
		assert.match(r.stderr, /use 'restore', or set the advertised/);
		assert.equal(await job.target.digest(), old);
		assert.deepEqual(await look(), was);
		await job.ok('sync');
	};
	await Promise.all([byItself(false), byItself(true), asAsked()]);
});

test('what failed is not told as done', async (t) => {
	const job = await twins(t);
	const id = (await job.ok('sync', '--import', 'never')).snapshot.id;
	const part = path.join(job.snapshotDir(id, job.north),
		'part-0000.rdb.gz');
	const bytes = fs.readFileSync(part);
	bytes[bytes.length >> 1] ^= 1;
	fs.writeFileSync(part, bytes);
	const r = await job.fails(EXIT.CORRUPT, /SHA-256.*old data is untouched/,
		'restore');
	assert.doesNotMatch(r.stdout, /^ {2}(loaded|compared|copied)/m);
	assert.match(r.stdout, /^ {2}import +.*FAILED/m);
	const json = await job.run('restore', '--json');
	assert.equal(json.code, EXIT.CORRUPT);
	const doc = JSON.parse(json.stdout);
	assert.equal(doc.state, 'failed');
	assert.equal(doc.import, undefined);
	// A copy whose bytes are not what they were is no copy either.
	fs.rmSync(path.join(job.north, 'shop', id), { recursive: true });
	fs.writeFileSync(path.join(job.snapshotDir(id), 'part-0000.rdb.gz'),
		bytes);
	const copy = await job.fails(EXIT.CORRUPT, /SHA-256/, 'copy');
	assert.doesNotMatch(copy.stdout, /^ {2}copied/m);
});
