// Two datasets side by side: whether they are the same, and which keys differ.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import {
	EXIT, Job, Redis, everyType, tempDir, testCa, tlsOptions, until,
} from './harness.mjs';

const HOUR = 3600000;

async function pair(t, aOpts = {}, bOpts = {}) {
	const [source, target] = await Promise.all(
		[Redis.start(t, aOpts), Redis.start(t, bOpts)]);
	return { job: new Job(t, { source, target }), a: source, b: target };
}

// The document; the exit status must be its verdict's.
async function compare(job, ...args) {
	const r = await job.run('compare', '--json', ...args);
	const doc = JSON.parse(r.stdout);
	assert.equal(r.code,
		doc.verdict === 'same' ? EXIT.DONE : EXIT.CORRUPT, r.stderr);
	return doc;
}

function byName(doc) {
	return Object.fromEntries(
		doc.keys.map((k) => [`${k.db} ${k.key}`, k.differs.join()]));
}

const common = [['SET', 'same', 'v'], ['HSET', 'h', 'f', 'v'],
	['SET', 'value', 'one'], ['SET', 'ttl', 'v'], ['SET', 'type', 'v'],
	['RPUSH', 'foo', 'a', 'b'], ['SELECT', 3], ['SET', 'value', 'one'],
	['SET', 'same', 'v'], ['SELECT', 15], ['ZADD', 'z', 1, 'a', 2, 'b']];

test('each planted difference is found by its name', async (t) => {
	const { a, b, job } = await pair(t);
	const soon = Date.now() + HOUR;
	await Promise.all([a, b].map((r) => r.pipe(common)));
	assert.equal((await compare(job, a.url, b.url)).verdict, 'same');

	await a.pipe([['SET', 'only in a', '1'], ['SELECT', 7],
		['SADD', 'set', 'x']]);
	await b.pipe([['SET', 'only in b\n', '12345'], ['SET', 'value', 'two'],
		['PEXPIREAT', 'ttl', soon], ['DEL', 'type'],
		['SADD', 'type', 'v'], ['RPUSH', 'foo', 'c'], ['SELECT', 3],
		['SET', 'value', 'two', 'PXAT', soon], ['SELECT', 15],
		['ZADD', 'z', 3, 'b']]);
	const want = {
		'0 only in a': 'missing', '7 set': 'missing',
		'0 only in b\\x0a': 'extra', '0 value': 'value',
		'0 ttl': 'ttl', '0 type': 'type', '0 foo': 'value',
		'3 value': 'value,ttl', '15 z': 'value',
	};
	const doc = await compare(job, a.url, b.url);
	assert.deepEqual(byName(doc), want);
	assert.equal(doc.differing, 9);
	assert.equal(doc.looked_into, 1);
	assert.deepEqual(doc.dbs.map((d) => [d.db, d.differing]),
		[[0, 6], [3, 1], [7, 1], [15, 1]]);
	const of = (key) => doc.keys.find((k) => k.key === key);
	assert.deepEqual(of('type').a, { type: 'string', elements: 1, bytes: 1 });
	assert.deepEqual(of('type').b, { type: 'set', elements: 1, bytes: 1 });
	assert.equal(of('ttl').b.expires_ms, soon);
	assert.equal(of('only in a').b, null);

	const back = await compare(job, b.url, a.url);
	assert.deepEqual(byName(back), Object.fromEntries(
		Object.entries(want).map(([k, v]) => [k, v === 'missing' ? 'extra'
			: v === 'extra' ? 'missing' : v])));

	const few = await compare(job, a.url, b.url, '--limit', '3');
	assert.equal(few.keys.length, 3);
	assert.equal(few.differing, 9);
	const sums = await compare(job, a.url, b.url, '--fingerprints');
	assert.equal(sums.keys_looked_for, false);
	assert.equal(sums.slots_differing, doc.slots_differing);
	assert.ok(sums.slots.some((s) => s.db === 0 && s.from <= 12182 &&
		12182 <= s.to), 'the slot of foo');
});

test('people are told what differs', async (t) => {
	const { a, b, job } = await pair(t);
	await a.pipe([['SET', 'k', 'one'], ['HSET', 'gone', 'f', 'v', 'g', 'w']]);
	await b.pipe([['SET', 'k', 'other', 'PXAT', 4102444800123]]);
	const r = await job.fails(EXIT.CORRUPT, /A and B differ in 2 keys/,
		'compare', a.url, b.url);
	assert.match(r.stdout, /result +NOT the same/);
	assert.match(r.stdout, /^ {2}0 +2 +1 +1 +0 +0 +1 +1$/m);
	assert.match(r.stdout,
		/^value, TTL {2}db 0 {2}k\n +A {2}string, 3 bytes, no TTL$/m);
	assert.match(r.stdout, /B {2}string.*expires 2100-01-01 00:00:00\.123Z$/m);
	assert.match(r.stdout,
		/^missing in B {2}db 0 {2}gone\n +A {2}hash of 2, 4 bytes, no TTL\n/m);
	for (const line of r.stdout.split('\n'))
		assert.ok(line.length <= 80, line);
});

test('encodings make no difference', async (t) => {
	const { a, b, job } = await pair(t, {}, {
		'hash-max-listpack-entries': 1, 'zset-max-listpack-entries': 1,
		'set-max-intset-entries': 1, 'list-max-listpack-size': 1,
		'stream-node-max-entries': 1,
	});
	await a.pipe(everyType());
	await job.ok('sync', '--restorer', 'restore');
	for (const key of ['hash', 'zset', 'set:ints'])
		assert.notEqual(await a.cli('object', 'encoding', key),
			await b.cli('object', 'encoding', key));
	const doc = await compare(job);
	assert.equal(doc.verdict, 'same');
	assert.equal(doc.a.keys, await a.keys());
	assert.equal(doc.a.fingerprint, doc.b.fingerprint);
	await b.cli('function', 'flush');
	const r = await job.fails(EXIT.CORRUPT, /function libraries/, 'compare');
	assert.match(r.stdout, /the function libraries differ/);
});

test('a snapshot and a file are compared with a Redis', async (t) => {
	const { a, job } = await pair(t);
	await a.pipe(everyType());
	const { snapshot } = await job.ok('snapshot');
	for (const name of ['latest', snapshot.id.slice(0, 18)]) {
		const doc = await compare(job, name, a.url, ...job.stores);
		assert.equal(doc.verdict, 'same');
		assert.equal(doc.a.what, `snapshot shop/${snapshot.id}`);
	}
	await a.cli('set', 'int', '54321');
	await a.cli('del', 'set:words');
	const want = { '0 int': 'value', '0 set:words': 'missing' };
	assert.deepEqual(byName(
		await compare(job, 'latest', a.url, ...job.stores)), want);
	const file = path.join(tempDir(t), 'dump.rdb');
	fs.writeFileSync(file, fs.readFileSync(path.join(
		job.snapshotDir(snapshot.id), 'part-0000.rdb.gz')));
	assert.deepEqual(byName(await compare(job, file, a.url)), want);
	assert.equal((await compare(job, file, 'latest', ...job.stores)).verdict,
		'same');

	const bytes = fs.readFileSync(file);
	bytes[bytes.length >> 1] ^= 1;
	fs.writeFileSync(file, bytes);
	await job.fails(EXIT.CORRUPT, /reading '.*dump\.rdb'/, 'compare', file,
		a.url);
});

test('keys that have expired since are no difference', async (t) => {
	const { a, job } = await pair(t);
	// Until then it is in every dump, however slow this machine is.
	await a.cli('debug', 'set-active-expire', '0');
	await a.pipe([['SET', 'stays', 'v'], ['SET', 'goes', 'v', 'PX', 500]]);
	await job.ok('snapshot');
	await a.cli('debug', 'set-active-expire', '1');
	await until('it has expired', async () => await a.keys() === 1);
	const doc = await compare(job, 'latest', a.url, ...job.stores);
	assert.equal(doc.verdict, 'same');
	assert.equal(doc.a.expired, 1);
	await a.cli('set', 'goes', 'again');
	assert.deepEqual(byName(
		await compare(job, 'latest', a.url, ...job.stores)),
	{ '0 goes': 'extra' });
});

test('what memory does not hold is drawn, and all is read when asked', async (t) => {
	const { a, b, job } = await pair(t);
	// Of one slot, and more than the least that may be given has room for.
	const n = 450000;
	const prefix = `{tag}:${'some name '.repeat(11)}`;
	const populate = (r, size) => r.cli('debug', 'populate', String(n),
		prefix, String(size));
	await Promise.all([populate(a, 20), populate(b, 21)]);
	const some = await compare(job, a.url, b.url, '--memory', '64MiB');
	assert.ok(some.looked_into < 1 && some.differing < n);
	assert.ok(Math.abs(some.differing / some.looked_into - n) < n / 10);
	const all = await compare(job, a.url, b.url, '--memory', '64MiB',
		'--all');
	assert.equal(all.looked_into, 1);
	assert.equal(all.differing, n);
	assert.equal(all.slots_differing, 1);
});

test('each side has its own credentials, which nobody sees', async (t) => {
	const ca = await testCa(t);
	const { a, b, job } = await pair(t, { requirepass: 'open-sesame' },
		tlsOptions(ca, { requirepass: 'let-me-in' }));
	job.env = { PW_A: 'open-sesame', PW_B: 'let-me-in' };
	await Promise.all([a, b].map((r) => r.pipe([['SET', 'k', 'v']])));
	const args = ['--source-password', 'env:PW_A', '--target-password',
		'env:PW_B', '--target-tls-ca', ca.ca];
	assert.equal((await compare(job, a.url, b.url, ...args)).verdict, 'same');
	await b.cli('set', 'k', 'w');
	const r = await job.run('compare', a.url, b.url, ...args);
	assert.equal(r.code, EXIT.CORRUPT);
	assert.doesNotMatch(r.stdout + r.stderr, /open-sesame|let-me-in/);
	await job.fails(EXIT.AUTH, /B|reading/, 'compare', a.url, b.url,
		...args, '--target-password', 'env:PW_A');
	const bad = await job.fails(EXIT.USAGE, /secret/, 'compare',
		`redis://:open-sesame@${a.name}`, b.url);
	assert.doesNotMatch(bad.stdout + bad.stderr, /open-sesame/);
});

test('what cannot be compared is said', async (t) => {
	const { a, job } = await pair(t);
	await job.fails(EXIT.USAGE, /--limit is a number/, 'compare', a.url,
		a.url, '--limit', 'few');
	await job.fails(EXIT.USAGE, /'source\.store' is not set/, 'compare',
		'latest', a.url);
	await job.fails(EXIT.FAILED, /nowhere\.rdb/, 'compare', './nowhere.rdb',
		a.url);
	await job.fails(EXIT.USAGE, /too much/, 'compare', a.url, a.url, a.url);
	await a.cli('acl', 'setuser', 'default', '-psync', '-sync');
	await job.fails(EXIT.AUTH, /export an RDB file and compare that/,
		'compare', a.url, './nowhere.rdb');
	await job.fails(EXIT.USAGE, /redis:\/\//, 'compare', 'https://a.b/c', a.url);
});
