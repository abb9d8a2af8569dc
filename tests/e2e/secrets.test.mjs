// Sealed snapshots, and secrets that are seen nowhere.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import {
	EXIT, Job, Redis, drsync, everyType, until,
} from './harness.mjs';

async function twins(t, opts) {
	const [source, target] = await Promise.all(
		[Redis.start(t, opts), Redis.start(t, opts)]);
	await source.pipe(everyType());
	return new Job(t, { source, target });
}

function files(dir) {
	return fs.readdirSync(dir, { recursive: true, withFileTypes: true })
		.filter((e) => e.isFile())
		.map((e) => path.join(e.parentPath, e.name));
}

test('a sealed snapshot opens by its key alone', async (t) => {
	const job = await twins(t);
	const raw = randomBytes(32);
	const file = path.join(job.dir, 'key');
	fs.writeFileSync(file, raw, { mode: 0o600 });
	job.env = {
		HEX: raw.toString('hex'), B64: raw.toString('base64'),
		OTHER: randomBytes(32).toString('hex'), SHORT: 'abcd',
	};
	const { snapshot } = await job.ok('sync', '--cipher-key', 'env:HEX');
	assert.equal(snapshot.dump.cipher, 'aes-256-gcm');
	assert.equal(await job.target.digest(), await job.source.digest());
	for (const key of ['env:HEX', 'env:B64', `file:${file}`]) {
		await job.ok('verify', '--deep', '--cipher-key', key);
		await job.ok('restore', '--cipher-key', key);
		await job.ok('inspect', '--cipher-key', key);
	}
	// What lies there names no key of the dataset.
	for (const region of [job.west, job.north]) {
		const part = fs.readFileSync(path.join(
			job.snapshotDir(snapshot.id, region),
			snapshot.parts[0].name));
		assert.equal(part.indexOf('compressible'), -1);
		assert.notEqual(part.readUInt16BE(0), 0x1f8b);
	}
	// Its bytes can be proved without the key, and nothing else.
	await job.ok('verify');
	const before = await job.target.digest();
	for (const command of ['verify', 'restore']) {
		const more = command === 'verify' ? ['--deep'] : [];
		await job.fails(EXIT.AUTH, /key/, command, ...more,
			'--cipher-key', 'env:OTHER');
		const r = await job.run(command, ...more);
		assert.notEqual(r.code, EXIT.DONE);
		assert.match(r.stderr, /key/);
	}
	await job.fails(EXIT.USAGE, /32 bytes/, 'verify', '--deep',
		'--cipher-key', 'env:SHORT');
	assert.equal(await job.target.digest(), before);
});

test('parts that were swapped do not open', async (t) => {
	const job = await twins(t);
	await job.source.pipe(Array.from({ length: 300 }, (_, i) =>
		['SET', `random:${i}`, randomBytes(2000).toString('hex')]));
	job.env = { KEY: randomBytes(32).toString('hex') };
	job.args = ['--cipher-key', 'env:KEY'];
	const { snapshot } = await job.ok('snapshot', '--part-max', '200KiB');
	assert.ok(snapshot.parts.length > 2);
	const dir = job.snapshotDir(snapshot.id);
	const [a, b] = snapshot.parts.map((p) => path.join(dir, p.name));
	fs.renameSync(a, `${a}.x`);
	fs.renameSync(b, a);
	fs.renameSync(`${a}.x`, b);
	job.drStore = [];
	await job.fails(EXIT.CORRUPT, /part-000/, 'verify');
});

test('secrets are seen nowhere', async (t) => {
	const secret = {
		SECRET_PW: 'planted-password-7351',
		SECRET_KEY: randomBytes(32).toString('hex'),
		SECRET_STORE: randomBytes(64).toString('base64'),
	};
	const job = await twins(t, {
		requirepass: secret.SECRET_PW, masterauth: secret.SECRET_PW,
	});
	job.env = secret;
	const said = [];
	const refs = ['--source-password', 'env:SECRET_PW',
		'--target-password', 'env:SECRET_PW', '--cipher-key',
		'env:SECRET_KEY', '--log-level', 'debug'];
	const only = (words) => refs.filter((_, i) =>
		words.includes(refs[i - (i % 2)]));
	const call = async (command, ...args) => {
		const running = job.start(command, ...args);
		const { pid } = running.child;
		try {
			said.push(fs.readFileSync(`/proc/${pid}/cmdline`, 'latin1'));
		} catch { /* it has ended already */ }
		const r = await running.ended;
		said.push(r.stdout, r.stderr);
		return r.code;
	};
	const source = ['--source-password', '--cipher-key', '--log-level'];
	const target = ['--target-password', '--cipher-key', '--log-level'];
	assert.equal(await call('sync', ...refs, '--restorer', 'replica'), 0);
	assert.equal(await call('sync', ...refs, '--json', '--log-format',
		'json', '--restorer', 'restore'), 0);
	assert.equal(await call('snapshot', ...only(source)), 0);
	assert.equal(await call('restore', ...only(target)), 0);
	assert.equal(await call('check', ...refs), 0);
	assert.equal(await call('show'), 0);
	assert.equal(await call('verify', '--deep', ...only(
		['--cipher-key', '--log-level'])), 0);
	// Failures tell most.
	await job.target.cli('set', 'foreign', '1');
	assert.equal(await call('sync', ...refs), EXIT.REFUSED);
	assert.equal(await call('sync', ...refs.map((r) =>
		r.replace('env:SECRET_KEY', 'env:SECRET_PW'))), EXIT.USAGE);
	await job.source.cli('config', 'set', 'requirepass', 'changed');
	assert.equal(await call('sync', ...refs), EXIT.AUTH);
	for (const env of [{}, { DRSYNC_SOURCE_PASSWORD: 'env:SECRET_PW' }]) {
		const r = await drsync(['config', 'show'], { ...secret, ...env });
		said.push(r.stdout, r.stderr);
	}
	for (const file of files(job.dir))
		said.push(fs.readFileSync(file, 'latin1'));
	// The stand-in for a leak is found, so a leak would be.
	assert.ok([...said, secret.SECRET_PW].some((s) =>
		s.includes(secret.SECRET_PW)));
	for (const [name, value] of Object.entries(secret))
		for (const text of said)
			assert.ok(!text.includes(value),
				`${name} in: ${text.slice(0, 2000)}`);
});

test('a secret on the command line is refused and not repeated',
	async () => {
		for (const args of [
			['snapshot', '--source', 'redis://user:planted-8@h'],
			['snapshot', '--source-password', 'planted-8'],
			['snapshot', '--store-key', 'planted-8'],
			['list', '--store', 'https://a.example/c?sig=planted-8'],
		]) {
			const r = await drsync([...args, '--json']);
			assert.equal(r.code, EXIT.USAGE, args.join(' '));
			assert.doesNotMatch(r.stdout + r.stderr, /planted-8/);
			assert.match(r.stderr, /reference/);
		}
	});

test('its memory is nobody else\'s to read', async (t) => {
	const job = await twins(t);
	// Root reads everything: as somebody else, then.
	if (process.getuid() === 0) {
		job.uid = 65534;
		for (const dir of [job.dir, job.west])
			fs.chownSync(dir, job.uid, job.uid);
	}
	job.source.proc.child.kill('SIGSTOP');
	const running = job.start('snapshot');
	await until('it runs', () =>
		fs.existsSync(path.join(job.west, 'shop', 'run.lock')));
	// What is not dumpable belongs to root, whoever runs it.
	const { uid } = fs.statSync(`/proc/${running.child.pid}/environ`);
	assert.equal(uid, 0);
	job.source.proc.child.kill('SIGCONT');
	const r = await running.ended;
	assert.equal(r.code, EXIT.DONE, r.stderr);
});
