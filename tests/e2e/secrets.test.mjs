// Sealed snapshots, and secrets that are seen nowhere.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { Azurite } from './azurite.mjs';
import {
	DRSYNC, drsync, everyType, EXIT, freePort, Job, Redis, tool, until,
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
		await job.fails(EXIT.AUTH, /cipher_key/, command, ...more);
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

// The ways in which a secret may be written down.
function spellings(secret) {
	const encoded = encodeURIComponent(secret);
	return [secret, encoded,
		encoded.replace(/%../g, (hex) => hex.toLowerCase()),
		createHash('sha256').update(secret).digest('hex')];
}

// Calls drsync and keeps all that it says and leaves, to look for secrets.
class Eavesdropper {
	constructor(job, secrets) {
		Object.assign(this, { job, heard: [] });
		this.needles = Object.entries(secrets).flatMap(([name, value]) =>
			spellings(value).map((needle) => ({ name, needle })));
	}

	hear(where, text) {
		this.heard.push({ where, text });
	}

	async call(command, ...args) {
		const running = this.job.start(command, ...args);
		try {
			this.hear('its arguments', fs.readFileSync(
				`/proc/${running.child.pid}/cmdline`, 'latin1'));
		} catch { /* it has ended already */ }
		const r = await running.ended;
		this.hear(`${command}'s stdout`, r.stdout);
		this.hear(`${command}'s stderr`, r.stderr);
		return r.code;
	}

	// The job's stores and its ledger.
	readFiles() {
		for (const file of files(this.job.dir))
			this.hear(file, fs.readFileSync(file, 'latin1'));
	}

	async readBlobs(azurite) {
		for (const account of ['west', 'north'])
			for (const name of await azurite.names(account))
				this.hear(`${account}/${name}`, (await azurite.read(
					account, name)).toString('latin1'));
	}

	// What was looked at is what there is to look at.
	assertHeard(...wheres) {
		for (const where of wheres)
			assert.ok(this.heard.some((h) => where.test(h.where) &&
				h.text.length > 0), `nothing was heard: ${where}`);
	}

	assertNoSecret() {
		for (const { where, text } of this.heard) {
			for (const { name, needle } of this.needles)
				assert.ok(!text.includes(needle),
					`${name} in ${where}: ${text.slice(0, 2000)}`);
			// Also those that drsync signs itself, to have a copy made.
			assert.doesNotMatch(text, /sig(=|%3d)(?!\[redacted\])/i, where);
		}
	}
}

test('secrets are seen nowhere', async (t) => {
	const secret = {
		SECRET_PW: 'planted-password-7351',
		SECRET_KEY: randomBytes(32).toString('hex'),
	};
	const job = await twins(t, {
		requirepass: secret.SECRET_PW, masterauth: secret.SECRET_PW,
	});
	const acl = 'planted-password-of-a-user';
	await job.source.cli('acl', 'setuser', 'shopper', 'on', `>${acl}`, '~*',
		'+@read');
	job.env = secret;
	const ear = new Eavesdropper(job, { ...secret, acl });
	const refs = ['--source-password', 'env:SECRET_PW',
		'--target-password', 'env:SECRET_PW', '--cipher-key',
		'env:SECRET_KEY', '--log-level', 'debug'];
	const only = (words) => refs.filter((_, i) =>
		words.includes(refs[i - (i % 2)]));
	const call = (...args) => ear.call(...args);
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
		ear.hear('config show', r.stdout + r.stderr);
	}
	ear.readFiles();
	ear.assertHeard(/arguments/, /manifest\.json/, /state\.json/, /ledger\.db/,
		/sync's stderr/, /sync's stdout/, /config show/);
	ear.assertNoSecret();
});

async function azureTwins(t) {
	const pw = 'planted-password-9642';
	const opts = { requirepass: pw, masterauth: pw };
	const [azurite, source, target] = await Promise.all([Azurite.start(t),
		Redis.start(t, opts), Redis.start(t, opts)]);
	await source.pipe(everyType());
	const job = new Job(t, { source, target, env: { PW: pw } });
	return { job, azurite, pw };
}

// References to a secret of each store, as the options of a job.
function storeRefs(job, azurite, how) {
	const [west, north] = ['west', 'north'].map((a) => azurite.store(a));
	job.stores = ['--store', west, `--store-${how}`, 'env:WEST'];
	job.drStore = ['--dr-store', north, `--dr-store-${how}`, 'env:NORTH'];
}

const sigOf = (sas) => new URLSearchParams(sas).get('sig');

for (const [title, how] of [
	['the keys of storage accounts are seen nowhere', 'key'],
	['shared access signatures are seen nowhere', 'sas'],
]) {
	test(title, async (t) => {
		const { job, azurite, pw } = await azureTwins(t);
		const good = how === 'key' ? azurite.keys : {
			west: azurite.sas('west', 'racwdl'),
			north: azurite.sas('north', 'racwdl'),
		};
		// Wrong, and as secret as the right one.
		const bad = how === 'key' ? randomBytes(64).toString('base64')
			: azurite.sas('north', 'rl');
		const secrets = { pw, west: good.west, north: good.north, bad };
		if (how === 'sas')
			for (const name of ['west', 'north', 'bad'])
				secrets[`signature of ${name}`] = sigOf(secrets[name]);
		storeRefs(job, azurite, how);
		Object.assign(job.env, { WEST: good.west, NORTH: good.north });
		const ear = new Eavesdropper(job, secrets);
		const refs = ['--source-password', 'env:PW', '--target-password',
			'env:PW'];
		const logs = ['--log-level', 'debug', '--log-format'];
		for (const [restorer, format] of [
			['replica', 'json'], ['restore', 'text']])
			assert.equal(await ear.call('sync', ...refs, ...logs, format,
				'--json', '--restorer', restorer), 0);
		assert.equal(await ear.call('sync', ...refs), 0);
		assert.equal(await ear.call('check', ...refs, ...logs, 'json'), 0);
		for (const command of ['list', 'show', 'verify'])
			assert.equal(await ear.call(command, ...logs, 'json',
				'--json'), 0);
		job.env.NORTH = bad;
		for (const args of [[], ['--json']])
			assert.equal(await ear.call('sync', ...refs, ...logs, 'json',
				...args), EXIT.AUTH);
		assert.notEqual(await ear.call('check', ...refs, '--json'), 0);
		// Errors of the transport have the request in them.
		const dead = `http://127.0.0.1:${await freePort()}/north/dumps`;
		job.drStore[1] = dead;
		assert.equal(await ear.call('list', '--timeout', '1s', ...logs,
			'json'), EXIT.UNREACHABLE);
		assert.ok(ear.heard.at(-1).text.includes(`GET '${dead}?`),
			ear.heard.at(-1).text);
		ear.readFiles();
		await ear.readBlobs(azurite);
		ear.assertHeard(/arguments/, /ledger\.db/, /west.*manifest\.json/,
			/north.*manifest\.json/, /north.*state\.json/,
			/north.*part-0000/, /sync's stderr/, /sync's stdout/,
			/check's stdout/);
		ear.assertNoSecret();
	});
}

test('a secret on the command line is refused and not repeated',
	async () => {
		for (const args of [
			['snapshot', '--source', 'redis://user:planted-8@h'],
			['compare', 'redis://h', 'redis://user:planted-8@h'],
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
	const pw = 'planted-password-5513';
	const job = await twins(t, { requirepass: pw });
	job.env = { PW: pw };
	// Root reads everything: as somebody else, then.
	if (process.getuid() === 0) {
		job.uid = 65534;
		// The tree may lie where nobody else looks: in /root.
		job.program = path.join(job.dir, 'drsync');
		fs.copyFileSync(DRSYNC, job.program);
		for (const file of [job.dir, job.west])
			fs.chownSync(file, job.uid, job.uid);
	}
	job.source.proc.child.kill('SIGSTOP');
	const running = job.start('snapshot', '--source-password', 'env:PW');
	await until('it runs', () =>
		fs.existsSync(path.join(job.west, 'shop', 'run.lock')));
	// What is not dumpable belongs to root, whoever runs it.
	const proc = `/proc/${running.child.pid}`;
	const { uid } = fs.statSync(`${proc}/environ`);
	assert.equal(uid, 0);
	// Not even to its own user.
	const cat = (name) => tool('cat', [`${proc}/${name}`], { uid: job.uid });
	for (const name of ['environ', 'maps', 'auxv'])
		await assert.rejects(cat(name), /Permission denied/);
	const args = await cat('cmdline');
	assert.match(args, /--source-password\0env:PW/);
	assert.ok(!args.includes(pw));
	job.source.proc.child.kill('SIGCONT');
	const r = await running.ended;
	assert.equal(r.code, EXIT.DONE, r.stderr);
});
