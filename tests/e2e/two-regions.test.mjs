// From one region to another, by the service itself: in front of each region
// stands tests/sim/blobs/, which fetches what it copies from the other's
// address, as Azure does.  Whatever goes wrong on the way, the copy is the
// source's, or it is said that there is none.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { after, before, beforeEach, describe, test } from 'node:test';
import zlib from 'node:zlib';

import { startAzure } from '../sim/azure/azure.mjs';
import { EXIT, Redis, freePort, shopData, testCa } from './harness.mjs';
import { Regions } from './regions.mjs';

// Three ranges of the 8 MiB that are copied at once.
const SIZE = 17 << 20;
const EVER = { times: Infinity };

const ends = [];
const rig = { after: (fn) => ends.push(fn) };
let regions, blobs, source, target, jobs = 0;

before(async () => {
	[regions, source, target] = await Promise.all([Regions.start(rig),
		Redis.start(rig), Redis.start(rig)]);
	blobs = regions.blobs;
	await source.pipe(await shopData(5));
});

after(async () => {
	for (const end of ends.reverse())
		await end();
	assert.deepEqual(blobs.broken, []);
});

beforeEach(() => blobs.heal());

async function emptyTarget() {
	await target.cli('flushall');
	await target.cli('function', 'flush');
}

// In containers of its own.
async function newJob(t) {
	const name = `job${jobs++}`;
	await emptyTarget();
	await regions.createAll(name);
	const job = regions.job(t, { source, target },
		(account) => regions.store(account, name));
	const blob = (account, key) => regions.container(account, name)
		.getBlockBlobClient(key);
	return Object.assign(job, {
		name, blob,
		read: (account, key) => blob(account, key).downloadToBuffer(),
		names: (account) => regions.names(account, name),
		// What was asked since the last call.
		take() {
			const taken = blobs.log.filter((e) => e.container === name);
			blobs.log = blobs.log.filter((e) => e.container !== name);
			return taken;
		},
	});
}

const count = (log, region, operation, by) => log.filter((e) =>
	e.region === region && e.operation === operation && e.by === by).length;

async function bigBlob(job) {
	const bytes = randomBytes(SIZE);
	// Azurite reckons CRC64 of what comes without a hash, and takes long.
	await job.blob('west', 'big').upload(bytes, SIZE, {
		transactionalContentMD5: createHash('md5').update(bytes).digest() });
	job.take();
	return bytes;
}

// A sync, and what it asked of its dump's one part.
async function copiedByTheService(job, all) {
	const { snapshot, copy, comparison } = await job.ok('sync');
	assert.deepEqual([comparison.same, copy.streamed], [true, false]);
	const part = `shop/${snapshot.id}/${snapshot.parts[0].name}`;
	const log = all.filter((e) => e.blob === part);
	assert.equal(count(log, 'north', 'PutBlockFromUrl', 'client'), 1);
	assert.equal(count(log, 'west', 'GetBlob', 'north'), 1);
	assert.equal(count(log, 'west', 'GetBlob', 'client'), 0);
	return { part, log };
}

const copyBig = (job, ...args) => job.ok('copy', '--blob', 'big', ...args);

async function holds(job, bytes, key = 'big') {
	const there = await job.read('north', key);
	assert.ok(there.equals(bytes), `${there.length} bytes, others`);
}

describe('two regions', () => {
	for (const right of ['a key', 'a SAS'])
		test(`a snapshot is copied by the service, by ${right}`,
			async (t) => {
				const job = await newJob(t);
				if (right === 'a SAS')
					for (const [account, stores, env] of [
						['west', job.stores, 'WEST'],
						['north', job.drStore, 'NORTH']]) {
						stores[2] = stores[2].replace('key', 'sas');
						job.env[env] = regions.sas(account, 'racwdl',
							job.name);
					}
				const { part, log } = await copiedByTheService(job,
					blobs.log);
				assert.ok(log.every((e) => e.by === 'client' ||
					!e.headers.authorization));
				await holds(job, await job.read('west', part), part);
				zlib.gunzipSync(await job.read('north', part));
				await job.assertListedIsGood();
			});

	// Its token opens the source to the service: Azurite does not play that.
	test('a snapshot is copied by the service, by an identity',
		async (t) => {
			const ca = await testCa(t);
			const [secure, azure] = await Promise.all(
				[Regions.start(t, { ca }), startAzure(t)]);
			await emptyTarget();
			const job = secure.job(t, { source, target });
			job.env = azure.env.vm;
			job.args = ['--ca-file', ca.ca];
			for (const stores of [job.stores, job.drStore])
				stores.splice(2);
			const { log } = await copiedByTheService(job,
				secure.blobs.log);
			const [{ token }] = azure.tokens.issued;
			for (const [by, header] of [['north', 'authorization'],
				['client', 'x-ms-copy-source-authorization']])
				assert.ok(log.some((e) => e.by === by &&
					e.headers[header] === `Bearer ${token}`), header);
			await job.assertListedIsGood();
		});

	// What passes: of the call, of the source's service, of the commit.
	const passing = [
		['500', { status: 500, code: 'InternalError' }],
		['503', { status: 503, code: 'ServerBusy', retryAfter: 1 }],
		['429', { status: 429, code: 'TooManyRequests', retryAfter: 1 }],
		['a reset before it arrived', { lost: 'request' }],
		['a reset after it was done', { lost: 'answer' }],
	];
	const steps = [
		['a range', 'north PutBlockFromUrl big', 3, passing],
		['the source', 'west GetBlob big', 3, [...passing,
			['a body that ends early', { cut: true }],
			['503 of another name', { status: 503, code: 'OtherWords' }]]],
		['the commit', 'north PutBlockList big', 1, passing],
		['the look at it', 'north GetBlobProperties big', 3,
			[passing[1], passing[3]]],
	];
	for (const [step, on, nth, faults] of steps)
		test(`what passes is sat out: ${step}`, async (t) => {
			const job = await newJob(t);
			const bytes = await bigBlob(job);
			for (const [what, fault] of faults) {
				const rule = blobs.script(on, fault, { nth });
				const { copy } = await copyBig(job);
				assert.equal(rule.spoiled, 1, what);
				assert.deepEqual([copy.streamed, copy.bytes],
					[false, SIZE], what);
				await holds(job, bytes);
				await job.blob('north', 'big').delete();
				blobs.heal();
			}
		});

	const unreadable = [
		['a firewall', /403 AuthorizationFailure/,
			() => { blobs.west.firewall = true; }],
		['another answer', /404 CannotVerifyCopySource/, () =>
			blobs.script('north PutBlockFromUrl', { status: 404,
				code: 'CannotVerifyCopySource' }, EVER)],
		['a service that has no such call', /501 NotImplemented/, () =>
			blobs.script('north PutBlockFromUrl', { status: 501,
				code: 'NotImplemented' }, EVER)],
		['a firewall that is closed half-way', /403 AuthorizationFailure/,
			() => blobs.script('west GetBlob', { meanwhile: () => {
				blobs.west.firewall = true;
			} }, { nth: 2, by: 'north' })],
	];
	for (const [what, why, begin] of unreadable)
		test(`bytes go through us, and it is told: ${what}`, async (t) => {
			const job = await newJob(t);
			t.after(() => { blobs.west.firewall = false; });
			const bytes = await bigBlob(job);
			begin();
			const { copy } = await copyBig(job);
			assert.equal(copy.streamed, true);
			assert.match(copy.why, /^the service (cannot|does not) /);
			assert.match(copy.why, why);
			assert.match(copy.why, /\(request id \S+\)$/);
			await holds(job, bytes);
			if (what.includes('half-way'))
				return;
			// Asked once, and not for each range.
			assert.equal(count(job.take(), 'north', 'PutBlockFromUrl',
				'client'), 1);
			const r = await job.run('sync');
			assert.equal(r.code, EXIT.DONE, r.stderr);
			assert.match(r.stdout,
				/^ {2}copied +[\d.]+ \w+, through this host:\n {17}the /m);
			assert.match(r.said, why);
			assert.match((await job.run('check')).said,
				/^copy +good +bytes go through this host: the service /m);
			await job.assertListedIsGood();
		});

	test('a source that changes meanwhile is not half of either',
		async (t) => {
			const job = await newJob(t);
			const old = await bigBlob(job);
			await copyBig(job);
			let bytes = await bigBlob(job);
			const change = async () => { bytes = await bigBlob(job); };
			for (const nth of [1, 2, 3]) {
				blobs.script('north PutBlockFromUrl',
					{ meanwhile: change }, { nth });
				await job.fails(EXIT.FAILED,
					/'big'.*412.*the source was changed while it was/,
					'copy', '--blob', 'big', '--replace');
				await holds(job, old);
				blobs.heal();
			}
			// And where it is seen by us, not by the service.
			blobs.west.firewall = true;
			t.after(() => { blobs.west.firewall = false; });
			blobs.script('west GetBlob', { meanwhile: change },
				{ nth: 2, by: 'client' });
			await job.fails(EXIT.FAILED, /'big'.*412.*written it meanwhile/, 'copy',
				'--blob', 'big', '--replace');
			await holds(job, old);
			blobs.west.firewall = false;
			await copyBig(job, '--replace');
			await holds(job, bytes);
		});

	test('a copy that holds other bytes is not listed, and is made again',
		async (t) => {
			const job = await newJob(t);
			const first = (await job.ok('sync')).snapshot.id;
			const before = await target.digest();
			blobs.script('north PutBlockFromUrl */part-*', { flip: true });
			const r = await job.fails(EXIT.CORRUPT,
				/reading the copy in '[^']*\/north\/[^']*'.*SHA-256/,
				'sync');
			assert.doesNotMatch(r.stdout, /^copied/m);
			assert.equal(await target.digest(), before);
			const { source: west, dr } = await job.assertListedIsGood();
			assert.deepEqual(dr, [first]);
			assert.equal(west.length, 2);
			await job.ok('copy');
			assert.deepEqual((await job.assertListedIsGood()).dr.sort(),
				west.sort());
		});

	// Its MD5 is the source's all the same: it is the one that was told.
	test('a blob that holds other bytes is found, and copied again',
		async (t) => {
			const job = await newJob(t);
			const bytes = await bigBlob(job);
			blobs.script('north PutBlockFromUrl big', { flip: true },
				{ nth: 2 });
			const copy = ['copy', '--blob', 'big'];
			await job.fails(EXIT.CORRUPT,
				/'big' in '[^']*north[^']*'.*MD5.*--replace/, ...copy);
			const { contentMD5 } = await job.blob('north', 'big')
				.getProperties();
			assert.deepEqual(contentMD5,
				createHash('md5').update(bytes).digest());
			await job.fails(EXIT.REFUSED, /another content/, ...copy);
			await job.ok(...copy, '--replace');
			await holds(job, bytes);
			assert.equal((await job.ok(...copy)).copy.there_already, true);
		});

	test('a source that is busy for ever', async (t) => {
		const job = await newJob(t);
		await bigBlob(job);
		blobs.script('west GetBlob', { status: 503, code: 'ServerBusy' },
			{ by: 'north', ...EVER });
		await job.fails(EXIT.UNREACHABLE, /503 CannotVerifyCopySource/,
			'copy', '--blob', 'big', '--timeout', '8s');
		assert.deepEqual(await job.names('north'), ['shop/run.lock']);
	});

	test('a region whose clock is wrong', async (t) => {
		const job = await newJob(t);
		t.after(() => { blobs.north.skewMs = 0; });
		blobs.north.skewMs = 3600000;
		await job.fails(EXIT.AUTH,
			/north.*AuthenticationFailed.*this machine's clock/, 'sync');
		assert.deepEqual(await job.names('west'), ['shop/run.lock']);
		blobs.north.skewMs = 10 * 60000;
		assert.equal((await job.ok('sync')).copy.streamed, false);
	});

	test('a source region that is gone takes the copy with it, not the DR',
		async (t) => {
			const job = await newJob(t);
			const { id } = (await job.ok('sync')).snapshot;
			job.stores[1] = `http://127.0.0.1:${await freePort()}/west/` +
				job.name;
			await job.fails(EXIT.UNREACHABLE, /refused|gave up/i, 'copy',
				'--timeout', '8s');
			await job.ok('verify', '--deep', '--in', 'dr', id);
			await emptyTarget();
			await job.ok('restore');
			assert.equal(await target.digest(), await source.digest());
		});
});
