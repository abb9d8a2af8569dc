// Redis behind TLS: verified, with client certificates, at both ends.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
	EXIT, Job, Redis, everyType, testCa, tlsOptions,
} from './harness.mjs';

test('both Redis speak TLS', async (t) => {
	const [ca, other] = await Promise.all([testCa(t), testCa(t)]);
	const [source, target] = await Promise.all([
		Redis.start(t, tlsOptions(ca)), Redis.start(t, tlsOptions(ca))]);
	const job = new Job(t, { source, target });
	await source.pipe(everyType());
	const sourceCa = ['--source-tls-ca', ca.ca];
	const targetCa = ['--target-tls-ca', ca.ca];
	await job.fails(EXIT.AUTH, /certificate/i, 'sync', '--source-tls-ca',
		other.ca, ...targetCa);
	await job.fails(EXIT.AUTH, /certificate/i, 'sync', ...targetCa);
	await job.fails(EXIT.AUTH, /certificate/i, 'sync', ...sourceCa,
		'--target-tls-ca', other.ca);
	await job.fails(EXIT.AUTH, /./, 'sync', ...sourceCa,
		'--source-tls-name', 'elsewhere.example', ...targetCa);
	assert.equal(await target.keys(), 0);
	const r = await job.ok('sync', ...sourceCa, ...targetCa);
	assert.equal(r.comparison.same, true);
	assert.equal(await target.digest(), await source.digest());
});

test('a target that replicates by TLS takes a native sync', async (t) => {
	const ca = await testCa(t);
	const [source, target] = await Promise.all([
		Redis.start(t),
		Redis.start(t, tlsOptions(ca, { 'tls-replication': 'yes' }))]);
	const job = new Job(t, { source, target });
	await source.pipe(everyType());
	const targetCa = ['--target-tls-ca', ca.ca];
	const r = await job.ok('sync', ...targetCa, '--restorer', 'replica',
		'--replication-tls-cert', ca.cert, '--replication-tls-key', ca.key,
		'--replication-tls-ca', ca.ca);
	assert.equal(r.import.way, 'replica');
	assert.equal(await target.digest(), await source.digest());
	await source.cli('set', 'more', '1');
	await job.ok('sync', ...targetCa);
	assert.equal(await target.digest(), await source.digest());
});

test('servers that want a client certificate', async (t) => {
	const ca = await testCa(t);
	const [source, target] = await Promise.all([1, 2].map(() =>
		Redis.start(t, tlsOptions(ca, { 'tls-auth-clients': 'yes' }))));
	const job = new Job(t, { source, target });
	await source.pipe(everyType());
	const cas = ['--source-tls-ca', ca.ca, '--target-tls-ca', ca.ca];
	await job.fails(EXIT.AUTH, /certificate/, 'sync', ...cas);
	await job.ok('sync', ...cas,
		'--source-tls-cert', ca.cert, '--source-tls-key', ca.key,
		'--target-tls-cert', ca.cert, '--target-tls-key', ca.key);
	assert.equal(await target.digest(), await source.digest());
});

test('a plain port asked by TLS, and the other way round', async (t) => {
	const ca = await testCa(t);
	const [plain, tls] = await Promise.all([
		Redis.start(t), Redis.start(t, tlsOptions(ca))]);
	const job = new Job(t, {});
	for (const url of [`rediss://${plain.name}`, `redis://${tls.name}`]) {
		job.source = { url };
		await job.fails(EXIT.UNREACHABLE, /timed out|reset/, 'snapshot',
			'--source-tls-ca', ca.ca, '--timeout', '3s');
	}
	assert.equal((await job.list()).length, 0);
});
