// What may go wrong with an Azure Redis' own exports and imports: each is
// told by its message, none is asked for twice, and what was done is found out.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { EXIT } from './harness.mjs';
import {
	assertNothingLent, assertSame, oneDb, twoRegions,
} from './two_caches.mjs';

const SYNC = ['--import', 'after-each-sync'];

test('each way in which an operation fails is told', async (t) => {
	const { azure, azurite, job, source, from } =
		await twoRegions(t, { plain: true });
	await source.pipe(oneDb());
	for (const [operation, says] of [
		[{ fails: { code: 'C1', message: 'm1' }, nesting: 'error' },
			/says it failed: C1 \(request id [-0-9a-f]+\): m1/],
		[{ fails: { code: 'C2', message: 'm2' },
			nesting: 'error.error', at: 'end' }, /failed: C2 .*: m2/],
		[{ fails: { code: 'C3', message: 'm3' }, status: 'Canceled' },
			/it was cancelled.*C3/],
	]) {
		azure.script('Databases_Export', { operation }, { times: 1 });
		await job.fails(EXIT.FAILED, says, 'snapshot', ...from);
		await assertNothingLent(azurite);
	}

	// Which some exports end by, for no reason, and the next do not.
	const before = azure.asked('Databases_Export').length;
	azure.script('Databases_Export', { operation: {
		fails: { code: 'Conflict', message: '' }, at: 'half' } },
	{ times: 1 });
	await job.ok('snapshot', ...from);
	assert.equal(azure.asked('Databases_Export').length, before + 2);
	await assertNothingLent(azurite);
});

test('a status that nobody may read is made up for by the state',
	async (t) => {
		const { azure, job, source, target, from, to } =
			await twoRegions(t, { plain: true });
		await source.pipe(oneDb());
		for (const what of ['operationsStatus', 'operationResults'])
			azure.deny(`Microsoft.Cache/locations/${what}/read`);
		await job.ok('sync', ...from, ...to, ...SYNC,
			'--arm-settle', '1s');
		await assertSame(source, target);
		assert.equal(azure.asked('Databases_Import').length, 1);
	});

test('an import whose answer was lost is found in the data', async (t) => {
	const { azure, job, source, target, from, to } = await twoRegions(t, { plain: true });
	await source.pipe(oneDb());
	azure.script('Databases_Import', { lost: 'answer' }, { times: 1 });
	await job.ok('sync', ...from, ...to, ...SYNC);
	await assertSame(source, target);
	assert.equal(azure.asked('Databases_Import').length, 1);
});

test('an import that may not have been done asks a person', async (t) => {
	const { azure, job, source, target, from, to } = await twoRegions(t, { plain: true });
	await source.pipe(oneDb());
	azure.script('Databases_Import', { lost: 'request' }, { times: 1 });
	await job.fails(EXIT.REFUSED, /is not known.*look in the portal/s,
		'sync', ...from, ...to, ...SYNC);
	assert.equal(azure.asked('Databases_Import').length, 1);
	await job.ok('restore', ...to, '--overwrite-target',
		`127.0.0.1:${target.port}`);
	await assertSame(source, target);
});

test('check names the actions that no role has', async (t) => {
	const { azure, job, from, to } = await twoRegions(t, { plain: true });
	const detail = async (what) => {
		const { checks } = await job.ok('check', ...from, ...to);
		return checks.find((c) => c.what === what).detail;
	};
	for (const what of ['source resource', 'DR resource'])
		assert.match(await detail(what), /its roles allow what is needed$/);

	azure.deny('Microsoft.Cache/locations/operationsStatus/read');
	assert.match(await detail('DR resource'), /its state has to tell/);
	azure.deny('Microsoft.Authorization/permissions/read');
	assert.match(await detail('DR resource'), /may not ask/);
	azure.allow();
	azure.deny('Microsoft.Cache/redisEnterprise/databases/import/action');
	const r = await job.run('check', ...from, ...to);
	assert.equal(r.code, EXIT.AUTH, r.page);
	assert.match(r.said, new RegExp('^DR resource +FAILED +no role of the ' +
		'identity has there: ' +
		'Microsoft.Cache/redisEnterprise/databases/import/action', 'm'));
	assert.equal(r.stderr, 'drsync: these failed: DR resource\n');
	assert.equal(azure.asked('Databases_Import').length, 0);
});
