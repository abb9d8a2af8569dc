// Stores by https, which is how Azure is reached: verified, by the CA that
// the configuration names.
import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';

import { Azurite } from './azurite.mjs';
import {
	EXIT, Redis, everyType, tempDir, testCa, tool,
} from './harness.mjs';

// A certificate that is its own CA: Azurite, asked to copy from itself, trusts
// the one it shows and nothing above it.
async function selfSigned(t) {
	const cwd = tempDir(t);
	await tool('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes',
		'-days', '2', '-subj', '/CN=localhost', '-addext',
		'subjectAltName=DNS:localhost,IP:127.0.0.1', '-keyout', 'key',
		'-out', 'crt'], { cwd });
	const cert = path.join(cwd, 'crt');
	return { ca: cert, cert, key: path.join(cwd, 'key') };
}

async function twins(t) {
	const [ca, other] = await Promise.all([selfSigned(t), testCa(t)]);
	const [source, target, azurite] = await Promise.all([Redis.start(t),
		Redis.start(t), Azurite.start(t, { ca })]);
	assert.match(azurite.url, /^https:/);
	await source.pipe(everyType());
	return { job: azurite.job(t, { source, target }), azurite, ca, other };
}

test('a sync between two accounts by https', async (t) => {
	const { job, azurite, ca } = await twins(t);
	job.args = ['--ca-file', ca.ca];
	const { snapshot, copy, comparison } = await job.ok('sync');
	assert.equal(comparison.same, true);
	assert.equal(copy.streamed, false);
	assert.equal(await job.target.digest(), await job.source.digest());
	await job.assertListedIsGood();
	const manifest = await azurite.readText('north',
		`shop/${snapshot.id}/manifest.json`);
	assert.deepEqual(JSON.parse(manifest), snapshot);
	await job.ok('check');
	await job.ok('restore');
});

test('a store whose certificate is not of our CA is sent nothing',
	async (t) => {
		const { job, azurite, ca, other } = await twins(t);
		for (const args of [[], ['--ca-file', other.ca]])
			for (const command of ['sync', 'list', 'check'])
				await job.fails(EXIT.AUTH, command === 'check' ? /./
					: /certificate.*--ca-file/, command, ...args);
		assert.deepEqual(await azurite.names('west'), []);
		assert.deepEqual(await azurite.names('north'), []);
		assert.equal(await job.target.keys(), 0);
		await job.fails(EXIT.USAGE, /nowhere.crt/, 'sync', '--ca-file',
			'/nowhere.crt');
		await job.ok('sync', '--ca-file', ca.ca);
	});
