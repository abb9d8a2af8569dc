// A server of a cluster holds a part of the keys: that is no snapshot.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Cluster } from './cluster.mjs';
import { Job, Redis } from './harness.mjs';

test('one of several primaries is not taken for the whole', async (t) => {
	const target = await Redis.start(t);
	const alone = await Cluster.start(t, { primaries: 1 });
	await alone.cli('set', 'k', 'v');
	// It is the whole, by either way.
	const whole = new Job(t, { source: alone, target });
	await whole.ok('sync', '--import', 'after-each-sync');

	const two = await Cluster.start(t, { primaries: 2 });
	await two.pipe(Array.from({ length: 50 }, (_, i) => ['SET', `k${i}`, i]));
	const job = new Job(t, { source: two, args: ['--allow-inconsistent',
		'yes'] });
	for (const way of ['sync', 'scan']) {
		const { snapshot } = await job.ok('snapshot', '--source-way', way);
		assert.equal(snapshot.data.keys, 50);
		assert.equal(snapshot.shards.length, 2);
		for (const shard of snapshot.shards)
			assert.ok(shard.data.keys > 0);
	}
});
