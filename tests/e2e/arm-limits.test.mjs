// What an Azure Redis could not take is found out before it is asked to, and
// how complete its export is known to be; and an export of several files goes
// into Redis of any make.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { Cluster } from './cluster.mjs';
import { EXIT, Redis, tempDir } from './harness.mjs';
import {
	assertNothingLent, assertSame, oneDb, twoRegions,
} from './two_caches.mjs';

const SYNC = ['--import', 'after-each-sync'];

// One key, whose value is a module's: its id, and then nothing.
function moduleDump(t) {
	const file = path.join(tempDir(t), 'dump.rdb');
	fs.writeFileSync(file, Buffer.concat([
		Buffer.from('REDIS0010'), Buffer.from([0xfe, 0, 7, 1]),
		Buffer.from('k'), Buffer.from('81c3e4a1b2d4f50401', 'hex'),
		Buffer.from([0, 0xff]), Buffer.alloc(8)]));
	return file;
}

test('what has no room, or lacks a module, deletes nothing', async (t) => {
	const { azure, azurite, job, source, target, from, to } =
		await twoRegions(t, { plain: true });
	await target.cli('set', 'theirs', '1');
	const old = await target.digest();
	await source.pipe(oneDb());
	await source.cli('debug', 'populate', '2000', 'k', '4000');
	const sync = (...args) => ['sync', ...args, ...to, ...SYNC,
		'--overwrite-target', `127.0.0.1:${target.port}`];

	await target.cli('config', 'set', 'maxmemory', '4mb');
	await job.fails(EXIT.FAILED, new RegExp('\'dr/default\': the snapshot ' +
		'needs about \\d+ MiB, and its maxmemory leaves 4 MiB for data'),
	...sync(...from));
	await target.cli('config', 'set', 'maxmemory', '0');

	const file = ['--source-file', moduleDump(t)];
	await job.fails(EXIT.FAILED, /and no module is loaded there/,
		...sync(...file));
	assert.equal(await target.digest(), old);
	assert.equal(azure.asked('Databases_Import').length, 0);
	await assertNothingLent(azurite);
});

// Of an odd number of servers, so that the database's own digest stays.
async function digest(nodes) {
	const digests = await Promise.all(nodes.map((n) => n.digest()));
	return digests.reduce((sum, d) => sum ^ BigInt(`0x${d}`), 0n);
}

test('an export of three files goes into a cluster, and into one Redis',
	async (t) => {
		const { job, source, from } =
			await twoRegions(t, { files: 3, plain: true });
		await source.pipe(oneDb());
		await source.cli('debug', 'populate', '3000', 'k', '30');
		job.target = undefined;
		const done = await job.ok('sync', ...from);
		assert.equal(done.snapshot.format, 4);
		assert.equal(done.snapshot.shards.length, 3);

		const cluster = job.target = await Cluster.start(t);
		const into = await job.ok('restore');
		assert.equal(into.import.way, 'restore');
		assert.equal(into.comparison.same, true);
		assert.equal(await cluster.keys(), await source.keys());
		assert.equal(await digest(cluster.primaries),
			await digest([source]));
		for (const p of cluster.primaries)
			assert.deepEqual(await p.functions(), await source.functions());

		const one = job.target = await Redis.start(t);
		assert.equal((await job.ok('restore')).import.way, 'restore');
		await assertSame(source, one);

		job.target = undefined;
		const { id } = done.snapshot;
		for (const other of [source, cluster, one]) {
			const told = await job.ok('compare', '--in', 'dr',
				...job.stores, ...job.drStore, id, other.url);
			assert.equal(told.verdict, 'same');
		}
		await source.cli('set', 'later', '1');
		const r = await job.run('compare', '--json', '--in', 'dr',
			...job.stores, ...job.drStore, id, source.url);
		assert.equal(r.code, EXIT.CORRUPT, r.stderr);
		assert.deepEqual(JSON.parse(r.stdout).keys.map((k) => k.key),
			['later']);
	});
