// Sentinel says where the servers are: before, while and after it has made
// another one the primary.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
	EXIT, Job, Redis, Sentinel, everyType, freePort, testCa, tlsOptions, until,
} from './harness.mjs';

// A primary, a replica that follows it, and a Sentinel that knows both.
async function watched(t, { lines, ...opts } = {}) {
	const primary = await Redis.start(t, opts);
	const replica = await Redis.start(t,
		{ ...opts, replicaof: ['127.0.0.1', primary.port] });
	await until('the replica follows', async () =>
		/master_link_status:up/.test(await replica.cli('info',
			'replication')));
	const sentinel = await Sentinel.watch(t, primary, lines);
	await sentinel.knows(replica);
	return { primary, replica, sentinel };
}

// Asked again when it finds none that is good enough just now.
async function failover({ replica, sentinel }) {
	await until('the replica is the primary', async () => {
		if (await sentinel.primary() === replica.port)
			return true;
		await sentinel.tryCli(['sentinel', 'failover', 'mymaster']);
		return false;
	});
}

// As the Sentinel would have it after ten seconds.
async function follow({ primary, replica, sentinel }) {
	await primary.cli('replicaof', '127.0.0.1', replica.port);
	await sentinel.knows(primary);
}

test('the snapshot is taken from a replica, failed over or not', async (t) => {
	const west = await watched(t);
	await west.primary.pipe(everyType());
	const job = new Job(t, { source: west.sentinel });
	const first = await job.ok('snapshot');
	assert.equal(first.snapshot.source.host, west.replica.name);
	assert.equal(first.snapshot.source.url, west.sentinel.url);

	await failover(west);
	await follow(west);
	const second = await job.ok('snapshot');
	assert.equal(second.snapshot.source.host, west.primary.name);

	// No replica is left.
	await west.primary.stop();
	const third = await job.ok('snapshot');
	assert.equal(third.snapshot.source.host, west.replica.name);
	assert.equal(third.snapshot.data.keys, first.snapshot.data.keys);
});

test('the target is the primary that there is', async (t) => {
	const source = await Redis.start(t);
	const north = await watched(t);
	await source.pipe(everyType());
	const job = new Job(t, { source, target: north.sentinel });
	const first = await job.ok('sync');
	assert.equal(first.comparison.same, true);
	// Not by 'replica', which Sentinel would take for a failure.
	assert.equal(first.import.way, 'restore');
	assert.match(first.import.why, /Sentinel watches it/);
	assert.equal(await north.primary.digest(), await source.digest());

	// Our own last import, on another server by now.
	await failover(north);
	await follow(north);
	await source.cli('set', 'later', '1');
	const second = await job.ok('sync');
	assert.equal(second.comparison.same, true);
	assert.equal(await north.replica.digest(), await source.digest());

	await north.replica.cli('set', 'foreign', '1');
	const name = `mymaster@127.0.0.1:${north.sentinel.port}`;
	const r = await job.fails(EXIT.REFUSED, /has changed since/, 'sync');
	assert.ok(r.stderr.includes(`--overwrite-target ${name}`), r.stderr);
	await job.ok('sync', '--overwrite-target', name);
});

test('a server is told to be watched also where it is named itself',
	async (t) => {
		const north = await watched(t);
		const job = new Job(t, { target: north.primary });
		await until('the Sentinel listens', async () => {
			const r = JSON.parse((await job.run('check', '--json'))
				.stdout);
			return /replica: no: Sentinel watches it/.test(r.checks
				.find((c) => c.what === 'DR Redis').detail);
		});
	});

test('a failover while the target is loaded', async (t) => {
	const source = await Redis.start(t);
	const north = await watched(t);
	await source.cli('debug', 'populate', '200000', 'k', '10');
	const job = new Job(t, { source, target: north.sentinel });
	const run = job.start('sync', '--json');
	await until('keys arrive', async () => await north.primary.keys() > 100);
	await failover(north);
	await follow(north);
	const r = await run.ended;
	assert.equal(r.code, EXIT.DONE, r.stderr);
	assert.equal(JSON.parse(r.stdout).comparison.same, true);
	assert.equal(await north.replica.digest(), await source.digest());
});

test('passwords of the servers and of the Sentinel', async (t) => {
	const west = await watched(t, {
		requirepass: 'server', masterauth: 'server',
		lines: ['requirepass sentinel',
			'sentinel auth-pass mymaster server'],
	});
	const job = new Job(t, {
		source: west.sentinel,
		env: { SERVER: 'server', SENTINEL: 'sentinel' },
		args: ['--source-password', 'env:SERVER'],
	});
	await job.fails(EXIT.AUTH, /Sentinels have a password of their own/,
		'snapshot');
	await job.ok('snapshot', '--source-sentinel-password', 'env:SENTINEL');
});

test('all of them by TLS', async (t) => {
	const ca = await testCa(t);
	const west = await watched(t,
		tlsOptions(ca, { 'tls-replication': 'yes' }));
	const job = new Job(t, { source: west.sentinel });
	const r = await job.fails(EXIT.AUTH, /certificate/, 'snapshot');
	assert.doesNotMatch(r.stderr, /password/);
	const { snapshot } = await job.ok('snapshot', '--source-tls-ca', ca.ca);
	assert.equal(snapshot.source.host, west.replica.name);
});

test('what Sentinel does not tell', async (t) => {
	const { primary, replica, sentinel } = await watched(t);
	const at = (url) => new Job(t, { source: { url }, target: { url } });
	const dead = `127.0.0.1:${await freePort()}`;

	await at(sentinel.url.replace('mymaster', 'cache'))
		.fails(EXIT.FAILED, /knows no primary named 'cache', but mymaster/,
			'snapshot');
	await at(`redis+sentinel://${primary.name}/mymaster`)
		.fails(EXIT.FAILED, /is no Sentinel, but a server itself/,
			'snapshot');
	// One that does not answer is passed over.
	await at(sentinel.url.replace('://', `://${dead},`)).ok('snapshot');
	await at('redis+sentinel://127.0.0.1').fails(EXIT.USAGE,
		/ends in the name of the primary/, 'snapshot');
	const none = await at(`redis+sentinel://${dead}/mymaster`)
		.run('check', '--json');
	const row = JSON.parse(none.stdout).checks
		.find((c) => c.what === 'source Redis');
	assert.match(row.detail, /no Sentinel tells where 'mymaster' is: /);

	// It has not noticed yet that what it names is a replica.
	await sentinel.cli('sentinel', 'set', 'mymaster',
		'down-after-milliseconds', '600000');
	await replica.cli('replicaof', 'no', 'one');
	await primary.cli('replicaof', '127.0.0.1', replica.port);
	const wrong = await at(sentinel.url).run('check', '--json');
	assert.match(JSON.parse(wrong.stdout).checks
		.find((c) => c.what === 'DR Redis').detail,
	/names '.*' as the primary, and that is a replica of/);
});
