// drsync copy SRC DST, and jobs of kind container: any blobs, from one place to
// another, with what they carry.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';

import { EXIT, drsync, start, tempDir, until } from './harness.mjs';
import { Regions } from './regions.mjs';

const ends = [];
const rig = { after: (fn) => ends.push(fn) };
const EVER = { times: Infinity };
let regions, blobs, places = 0;

before(async () => {
	regions = await Regions.start(rig);
	blobs = regions.blobs;
});

after(async () => {
	for (const end of ends.reverse())
		await end();
	assert.deepEqual(blobs.broken, []);
});

beforeEach(() => blobs.heal());

const md5 = (bytes) => createHash('md5').update(bytes).digest();

function put(container, name, bytes, more = {}) {
	return container.getBlockBlobClient(name).upload(bytes, bytes.length, {
		...more,
		blobHTTPHeaders: { blobContentMD5: md5(bytes),
			...more.blobHTTPHeaders },
	});
}

// Two containers of one name, one in each region, and drsync between them.
class Place {
	static async make(t) {
		const p = new Place();
		p.name = `place${places++}`;
		await regions.createAll(p.name);
		p.west = regions.container('west', p.name);
		p.north = regions.container('north', p.name);
		p.state = tempDir(t);
		return p;
	}

	command(args) {
		return ['copy', regions.store('west', this.name),
			regions.store('north', this.name), '--store-key', 'env:WEST',
			'--dr-store-key', 'env:NORTH', '--state-dir', this.state,
			...args];
	}

	get env() {
		return { WEST: regions.keys.west, NORTH: regions.keys.north };
	}

	run(...args) {
		return drsync(this.command(args), this.env);
	}

	async ok(...args) {
		const r = await this.run('--json', ...args);
		assert.equal(r.code, 0, r.stderr + r.stdout);
		return JSON.parse(r.stdout);
	}

	async fails(code, says, ...args) {
		const r = await this.run(...args);
		assert.equal(r.code, code, r.stderr + r.stdout);
		assert.match(r.stderr, says);
		return r;
	}

	async status() {
		const r = await drsync(['status', '--json', '--state-dir',
			this.state]);
		assert.equal(r.code, 0, r.stderr);
		return JSON.parse(r.stdout);
	}

	// What is asked of a region's service by us since the last call.
	take() {
		const taken = blobs.log.filter((e) => e.container === this.name &&
			e.by === 'client');
		blobs.log = blobs.log.filter((e) => e.container !== this.name);
		return taken;
	}
}

// All that a blob is, by Microsoft's SDK; the copy has one metadata more.
async function facts(container, name) {
	const blob = container.getBlobClient(name);
	const p = await blob.getProperties();
	const { tags } = await blob.getTags();
	const { drsync_source: source, ...metadata } = p.metadata ?? {};
	return {
		type: p.blobType, size: p.contentLength,
		md5: p.contentMD5 && Buffer.from(p.contentMD5).toString('hex'),
		headers: [p.contentType, p.contentEncoding, p.contentLanguage,
			p.contentDisposition, p.cacheControl],
		metadata, tags,
		tier: p.accessTierInferred ? undefined : p.accessTier,
		bytes: (await blob.downloadToBuffer()).toString('hex'),
	};
}

async function names(container) {
	const all = [];
	for await (const b of container.listBlobsFlat())
		if (!b.name.startsWith('drsync.locks/'))
			all.push(b.name);
	return all;
}

async function assertSame(p) {
	const all = await names(p.west);
	assert.deepEqual(await names(p.north), all);
	for (const name of all)
		assert.deepEqual(await facts(p.north, name),
			await facts(p.west, name), name);
}

const HARD_NAMES = ['a', 'a*b', 'a b', 'a/b/c', 'ümläut', '漢字', '😀',
	'x/blobs/y', 'trailing.', 'a/trailing./b.', '%41', 'a+b', "it's",
	'q?x=1', 'h#f', '\uFFFD', '\u{10000}', 'z'.repeat(900)];

describe('copy SRC DST between two regions', { concurrency: 1 }, () => {
	test('all names, by the service, and nothing the second time',
		async (t) => {
			const p = await Place.make(t);
			for (const name of HARD_NAMES)
				await put(p.west, name, Buffer.from(`of ${name}`));
			const first = await p.ok();
			assert.equal(first.copied.put.blobs, HARD_NAMES.length);
			assert.equal(first.streamed_bytes, 0);
			await assertSame(p);
			p.take();
			const second = await p.ok();
			assert.equal(second.same, HARD_NAMES.length);
			// The run's own lease is nobody's blob.
			assert.deepEqual([second.missing, second.copy.blobs],
				[0, HARD_NAMES.length]);
			assert.equal(second.copied.put.blobs, 0);
			const writes = p.take().filter((e) => e.method !== 'GET' &&
				e.method !== 'HEAD' && !/run\.lock/.test(e.blob ?? ''));
			assert.deepEqual(writes, []);
		});

	test('what a blob carries goes along, and is mended without its content',
		async (t) => {
			const p = await Place.make(t);
			const bytes = randomBytes(5000);
			await put(p.west, 'rich', bytes, {
				blobHTTPHeaders: { blobContentType: 'text/x-rich',
					blobContentLanguage: 'de', blobCacheControl: 'no-store',
					blobContentDisposition: 'inline' },
				metadata: { owner: 'shop', Case: 'Kept' },
				tags: { env: 'prod', 'a b': 'c/d' },
				tier: 'Cool',
			});
			await p.ok();
			await assertSame(p);
			const source = p.west.getBlobClient('rich');
			await source.setMetadata({ owner: 'other' });
			await source.setTags({ env: 'test' });
			await source.setAccessTier('Cold');
			p.take();
			const second = await p.ok();
			assert.deepEqual([second.mended, second.copied.put.blobs,
				second.copied.blocks.blobs], [1, 0, 0]);
			assert.ok(!p.take().some((e) => /FromUrl|CopyBlob/.test(
				e.operation)));
			await assertSame(p);
		});

	test('a large one goes by blocks, and no byte through us', async (t) => {
		const p = await Place.make(t);
		await put(p.west, 'large', randomBytes(300 << 10));
		const r = await p.ok('--at-once', '8');
		assert.equal(r.streamed_bytes, 0);
		await assertSame(p);
	});

	test('page and append blobs stay what they are', async (t) => {
		const p = await Place.make(t);
		const page = p.west.getPageBlobClient('disk');
		await page.create(1 << 20);
		await page.uploadPages(randomBytes(4096), 8192, 4096);
		const append = p.west.getAppendBlobClient('log');
		await append.create();
		await append.appendBlock(Buffer.from('one\n'), 4);
		await append.appendBlock(Buffer.from('two\n'), 4);
		await p.ok();
		await assertSame(p);
		assert.equal((await p.ok()).same, 2);
		await append.appendBlock(Buffer.from('three\n'), 6);
		await page.uploadPages(randomBytes(512), 0, 512);
		await p.ok();
		await assertSame(p);
	});

	test('a source that the service cannot reach is streamed, told once',
		async (t) => {
			const p = await Place.make(t);
			for (const name of ['a', 'b', 'c'])
				await put(p.west, name, randomBytes(2000));
			t.after(() => blobs.west.firewall = false);
			blobs.west.firewall = true;
			const r = await p.ok();
			assert.equal(r.copied.stream.blobs, 3);
			assert.equal(r.streamed_bytes, 6000);
			assert.match(r.why_streamed, /cannot (reach or )?read the source/);
			await assertSame(p);
		});

	test('a dry run lists, and writes nothing', async (t) => {
		const p = await Place.make(t);
		await put(p.west, 'same', Buffer.from('1'));
		await p.ok();
		await put(p.west, 'more', Buffer.from('22'));
		await put(p.west, 'same', Buffer.from('other'));
		p.take();
		const r = await p.ok('--dry-run');
		assert.deepEqual(r.blobs.map((b) => [b.what, b.name, b.bytes]),
			[['copy', 'more', 2], ['copy', 'same', 5]]);
		assert.ok(p.take().every((e) => ['GET', 'HEAD'].includes(e.method)));
		assert.equal(String(await p.north.getBlobClient('same')
			.downloadToBuffer()), '1');
	});

	test('one that fails is told, and the others go on', async (t) => {
		const p = await Place.make(t);
		for (const name of ['a', 'b', 'c'])
			await put(p.west, name, Buffer.from(name));
		await put(p.north, 'b', Buffer.from('held'));
		const lease = p.north.getBlobClient('b').getBlobLeaseClient();
		await lease.acquireLease(60);
		const r = await p.run();
		assert.notEqual(r.code, 0);
		assert.match(r.stdout, /^fail .*\bb: .*leas/m);
		assert.equal(String(await p.north.getBlobClient('b')
			.downloadToBuffer()), 'held');
		assert.deepEqual(await names(p.north), ['a', 'b', 'c']);
	});
});

describe('deletions', { concurrency: 1 }, () => {
	async function grown(t, n = 20) {
		const p = await Place.make(t);
		for (let i = 0; i < n; i++)
			await put(p.west, `blob-${String(i).padStart(3, '0')}`,
				Buffer.from(String(i)));
		await p.ok();
		return p;
	}

	test('are off unless asked for', async (t) => {
		const p = await grown(t, 3);
		await p.west.deleteBlob('blob-001');
		const r = await p.ok();
		assert.deepEqual([r.missing, r.deleted], [1, 0]);
		assert.equal((await names(p.north)).length, 3);
	});

	test('mirror deletes what is gone, and no more than the ceiling',
		async (t) => {
			const p = await grown(t);
			const mirror = ['--delete', 'mirror', '--delete-grace', '0s'];
			for (let i = 0; i < 5; i++)
				await p.west.deleteBlob(`blob-00${i}`);
			// A quarter of them.
			const kept = await p.fails(EXIT.REFUSED,
				/nothing is deleted: 5 .* more than 10 %/, ...mirror);
			assert.match(kept.stdout, /not at source +5 blobs/);
			assert.equal((await names(p.north)).length, 20);
			const r = await p.ok(...mirror, '--delete-percent', '50');
			assert.equal(r.deleted, 5);
			assert.deepEqual(await names(p.north), await names(p.west));
		});

	test('a grace period is waited for', async (t) => {
		const p = await grown(t);
		await p.west.deleteBlob('blob-001');
		const r = await p.ok('--delete', 'mirror', '--delete-grace', '1h');
		assert.deepEqual([r.missing, r.deleted], [1, 0]);
		assert.equal((await names(p.north)).length, 20);
	});
});

describe('directories', () => {
	function fill(dir) {
		fs.mkdirSync(path.join(dir, 'sub', 'deep'), { recursive: true });
		fs.writeFileSync(path.join(dir, 'one'), 'one');
		fs.writeFileSync(path.join(dir, 'sub', 'two words'), randomBytes(9000));
		fs.writeFileSync(path.join(dir, 'sub', 'deep', 'empty'), '');
	}

	function tree(dir) {
		return fs.readdirSync(dir, { recursive: true, withFileTypes: true })
			.filter((e) => e.isFile())
			.map((e) => path.relative(dir, path.join(e.parentPath, e.name)))
			.filter((n) => !/^(\.drsync|drsync\.locks)\//.test(n)).sort()
			.map((n) => [n, fs.readFileSync(path.join(dir, n)).toString('hex')]);
	}

	test('to a directory, and again with nothing to do', async (t) => {
		const from = tempDir(t), to = tempDir(t), state = tempDir(t);
		fill(from);
		const args = ['copy', from, to, '--json', '--state-dir', state];
		const first = await drsync(args);
		assert.equal(first.code, 0, first.stderr);
		assert.equal(JSON.parse(first.stdout).copied.stream.blobs, 3);
		assert.deepEqual(tree(to), tree(from));
		const second = await drsync(args);
		assert.equal(JSON.parse(second.stdout).same, 3);
	});

	test('to a container and back', async (t) => {
		const p = await Place.make(t);
		const from = tempDir(t), to = tempDir(t);
		fill(from);
		const url = regions.store('north', p.name);
		const up = await drsync(['copy', from, url, '--dr-store-key',
			'env:NORTH', '--state-dir', p.state], p.env);
		assert.equal(up.code, 0, up.stderr);
		const down = await drsync(['copy', url, to, '--store-key', 'env:NORTH',
			'--state-dir', p.state], p.env);
		assert.equal(down.code, 0, down.stderr);
		assert.deepEqual(tree(to), tree(from));
	});
});

describe('a run that was killed', () => {
	test('is gone on with, and does only what is left', async (t) => {
		const p = await Place.make(t);
		for (let i = 0; i < 40; i++)
			await put(p.west, `blob-${i}`, randomBytes(1000));
		const rule = blobs.script('north PutBlobFromUrl', { stall: true },
			{ nth: 20, ...EVER });
		const first = start(p.command(['--at-once', '4']), p.env);
		await until('the service stands still', () => rule.spoiled > 0);
		first.child.kill('SIGKILL');
		await first.ended;
		blobs.heal();
		const there = (await names(p.north)).length;
		assert.ok(there >= 10 && there < 40, String(there));
		const r = await p.ok();
		assert.equal(r.same + r.copied.put.blobs, 40);
		assert.ok(r.same >= there, `${r.same} of ${there}`);
		await assertSame(p);
		assert.deepEqual((await p.status()).runs.map((x) => x.state),
			['done', 'failed']);
	});
});

describe('what cannot be', () => {
	test('a destination that is not there', async (t) => {
		const p = await Place.make(t);
		await put(p.west, 'a', Buffer.from('a'));
		await p.north.delete();
		await p.fails(EXIT.FAILED, /destination is not there.*--create yes/);
		await p.ok('--create', 'yes');
		assert.deepEqual(await names(p.north), ['a']);
	});

	test('a place copied onto itself', async (t) => {
		const p = await Place.make(t);
		const url = regions.store('west', p.name);
		const r = await drsync(['copy', url, url, '--store-key', 'env:WEST',
			'--dr-store-key', 'env:WEST', '--state-dir', p.state], p.env);
		assert.equal(r.code, EXIT.USAGE, r.stderr);
	});

	test('a key that is refused names its side', async (t) => {
		const p = await Place.make(t);
		const r = await drsync(p.command([]), { ...p.env,
			WEST: regions.keys.north });
		assert.equal(r.code, EXIT.AUTH, r.stderr);
		assert.match(r.stderr, new RegExp(regions.store('west', p.name)));
	});
});
