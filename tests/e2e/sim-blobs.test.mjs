// The stand-in for two regions' Blob storage (tests/sim/blobs/), asked by
// Microsoft's own SDK: that it does what Azure documents, and refuses what
// Azure refuses, is what other tests stand on.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';

import {
	AnonymousCredential, BlobSASPermissions, ContainerClient,
	StorageSharedKeyCredential, newPipeline,
} from '@azure/storage-blob';

import { freePort, testCa } from './harness.mjs';
import { Regions } from './regions.mjs';

const ends = [];
const rig = { after: (fn) => ends.push(fn) };
let regions, blobs, containers = 0;

before(async () => {
	regions = await Regions.start(rig);
	blobs = regions.blobs;
});

after(async () => {
	for (const end of ends.reverse())
		await end();
	assert.deepEqual(blobs.broken, []);
});

const md5 = (bytes) => createHash('md5').update(bytes).digest();

// A container in each region, and in the western one a blob.
async function ground(bytes = randomBytes(70000), opts = {}) {
	const name = `ground${containers++}`;
	blobs.heal();
	await regions.createAll(name);
	const client = (account, credential) => new ContainerClient(
		regions.store(account, name), newPipeline(credential ??
			new StorageSharedKeyCredential(account, regions.keys[account]),
		{ retryOptions: { maxTries: 1 } }));
	const west = client('west'), north = client('north');
	const source = west.getBlockBlobClient('a/source');
	await source.uploadData(bytes, opts);
	const sas = regions.sas('west', 'r', name);
	return { name, bytes, west, north, source, client,
		url: `${source.url}?${sas}`, bare: source.url,
		dst: north.getBlockBlobClient('b/copy') };
}

async function holds(client, bytes) {
	const found = await client.downloadToBuffer();
	assert.ok(found.equals(bytes), `${found.length} bytes, others`);
}

async function refused(status, code, promise) {
	const e = await promise.then(() => assert.fail(`no ${code}`),
		(thrown) => thrown);
	assert.deepEqual([e.statusCode, e.code ?? e.details?.errorCode],
		[status, code], e.stack);
	return e.response;
}

const id = (n) => Buffer.from(`block ${n}`).toString('base64');

// By a SAS and without the SDK, for headers that it does not offer.
async function put(g, blob, query, headers, body) {
	const url = `${g.north.getBlobClient(blob).url}?${query}&` +
		regions.sas('north', 'rcw', g.name);
	const r = await fetch(url, { method: 'PUT', body,
		headers: { 'x-ms-version': '2025-11-05', ...headers } });
	await r.arrayBuffer();
	return [r.status, r.headers.get('x-ms-error-code')];
}

const tokenFor = (aud, exp = Date.now() / 1000 + 600) =>
	['{}', JSON.stringify({ aud, exp, nbf: 0 }), 'x']
		.map((s) => Buffer.from(s).toString('base64url')).join('.');
const STORAGE = 'https://storage.azure.com/';

describe('two regions of Blob storage', () => {
	test('blocks, pages and appended blocks from a URL', async () => {
		const g = await ground(randomBytes(3 * 4096));
		const half = g.bytes.length / 2;
		await g.dst.stageBlockFromURL(id(0), g.url, 0, half);
		await g.dst.stageBlockFromURL(id(1), g.url, half, half, {
			sourceContentMD5: md5(g.bytes.subarray(half)) });
		assert.equal(await g.dst.exists(), false);
		await g.dst.commitBlockList([id(0), id(1)]);
		await holds(g.dst, g.bytes);

		const page = g.north.getPageBlobClient('page');
		await page.create(16384);
		await page.uploadPagesFromURL(g.url, 4096, 8192, 8192);
		await holds(page, Buffer.concat([Buffer.alloc(8192),
			g.bytes.subarray(4096)]));
		await refused(413, 'RequestBodyTooLarge',
			page.uploadPagesFromURL(g.url, 0, 0, 8 << 20));

		const log = g.north.getAppendBlobClient('log');
		await log.create();
		await log.appendBlockFromURL(g.url, 0, 100);
		await log.appendBlockFromURL(g.url, 100, 50, {
			conditions: { appendPosition: 100 } });
		await refused(412, 'AppendPositionConditionNotMet',
			log.appendBlockFromURL(g.url, 0, 1, {
				conditions: { appendPosition: 7 } }));
		await holds(log, g.bytes.subarray(0, 150));
		// It really went from region to region.
		assert.ok(blobs.asked('west GetBlob').some((e) =>
			e.by === 'north' && e.container === g.name));
	});

	test('whole blobs from a URL, and what they carry', async () => {
		const g = await ground(randomBytes(500), {
			blobHTTPHeaders: { blobContentType: 'text/x',
				blobCacheControl: 'no-cache' },
			metadata: { Color: 'Red' },
		});
		await g.dst.syncUploadFromURL(g.url);
		await holds(g.dst, g.bytes);
		let p = await g.dst.getProperties();
		assert.equal(p.contentType, 'text/x');
		assert.equal(p.cacheControl, 'no-cache');
		assert.deepEqual(p.metadata, {});
		assert.equal(p.copyId, undefined);
		await g.dst.syncUploadFromURL(g.url, {
			copySourceBlobProperties: false, metadata: { a: '1' } });
		p = await g.dst.getProperties();
		assert.equal(p.contentType, 'application/octet-stream');
		assert.deepEqual(p.metadata, { a: '1' });

		const r = await g.dst.syncCopyFromURL(g.url);
		assert.equal(r.copyStatus, 'success');
		await holds(g.dst, g.bytes);
		p = await g.dst.getProperties();
		assert.deepEqual([p.contentType, p.copyId, p.copyStatus],
			['text/x', r.copyId, 'success']);
		assert.equal(p.copySource, g.bare);
		assert.deepEqual(p.metadata, { color: 'Red' });
		assert.deepEqual(p.contentMD5, md5(g.bytes));
		await g.dst.syncCopyFromURL(g.url, { metadata: { b: '2' } });
		assert.deepEqual((await g.dst.getProperties()).metadata,
			{ b: '2' });
	});

	test('conditions on either side', async () => {
		const g = await ground();
		const { etag } = await g.source.getProperties();
		const other = '"0x8CEB669D794AFE2"';
		await g.dst.syncUploadFromURL(g.url, {
			conditions: { ifNoneMatch: '*' },
			sourceConditions: { ifMatch: etag } });
		for (const copy of ['syncUploadFromURL', 'syncCopyFromURL']) {
			await refused(412, 'SourceConditionNotMet', g.dst[copy](g.url,
				{ sourceConditions: { ifMatch: other } }));
			await refused(412, 'SourceConditionNotMet', g.dst[copy](g.url,
				{ sourceConditions: { ifNoneMatch: etag } }));
			await refused(412, 'ConditionNotMet', g.dst[copy](g.url,
				{ conditions: { ifMatch: other } }));
			await refused(409, 'BlobAlreadyExists', g.dst[copy](g.url,
				{ conditions: { ifNoneMatch: '*' } }));
		}
		await refused(412, 'SourceConditionNotMet', g.dst.beginCopyFromURL(
			g.url, { sourceConditions: { ifMatch: other } }));
		const from = { 'x-ms-copy-source': g.url,
			'x-ms-source-range': 'bytes=0-99' };
		const block = `comp=block&blockid=${id(0)}`;
		assert.deepEqual(await put(g, 'c', block, { ...from,
			'x-ms-source-if-match': etag }), [201, null]);
		assert.deepEqual(await put(g, 'c', block, { ...from,
			'x-ms-source-if-match': other }),
		[412, 'SourceConditionNotMet']);
		const lease = g.dst.getBlobLeaseClient();
		await lease.acquireLease(15);
		await refused(412, 'LeaseIdMissing', g.dst.syncCopyFromURL(g.url));
		await g.dst.syncCopyFromURL(g.url,
			{ conditions: { leaseId: lease.leaseId } });
	});

	test('Copy Blob is pending, and tells how far it is', async () => {
		const g = await ground(randomBytes(900), {
			metadata: { kept: 'yes' } });
		blobs.script('north CopyBlob', { copy: { polls: 2 } });
		const poller = await g.dst.beginCopyFromURL(g.url,
			{ intervalInMs: 1 });
		const told = [];
		for (let i = 0; i < 3; i++) {
			const p = await g.dst.getProperties();
			told.push([p.copyStatus, p.copyProgress, p.contentLength]);
		}
		assert.deepEqual(told, [['pending', '300/900', 0],
			['pending', '600/900', 0], ['success', '900/900', 900]]);
		const done = await poller.pollUntilDone();
		assert.equal(done.copyStatus, 'success');
		await holds(g.dst, g.bytes);
		const p = await g.dst.getProperties();
		assert.deepEqual([p.copyId, p.metadata],
			[done.copyId, { kept: 'yes' }]);
		assert.equal(p.copySource, g.bare);
		assert.ok(p.copyCompletedOn instanceof Date);
		// What is written afterwards is no copy any more.
		await g.dst.uploadData(Buffer.from('x'));
		assert.equal((await g.dst.getProperties()).copyId, undefined);
	});

	test('Copy Blob brings pages and logs, and snapshots', async () => {
		const g = await ground();
		blobs.script('north CopyBlob', { copy: { polls: 0 } },
			{ times: Infinity });
		const pages = randomBytes(5 << 20);
		const page = g.west.getPageBlobClient('page');
		await page.create(pages.length);
		for (let at = 0; at < pages.length; at += 1 << 20)
			await page.uploadPages(pages.subarray(at, at + (1 << 20)), at,
				1 << 20);
		const log = g.west.getAppendBlobClient('log');
		await log.create();
		await log.appendBlock(g.bytes, g.bytes.length);
		const { snapshot } = await g.source.createSnapshot();
		await g.source.uploadData(Buffer.from('later'));
		const may = { permissions: BlobSASPermissions.parse('r'),
			expiresOn: new Date(Date.now() + 3600000) };
		for (const [from, type, bytes] of [
			[page, 'PageBlob', pages], [log, 'AppendBlob', g.bytes],
			[g.source.withSnapshot(snapshot), 'BlockBlob', g.bytes],
		]) {
			const poller = await g.dst.beginCopyFromURL(
				await from.generateSasUrl(may), { intervalInMs: 1 });
			await poller.pollUntilDone();
			await holds(g.dst, bytes);
			assert.equal((await g.dst.getProperties()).blobType, type);
			await g.dst.delete();
		}
		// Of the same account, nothing but the request's own right.
		const twin = g.north.getBlockBlobClient('twin');
		await twin.uploadData(g.bytes);
		await (await g.dst.beginCopyFromURL(twin.url)).pollUntilDone();
		await holds(g.dst, g.bytes);
		await refused(403, 'CannotVerifyCopySource',
			g.dst.syncCopyFromURL(twin.url));
	});

	test('a pending Copy Blob holds its destination until it is aborted',
		async () => {
			const g = await ground();
			await g.dst.uploadData(Buffer.from('old'));
			blobs.script('north CopyBlob', { copy: { hold: true } });
			await refused(409, 'NoPendingCopyOperation',
				g.dst.abortCopyFromURL('none'));
			const poller = await g.dst.beginCopyFromURL(g.url,
				{ intervalInMs: 1 });
			const { copyId } = await g.dst.getProperties();
			const held = (p) => refused(409, 'PendingCopyOperation', p);
			await held(g.dst.uploadData(Buffer.from('x')));
			await held(g.dst.delete());
			await held(g.dst.setMetadata({ a: 'b' }));
			await held(g.dst.syncCopyFromURL(g.url));
			await held(g.dst.getBlobLeaseClient().acquireLease(15));
			await held(g.dst.beginCopyFromURL(g.url));
			await refused(409, 'CopyIdMismatch',
				g.dst.abortCopyFromURL('another'));
			const stranger = g.client('north', new AnonymousCredential());
			await assert.rejects(stranger.getBlockBlobClient('b/copy')
				.abortCopyFromURL(copyId), { statusCode: 403 });
			await poller.cancelOperation();
			const p = await g.dst.getProperties();
			assert.deepEqual([p.copyStatus, p.contentLength], ['aborted', 0]);
			await refused(409, 'NoPendingCopyOperation',
				g.dst.abortCopyFromURL(copyId));
			await g.dst.uploadData(g.bytes);
		});

	test('a Copy Blob that is held goes on when it is released',
		async () => {
			const g = await ground();
			blobs.script('north CopyBlob', { copy: { hold: true } });
			const poller = await g.dst.beginCopyFromURL(g.url,
				{ intervalInMs: 1 });
			for (let i = 0; i < 5; i++)
				assert.equal((await g.dst.getProperties()).copyStatus,
					'pending');
			blobs.release();
			await poller.pollUntilDone();
			await holds(g.dst, g.bytes);
		});

	test('a Copy Blob that fails says why, and leaves nothing', async () => {
		const g = await ground();
		const after1 = async () => {
			await g.dst.getProperties();
			const p = await g.dst.getProperties();
			assert.deepEqual([p.copyStatus, p.contentLength], ['failed', 0]);
			return p.copyStatusDescription;
		};
		blobs.script('north CopyBlob', { copy: { polls: 1,
			fails: [500, 'InternalServerError', 'Copy failed.'] } });
		await g.dst.beginCopyFromURL(g.url);
		assert.equal(await after1(),
			'500 InternalServerError "Copy failed."');
		// A source that changes is not the one that was asked for.
		await g.dst.beginCopyFromURL(g.url);
		await g.source.uploadData(randomBytes(70000));
		assert.match(await after1(), /^412 SourceConditionNotMet /);
		await g.dst.beginCopyFromURL(g.url);
		await g.source.delete();
		assert.match(await after1(), /^4(04|12) /);
	});

	test('who may read the source', async () => {
		const g = await ground();
		const auth = (aud, exp) => ({ sourceAuthorization:
			{ scheme: 'Bearer', value: tokenFor(aud, exp) } });
		const told = async (status, source, promise) => {
			const { headers } = await refused(status,
				'CannotVerifyCopySource', promise);
			assert.deepEqual([headers.get('x-ms-copy-source-status-code'),
				headers.get('x-ms-copy-source-error-code')], source);
		};
		for (const aud of [STORAGE, STORAGE.slice(0, -1),
			'https://west.blob.core.windows.net'])
			await g.dst.syncCopyFromURL(g.bare, auth(aud));
		await holds(g.dst, g.bytes);
		await g.dst.stageBlockFromURL(id(0), g.bare, 0, 10, auth(STORAGE));
		await told(401, ['401', 'InvalidAuthenticationInfo'],
			g.dst.syncUploadFromURL(g.bare,
				auth('https://management.azure.com/')));
		await told(401, ['401', 'InvalidAuthenticationInfo'],
			g.dst.stageBlockFromURL(id(0), g.bare, 0, 10,
				auth(STORAGE, Date.now() / 1000 - 1)));
		await told(403, ['403', 'AuthorizationFailure'],
			g.dst.syncCopyFromURL(g.bare));
		await told(403, ['403', 'AuthorizationFailure'],
			g.dst.syncCopyFromURL(g.url.replace(/sig=[^&]{8}/, 'sig=AAAAAAAA')));
		await told(404, ['404', 'BlobNotFound'],
			g.dst.syncCopyFromURL(g.url.replace('a/source', 'a/none')));
		// Copy Blob has no such header.
		assert.deepEqual(await put(g, 'd', '', { 'x-ms-copy-source': g.bare,
			'x-ms-copy-source-authorization':
				`Bearer ${tokenFor(STORAGE)}` }),
		[403, 'CannotVerifyCopySource']);
		blobs.west.firewall = true;
		await told(403, ['403', 'AuthorizationFailure'],
			g.dst.stageBlockFromURL(id(0), g.url, 0, 10));
		await holds(g.source, g.bytes);
		blobs.west.firewall = false;
		const nobody = `http://127.0.0.1:${await freePort()}/west/c/b`;
		await told(404, [undefined, undefined],
			g.dst.stageBlockFromURL(id(0), nobody, 0, 10));
	});

	test('who may write the destination', async () => {
		const g = await ground();
		const key = new StorageSharedKeyCredential('north',
			randomBytes(64).toString('base64'));
		for (const credential of [key, new AnonymousCredential()]) {
			const dst = g.client('north', credential)
				.getBlockBlobClient('b/copy');
			for (const copy of [() => dst.syncCopyFromURL(g.url),
				() => dst.syncUploadFromURL(g.url),
				() => dst.beginCopyFromURL(g.url),
				() => dst.stageBlockFromURL(id(0), g.url, 0, 10)])
				await assert.rejects(copy, { statusCode: 403 });
		}
		const from = { 'x-ms-copy-source': g.url };
		const read = regions.sas('north', 'r', g.name);
		const r = await fetch(`${g.dst.url}?${read}`, { method: 'PUT',
			headers: { ...from, 'x-ms-version': '2025-11-05',
				'x-ms-blob-type': 'BlockBlob' } });
		assert.equal(r.status, 403);
		assert.equal(await g.dst.exists(), false);
		assert.deepEqual(await put(g, 'b/copy', '', { ...from,
			'x-ms-blob-type': 'BlockBlob' }), [201, null]);
		await holds(g.dst, g.bytes);
	});

	test('hashes of the source are checked', async () => {
		const g = await ground(randomBytes(100));
		const wrong = Buffer.alloc(16), crc = Buffer.alloc(8);
		await refused(400, 'Md5Mismatch', g.dst.stageBlockFromURL(id(0),
			g.url, 0, 100, { sourceContentMD5: wrong }));
		await refused(400, 'Crc64Mismatch', g.dst.stageBlockFromURL(id(0),
			g.url, 0, 100, { sourceContentCrc64: crc }));
		for (const copy of ['syncUploadFromURL', 'syncCopyFromURL']) {
			await refused(400, 'Md5Mismatch', g.dst[copy](g.url,
				{ sourceContentMD5: wrong }));
			await g.dst[copy](g.url, { sourceContentMD5: md5(g.bytes) });
		}
		blobs.script('north *FromUrl', { flip: true }, { times: 2 });
		await refused(400, 'Md5Mismatch', g.dst.stageBlockFromURL(id(0),
			g.url, 0, 100, { sourceContentMD5: md5(g.bytes) }));
		await g.dst.syncCopyFromURL(g.url);
		const copied = await g.dst.downloadToBuffer();
		assert.equal(copied.length, 100);
		assert.ok(!copied.equals(g.bytes));
	});

	test('limits', async () => {
		const g = await ground(randomBytes(10));
		const ids = (n) => Array.from({ length: n }, () => id(0));
		await g.dst.stageBlock(id(0), g.bytes, 10);
		await refused(400, 'BlockListTooLong',
			g.dst.commitBlockList(ids(50001)));
		await refused(400, 'InvalidBlobOrBlock',
			g.dst.stageBlock(id(10), g.bytes, 10));
		await refused(400, 'InvalidBlobOrBlock',
			g.dst.stageBlockFromURL(id(10), g.url, 0, 10));
		await g.dst.commitBlockList(ids(3));
		await g.dst.stageBlock(id(10), g.bytes, 10);
		const long = g.north.getBlockBlobClient('x'.repeat(1025));
		await refused(400, 'OutOfRangeInput', long.uploadData(g.bytes));
		await g.north.getBlockBlobClient('x'.repeat(1024))
			.uploadData(g.bytes);
		await refused(400, 'MetadataTooLarge', g.dst.setMetadata(
			{ a: 'x'.repeat(8192) }));
		await g.dst.setMetadata({ a: 'x'.repeat(8191) });
		// 260 MiB, of which 4 were sent.
		const big = g.west.getBlockBlobClient('big');
		await big.stageBlock(id(0), Buffer.alloc(4 << 20), 4 << 20);
		await big.commitBlockList(ids(65));
		await refused(409, 'CannotVerifyCopySource', g.dst.syncCopyFromURL(
			g.url.replace('a/source', 'big')));
		await refused(400, 'InvalidHeaderValue', g.dst.syncCopyFromURL(
			`${g.url}&x=${'x'.repeat(2048)}`));
	});

	test('a clock that is wrong', async () => {
		const g = await ground();
		for (const minutes of [16, -16]) {
			blobs.north.skewMs = minutes * 60000;
			await refused(403, 'AuthenticationFailed',
				g.dst.uploadData(g.bytes));
			await refused(403, 'AuthenticationFailed',
				g.dst.syncCopyFromURL(g.url));
		}
		blobs.north.skewMs = 14 * 60000;
		const { date } = await g.dst.uploadData(g.bytes);
		assert.ok(date - Date.now() > 13 * 60000);
		blobs.north.skewMs = 0;
		blobs.west.skewMs = 2 * 3600000;
		await refused(403, 'CannotVerifyCopySource',
			g.dst.syncCopyFromURL(g.url));
		blobs.west.skewMs = 0;
		await g.dst.syncCopyFromURL(g.url);
	});

	test('what a script spoils, and when', async () => {
		const g = await ground(randomBytes(1000));
		const stage = (n) => g.dst.stageBlockFromURL(id(n), g.url, 0, 1000);
		const rule = blobs.script('north PutBlockFromUrl b/c*',
			{ status: 503, code: 'ServerBusy', retryAfter: 7 }, { nth: 2 });
		await stage(0);
		const r = await refused(503, 'ServerBusy', stage(1));
		assert.equal(r.headers.get('retry-after'), '7');
		await stage(1);
		assert.deepEqual([rule.seen, rule.spoiled], [3, 1]);
		const reset = { code: /ECONNRESET|REQUEST_SEND_ERROR/ };
		blobs.script('north PutBlockFromUrl', { lost: 'request' });
		await assert.rejects(stage(2), reset);
		const staged = async () => (await g.dst.getBlockList('uncommitted'))
			.uncommittedBlocks.map((b) => b.name).sort();
		assert.deepEqual(await staged(), [id(0), id(1)]);
		blobs.heal();
		blobs.script('north PutBlockFromUrl', { lost: 'answer' });
		await assert.rejects(stage(2), reset);
		assert.deepEqual(await staged(), [id(0), id(1), id(2)]);
		// Of the service that reads the source, and of nobody else.
		blobs.heal();
		for (const [fault, status, code] of [
			[{ status: 503, code: 'ServerBusy' }, 503,
				'CannotVerifyCopySource'],
			[{ cut: true }, 500, 'InternalError'],
		]) {
			blobs.script('west GetBlob', fault, { by: 'north' });
			await holds(g.source, g.bytes);
			await refused(status, code, stage(3));
			await stage(3);
		}
		blobs.script('west GetBlob', { flip: true }, { by: 'client' });
		await assert.rejects(holds(g.source, g.bytes));
		blobs.script('west GetBlob', { cut: true });
		await assert.rejects(g.source.downloadToBuffer(0, 1000,
			{ maxRetryRequestsPerBlock: 0 }));
		blobs.script('north GetBlobProperties', { meanwhile: () =>
			g.dst.uploadData(Buffer.from('meanwhile')) });
		assert.equal((await g.dst.getProperties()).contentLength, 9);
		blobs.script('north', { stall: true });
		await assert.rejects(g.dst.getProperties({
			abortSignal: AbortSignal.timeout(200) }), { name: 'AbortError' });
	});

	test('what it does not play it does not do', async () => {
		const g = await ground();
		const none = (p) => refused(501, 'NotImplemented', p);
		await none(g.source.withVersion('2026-01-01').delete());
		await none(g.source.undelete());
		await none(g.west.listBlobsFlat({ includeVersions: true }).next());
		await none(g.west.listBlobsFlat({ includeDeleted: true }).next());
		await none(g.dst.syncCopyFromURL(g.url,
			{ copySourceTags: 'COPY' }));
		await holds(g.source, g.bytes);
	});

	test('tokens and SAS over https', async (t) => {
		const ca = await testCa(t);
		const secure = await Regions.start(t, { ca });
		const client = (account, aud, ms = 600000) => new ContainerClient(
			secure.store(account), newPipeline({ getToken: async () => ({
				token: tokenFor(aud, (Date.now() + ms) / 1000),
				expiresOnTimestamp: Date.now() + 600000 }) },
			{ retryOptions: { maxTries: 1 } }));
		const [west, north] = ['west', 'north'].map((a) =>
			client(a, STORAGE));
		const bytes = randomBytes(3000);
		const source = west.getBlockBlobClient('s p ä?c/%20e');
		await source.uploadData(bytes, { metadata: { a: '1' } });
		const dst = north.getBlockBlobClient('copy');
		await dst.syncCopyFromURL(source.url, { sourceAuthorization:
			{ scheme: 'Bearer', value: tokenFor(STORAGE) } });
		await holds(dst, bytes);
		await dst.syncUploadFromURL(
			`${source.url}?${secure.sas('west', 'r')}`);
		await holds(dst, bytes);
		for (const bad of [client('north', 'https://vault.azure.net'),
			client('north', STORAGE, -1000)])
			await assert.rejects(bad.getBlockBlobClient('copy')
				.getProperties(), { statusCode: 401 });
		assert.deepEqual(secure.blobs.broken, []);
	});

	test('as a program of its own', async (t) => {
		const main = path.resolve(import.meta.dirname,
			'../sim/blobs/main.mjs');
		const child = spawn(process.execPath, [main],
			{ stdio: ['ignore', 'pipe', 'inherit'] });
		t.after(() => child.kill('SIGKILL'));
		const [line] = await once(child.stdout, 'data');
		const { north, control } = JSON.parse(line);
		const post = (what, body) => fetch(`${control}/${what}`,
			{ method: 'POST', body: JSON.stringify(body) });
		const made = new ContainerClient(`${north.url}/made`,
			newPipeline(new StorageSharedKeyCredential(north.account,
				north.key), { retryOptions: { maxTries: 1 } }));
		await post('script', { on: 'north CreateContainer',
			fault: { status: 429, code: 'TooManyRequests' } });
		await refused(429, 'TooManyRequests', made.create());
		await made.create();
		await post('north', { skewMs: 3600000 });
		await refused(403, 'AuthenticationFailed', made.getProperties());
		const log = await (await fetch(`${control}/log`)).json();
		assert.deepEqual(log.map((e) => [e.operation, e.status]),
			[['CreateContainer', 429], ['CreateContainer', 201],
				['GetContainerProperties', 403]]);
		child.kill('SIGTERM');
		const [code] = await once(child, 'exit');
		assert.equal(code, 0);
	});
});
