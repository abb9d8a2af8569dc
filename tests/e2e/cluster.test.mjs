// A server of a cluster holds a part of the keys: that is no snapshot.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { EXIT, Job, Redis, freePort, until } from './harness.mjs';

async function node(t) {
	return Redis.start(t, { 'cluster-enabled': 'yes',
		'cluster-port': await freePort() });
}

test('one of several primaries is not taken for the whole', async (t) => {
	const [a, b] = await Promise.all([node(t), node(t)]);
	const target = await Redis.start(t);
	const job = new Job(t, { source: a, target });
	await a.cli('cluster', 'addslotsrange', '0', '16383');
	await until('the cluster is up', async () =>
		/cluster_state:ok/.test(await a.cli('cluster', 'info')));
	await a.cli('set', 'k', 'v');
	// Alone it is the whole, by either way.
	await job.ok('sync', '--import', 'after-each-sync');

	await a.cli('cluster', 'delslotsrange', '8192', '16383');
	await b.cli('cluster', 'addslotsrange', '8192', '16383');
	const port = b.opts['cluster-port'];
	await a.cli('cluster', 'meet', '127.0.0.1', String(b.port), String(port));
	await until('both know each other', async () =>
		/cluster_size:2/.test(await a.cli('cluster', 'info')));
	for (const way of [[], ['--allow-inconsistent', 'yes'],
		['--allow-inconsistent', 'yes', '--source-way', 'scan']])
		await job.fails(EXIT.FAILED, /of a cluster of 2 primaries/,
			'snapshot', ...way);
	assert.equal((await job.list()).length, 1);
});
