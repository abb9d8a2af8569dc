// A server of a cluster holds a part of the keys: that is no snapshot.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Cluster } from './cluster.mjs';
import { EXIT, Job, Redis } from './harness.mjs';

test('one of several primaries is not taken for the whole', async (t) => {
	const target = await Redis.start(t);
	const alone = await Cluster.start(t, { primaries: 1 });
	await alone.cli('set', 'k', 'v');
	// It is the whole, by either way.
	const whole = new Job(t, { source: alone, target });
	await whole.ok('sync', '--import', 'after-each-sync');

	const job = new Job(t, { source: await Cluster.start(t,
		{ primaries: 2 }) });
	// Key by key there is no telling what was moved meanwhile.
	await job.fails(EXIT.FAILED, /of a cluster of 2 primaries/, 'snapshot',
		'--allow-inconsistent', 'yes', '--source-way', 'scan');
	assert.equal((await job.list()).length, 0);
});
