// A Redis that Azure runs: it exports itself, what it wrote becomes a
// snapshot, and the one in the other region imports the copy of that.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { EXIT, Redis, assertFits, until } from './harness.mjs';
import {
	assertNothingLent, assertSame, oneDb, twoRegions,
} from './two_caches.mjs';

for (const byIdentity of [false, true])
	test(`one Managed Redis to another, ${byIdentity
		? 'by an identity alone' : 'by account keys'}`, async (t) => {
		const { azure, azurite, job, source, target, from, to } =
			await twoRegions(t, { byIdentity, plain: !byIdentity });
		await source.pipe(oneDb());
		const { checks } = await job.ok('check', ...from, ...to);
		for (const what of ['source resource', 'DR resource'])
			assert.match(checks.find((c) => c.what === what).detail,
				/Balanced_B10, Redis 7\.4, in /);
		const done = await job.ok('sync', ...from, ...to, '--import',
			'after-each-sync');
		assert.equal(done.import.way, 'arm');
		await assertSame(source, target);
		await assertNothingLent(azurite);
		assert.equal(azure.asked('Databases_Export').length, 1);
		assert.match((await job.run('restore', ...to)).stdout,
			/loaded +nothing: the DR Redis held the snapshot already\n/);
		assert.equal(azure.asked('Databases_Import').length, 1);

		// Not compressed again: the same bytes lie in both regions.
		const names = await azurite.names('north');
		const part = names.find((n) => /part-0000\.rdb\.gz$/.test(n));
		assert.ok(part, names.join());
		assert.deepEqual(await azurite.read('north', part),
			await azurite.read('west', part));
		await job.assertListedIsGood();

		if (byIdentity)
			return;

		// Again: what the target holds is this job's own; and the service
		// itself copies (this one, over TLS, trusts no test's certificate).
		await source.pipe([['SET', 'later', 'x']]);
		const r = await job.run('sync', ...from, ...to, '--import',
			'after-each-sync');
		assert.equal(r.code, 0, r.stderr);
		assert.doesNotMatch(r.page, /through this host/);
		await assertSame(source, target);
	});

// To people, where no terminal is; and what all files have in common once.
test('what check and sync say fits on a page of 80 columns', async (t) => {
	const { job, source, from, to } =
		await twoRegions(t, { byIdentity: true, files: 3 });
	await source.pipe(oneDb());
	const checked = await job.run('check', ...from, ...to);
	assert.equal(checked.code, 0, checked.page);
	assertFits(checked.page);
	assert.match(checked.said,
		/^replication +- +not needed: Azure loads the DR Redis$/m);
	const done = await job.run('sync', ...from, ...to, '--import',
		'after-each-sync');
	assert.equal(done.code, 0, done.page);
	assertFits(done.page);
	// The stand-in for storage trusts no test's certificate.
	assert.match(done.stdout, new RegExp('^  exported +3 files, \\S+ \\S+, ' +
		'moved to the store through this host$', 'm'));
	assert.equal(done.said.match(/CannotVerifyCopySource/g).length, 1);
	assertFits((await job.run('list')).page);
	assertFits((await job.run('verify', '--deep')).page);
	const shown = await job.run('show');
	assert.match(shown.said, new RegExp(` of +west/default, .* ${from[1]}`));
	assertFits(shown.page);

	// A failure that all would have in common, too.
	job.env.AZURE_POD_IDENTITY_AUTHORITY_HOST = 'http://127.0.0.1:1';
	const lost = await job.run('check', ...from, ...to);
	assert.equal(lost.code, EXIT.AUTH, lost.page);
	assert.match(lost.said, /^identity +FAILED .* -> see that /m);
	assert.match(lost.said, /^DR resource +- +not tried: see identity$/m);
	assertFits(lost.page);
	assert.match(lost.said, /^DR store +- +not tried: see identity$/m);
	assert.match(lost.stderr, /^drsync: these failed: identity$/m);
});

test('who interrupts an operation is told what becomes of it', async (t) => {
	const { azure, job, source, target, from, to } =
		await twoRegions(t, { plain: true });
	await source.pipe(oneDb());
	const interrupt = async (what) => {
		azure.script(`Databases_${what}`, { operation: { hold: true } },
			{ times: 1 });
		const before = azure.asked('OperationsStatus_Get').length;
		const sync = job.start('sync', ...from, ...to, '--import',
			'after-each-sync');
		await until('it is followed', () =>
			azure.asked(`Databases_${what}`).length === 1 &&
			azure.asked('OperationsStatus_Get').length > before + 1,
		60000);
		sync.child.kill('SIGINT');
		const ended = await sync.ended;
		azure.release();
		assert.equal(ended.code, EXIT.INTERRUPTED, ended.page);
		return ended;
	};
	assert.match((await interrupt('Export')).stderr, new RegExp('cancelled; ' +
		"Azure goes on with the export of 'west/default': the next run " +
		'follows it'));
	const second = await interrupt('Import');
	assert.match(second.stderr, new RegExp('cancelled; Azure goes on with ' +
		"the import of 'dr/default', which answers nobody meanwhile: the " +
		'next run follows it'));
	assert.match(second.stdout, /^  import +.*, interrupted$/m);
	await job.ok('restore', ...to);
	await assertSame(source, target);
	for (const what of ['Export', 'Import'])
		assert.equal(azure.asked(`Databases_${what}`).length, 1);
});

test('the files of a sharded export are one snapshot', async (t) => {
	const { azurite, job, source, target, from, to } =
		await twoRegions(t, { files: 24 });
	await source.pipe(oneDb());
	const done = await job.ok('sync', ...from, ...to, '--import',
		'after-each-sync');
	assert.equal(done.snapshot.source.way, 'arm');
	assert.equal(done.snapshot.source.consistent, false);
	assert.equal(done.snapshot.shards.length, 24);
	await assertSame(source, target);
	await assertNothingLent(azurite);
	await job.assertListedIsGood();

	// And loads into any Redis, key by key.
	const other = await Redis.start(t);
	job.target = other;
	await job.ok('restore', '--restorer', 'restore');
	await assertSame(source, other);
});

test('what a self-hosted Redis holds is staged for the import', async (t) => {
	const { azurite, azure, job, source, target, to } = await twoRegions(t);
	await source.pipe(oneDb());
	job.source = source;
	job.env.KEY = '0123456789abcdef'.repeat(4);
	await job.ok('sync', ...to, '--import', 'after-each-sync', '--codec',
		'zstd', '--cipher-key', 'env:KEY');
	await assertSame(source, target);
	await assertNothingLent(azurite);
	assert.equal(azure.asked('Databases_Import').length, 1);
});

// Page blobs of plain RDB, whole pages, where the others have gzip.
test('Premium to Managed Redis, and to Premium', async (t) => {
	const { azure, azurite, job, to } = await twoRegions(t,
		{ plain: true });
	const [premium, target] = await Promise.all([
		Redis.start(t), Redis.start(t)]);
	azure.addPremium({ name: 'west', region: 'westus2', redis: [premium],
		redisVersion: '7.0' });
	azure.addPremium({ name: 'dr', region: 'northeurope', redis: [target],
		redisVersion: '7.0' });
	const cache = (name) => to[1].replace(/redisEnterprise.*/,
		`redis/${name}`);
	await premium.pipe(oneDb());
	const from = ['--source-resource', cache('west')];
	const done = await job.ok('sync', ...from, ...to, '--import',
		'after-each-sync');
	assert.equal(done.snapshot.dump.codec, 'gzip');
	await assertSame(premium, job.target);
	await job.assertListedIsGood();

	job.target = target;
	await job.ok('restore', '--target-resource', cache('dr'));
	await assertSame(premium, target);
	await assertNothingLent(azurite);
});

test('a failed export, and files that are no dumps', async (t) => {
	const { azure, azurite, job, source, from } = await twoRegions(t);
	await source.pipe(oneDb());
	azure.script('Databases_Export', { operation: { at: 'half', fails: {
		code: 'ExportFailed', message: 'out of room' } } }, { times: 1 });
	await job.fails(EXIT.FAILED, /ExportFailed .*: out of room/, 'snapshot',
		...from);
	await assertNothingLent(azurite);
	assert.deepEqual(await job.list(), []);
	await job.ok('snapshot', ...from);
	assert.equal((await job.list()).length, 1);
});

test('an agent that is killed in mid-import asks for no second one',
	async (t) => {
		const { azure, azurite, job, source, target, from, to } =
			await twoRegions(t);
		await source.pipe(oneDb());
		azure.script('Databases_Import', { operation: { hold: true } });
		const sync = job.start('sync', ...from, ...to, '--import',
			'after-each-sync');
		await until('the import goes on', () =>
			azure.asked('Databases_Import').length === 1 &&
			azure.asked('OperationsStatus_Get').length > 3);
		sync.child.kill('SIGKILL');
		await sync.ended;
		azure.release();
		await job.ok('restore', ...to);
		await assertSame(source, target);
		assert.equal(azure.asked('Databases_Import').length, 1);
		await assertNothingLent(azurite);
	});

test('an agent that is killed in mid-export goes on with it', async (t) => {
	const { azure, azurite, job, source, from } = await twoRegions(t);
	await source.pipe(oneDb());
	azure.script('Databases_Export', { operation: { hold: true } });
	const first = job.start('snapshot', ...from);
	await until('the export goes on', () =>
		azure.asked('OperationsStatus_Get').length > 1);
	first.child.kill('SIGKILL');
	await first.ended;
	azure.release();
	await job.ok('snapshot', ...from);
	assert.equal(azure.asked('Databases_Export').length, 1);
	assert.equal((await job.list()).length, 1);
	await assertNothingLent(azurite);
});

test('throttling is sat out, of what is asked and of what is done',
	async (t) => {
		const { azure, job, source, target, from, to } =
			await twoRegions(t, { plain: true });
		await source.pipe(oneDb());
		for (const what of ['Databases_Export', 'Databases_Import',
			'OperationsStatus_Get'])
			azure.script(what, { status: 429, retryAfter: 1 },
				{ times: 1 });
		await job.ok('sync', ...from, ...to, '--import',
			'after-each-sync');
		await assertSame(source, target);
		assert.deepEqual(azure.log.filter((e) => e.early), []);
	});
