// What the commands say: to people, as JSON, and when they are misused.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import {
	EXIT, Job, Redis, assertFits, drsync, everyType, freePort, tempDir, tool,
} from './harness.mjs';

const COMMANDS = ['sync', 'snapshot', 'restore', 'copy', 'list', 'show',
	'verify', 'inspect', 'compare', 'check', 'config', 'version'];

async function synced(t) {
	const [source, target] = await Promise.all(
		[Redis.start(t), Redis.start(t)]);
	await source.pipe(everyType());
	const job = new Job(t, { source, target });
	return { job, report: await job.ok('sync') };
}

async function says(job, expected, ...args) {
	const r = await job.run(...args);
	assert.equal(r.code, EXIT.DONE, r.stderr);
	for (const e of expected)
		assert.match(r.stdout, e);
	return r;
}

test('sync, list, show, verify, inspect and check, for people', async (t) => {
	const { job, report } = await synced(t);
	const { id } = report.snapshot;
	const has = new RegExp(id);
	const one = await says(job, [/fingerprint +[0-9a-f]{32}/, /the same/,
		/time\n +snapshot/, /gzip/], 'sync');
	assert.match(one.stderr, /by '/);
	// Nothing is redrawn where nobody looks.
	assert.doesNotMatch(one.stderr + one.stdout, /[\r\x1b]/);
	const quiet = await says(job, [/the same/], 'sync', '--quiet');
	assert.equal(quiet.stderr, '');
	await says(job, [has, /^job shop\nSNAPSHOT/m, /verified/], 'list');
	await says(job, [has, /23, 1 of them/, /SHA-256 [0-9a-f]{64}/,
		/db 15/], 'show', id);
	await says(job, [has, /^ {2}good +\S/m], 'verify', id);
	await says(job, [/fingerprint\s+agree/], 'verify', '--deep', id);
	const told = await says(job, [/MEMORY, ABOUT +IN FILE/, / 100% .* all\n/,
		/ PREFIX\n/, / list:long\n/, /1 function library\n/], 'inspect', id);
	// On a terminal of 80 columns; names of keys come last, and may be long.
	for (const line of told.stdout.split('BIGGEST KEYS')[0].split('\n'))
		assert.ok(line.length <= 80, line);
	assertFits(one.page);
	const checked = await says(job,
		[/source Redis +good/, /DR store +good/], 'check');
	assertFits(checked.page);
});

test('one JSON document each, and nothing else on stdout', async (t) => {
	const { job, report } = await synced(t);
	const { id } = report.snapshot;
	const list = await job.list('dr');
	assert.equal(list[0].id, id);
	assert.equal(list[0].keys, 23);
	assert.equal(list[0].verified, true);
	const shown = await job.ok('show', id.slice(0, 20));
	assert.deepEqual(shown, report.snapshot);
	const verified = await job.ok('verify', '--deep', id);
	assert.deepEqual([verified.id, verified.good, verified.deep],
		[id, true, true]);
	const seen = await job.ok('inspect', '--top', '3');
	assert.equal(seen.all.keys, 23);
	assert.equal(seen.biggest.length, 3);
	assert.equal(seen.functions, 1);
	const sum = (list, field) => list.reduce((n, c) => n + c[field], 0);
	for (const field of ['keys', 'expiring', 'elements', 'file_bytes',
		'memory_estimate_bytes']) {
		assert.ok(seen.all[field] > 0, field);
		for (const list of [Object.values(seen.kinds), seen.dbs,
			seen.prefixes])
			assert.equal(sum(list, field), seen.all[field], field);
	}
	const ranks = seen.biggest.map((k) => k.memory_estimate_bytes);
	assert.deepEqual(ranks, ranks.toSorted((a, b) => b - a));
	assert.ok(seen.biggest.every((k) => k.file_bytes > 0));
	const checked = await job.ok('check');
	assert.equal(checked.good, true);
	assert.ok(checked.checks.every((c) => c.result !== 'failed'));
	const version = JSON.parse((await drsync(['version', '--json'])).stdout);
	assert.match(version.version, /^\d+\.\d+\.\d+$/);
});

test('a failure is one JSON document too', async (t) => {
	const { job } = await synced(t);
	await job.target.cli('set', 'foreign', '1');
	const r = await job.run('sync', '--json');
	assert.equal(r.code, EXIT.REFUSED);
	const doc = JSON.parse(r.stdout);
	assert.equal(doc.state, 'failed');
	assert.equal(doc.error.kind, 'refused');
	assert.match(doc.error.text, /--overwrite-target/);
	assert.ok(doc.snapshot.id, 'what was done is told');
	const missing = await job.run('show', '--json', '20200101');
	assert.equal(missing.code, EXIT.FAILED);
	assert.equal(JSON.parse(missing.stdout).error.kind, 'missing');
});

test('check goes on after a failure, and tells what to do', async (t) => {
	const { job } = await synced(t);
	job.stores = ['--store', 'file:///nowhere/at/all'];
	await job.target.stop();
	const r = await job.run('check', '--json');
	assert.notEqual(r.code, EXIT.DONE);
	const doc = JSON.parse(r.stdout);
	assert.equal(doc.good, false);
	const failed = doc.checks.filter((c) => c.result === 'failed');
	assert.deepEqual(failed.map((c) => c.what).sort(),
		['DR Redis', 'source store']);
	for (const c of failed)
		assert.ok(c.advice.length > 10);
	assert.ok(doc.checks.some((c) => c.what === 'source Redis' &&
		c.result === 'good'));
});

test('settings by file, environment and command line', async (t) => {
	const dir = tempDir(t);
	const file = path.join(dir, 'drsync.json');
	fs.writeFileSync(file, `{
		// comments are allowed
		"state_dir": "${dir}",
		"jobs": {"shop": {
			"source": {"redis": "redis://a:1", "store": "file:///w",
				"password": {"env": "PW"}},
			"codec": "zstd", "level": 3
		}}
	}`);
	const args = ['config', 'show', '--json', '--config', file, '--job',
		'shop'];
	const r = await drsync([...args, '--memory', '64MiB'],
		{ DRSYNC_LEVEL: '7', PW: 'planted' });
	assert.equal(r.code, EXIT.DONE, r.stderr);
	const by = Object.fromEntries(JSON.parse(r.stdout).settings
		.map((s) => [s.key, s]));
	assert.equal(by['source.redis'].value, 'redis://a:1');
	assert.deepEqual([by.level.value, by.codec.value, by.memory.value],
		['7', 'zstd', '64MiB']);
	const from = new Set(['level', 'codec', 'memory', 'in_flight']
		.map((k) => by[k].from));
	assert.equal(from.size, 4, 'each comes from somewhere else');
	assert.match(by['source.password'].value, /PW/);
	assert.doesNotMatch(r.stdout, /planted/);

	for (const [bad, what] of [
		['{"jbs": {}}', /jobs/],
		['{"jobs": {"shop": {"codec": "lzma"}}}', /lzma/],
		['{"jobs": {"shop": {"codecc": "gzip"}}}', /codec/],
		['{"jobs": {"shop": {"source": {"password": "planted"}}}}',
			/password/],
		['{', /./], ['[]', /./],
	]) {
		fs.writeFileSync(file, bad);
		const e = await drsync(args);
		assert.equal(e.code, EXIT.USAGE, bad);
		assert.match(e.stderr, what);
		assert.doesNotMatch(e.stderr, /planted/);
		assert.ok(e.stderr.includes('drsync.json'), e.stderr);
	}
	const none = await drsync(['config', 'show', '--config', `${file}.no`]);
	assert.equal(none.code, EXIT.USAGE);
});

// Without an end they would ask again for minutes.
test('what only reads has an end, too', async (t) => {
	const url = `http://127.0.0.1:${await freePort()}/account/container`;
	const key = Buffer.alloc(64).toString('base64');
	for (const command of ['list', 'show', 'verify', 'inspect', 'check']) {
		const r = await drsync([command, '--dr-store', url,
			'--dr-store-key', 'env:KEY', '--timeout', '1s'], { KEY: key });
		assert.equal(r.code, EXIT.UNREACHABLE, r.stderr);
	}
});

test('misuse is met with the nearest name', async () => {
	for (const [args, what] of [
		[[], /usage/], [['snyc'], /'sync'/], [['frobnicate'], /--help/],
		[['sync', '--stoer', 'x'], /--store/],
		[['sync', '--stroe=x'], /--store/],
		[['list', '--codec', 'gzip'], /no use for --codec/],
		[['sync', '--codec'], /needs a value/],
		[['sync', '--codec', 'rar'], /gzip, zstd, none/],
		[['sync', '--level', 'high'], /0 to 19/],
		[['sync', '--memory', 'lots'], /MiB/],
		[['sync', '--timeout', '5 weeks'], /15m/],
		[['sync', '-x'], /two dashes/], [['sync', 'word'], /too much/],
		[['sync', '--quiet=1'], /takes no value/],
		[['config'], /usage/], [['config', 'shwo'], /show/],
		[['verify', '--in', 'west', '--store', 'file:///tmp'],
			/'source' or 'dr'/],
		[['sync', '--job', '../x'], /./],
		[['inspect', '--top', '-1'], /--top/],
	]) {
		const r = await drsync(args);
		assert.equal(r.code, EXIT.USAGE, args.join(' ') + r.stderr);
		assert.match(r.stderr, what, args.join(' '));
		assert.equal(r.stdout, '', args.join(' '));
	}
});

test('inspect names the file that it cannot read', async (t) => {
	const dir = tempDir(t);

	for (const [file, code, why] of [
		['/etc/passwd', EXIT.CORRUPT, 'not an RDB file'],
		['/nowhere/dump.rdb', EXIT.FAILED, 'No such file'],
		['/etc/', EXIT.USAGE, 'it is no file'],
	]) {
		const r = await drsync(['inspect', file, '--state-dir', dir]);
		assert.equal(r.code, code, r.stderr);
		assert.ok(r.stderr.includes(`'${file}' as a dump: `), r.stderr);
		assert.ok(r.stderr.includes(why), r.stderr);
	}
});

test('help, man page and completion come from the same tables', async (t) => {
	const all = await drsync(['--help']);
	assert.equal(all.code, EXIT.DONE);
	for (const command of COMMANDS) {
		assert.match(all.stdout, new RegExp(`^ +${command} `, 'm'));
		const [help, same] = await Promise.all([
			drsync([command, '--help']), drsync(['help', command])]);
		assert.equal(help.code, EXIT.DONE);
		assert.match(help.stdout, new RegExp(`^usage: drsync ${command}`));
		assert.equal(help.stdout, same.stdout);
		for (const line of help.stdout.split('\n'))
			assert.ok(line.length <= 80 || !line.trim().includes(' '),
				line);
	}
	const dir = tempDir(t);
	const page = path.join(dir, 'drsync.1');
	const man = await drsync(['--man']);
	fs.writeFileSync(page, man.stdout);
	await tool('mandoc', ['-Tlint', '-Werror', page]);
	// Bold is struck over.
	const text = (await tool('mandoc', ['-Tutf8', page]))
		.replace(/.\x08/g, '');
	for (const command of COMMANDS)
		assert.ok(text.includes(command), command);
	const completion = path.join(dir, 'completion');
	fs.writeFileSync(completion,
		(await drsync(['--completion', 'bash'])).stdout);
	await tool('bash', ['-n', completion]);
	const words = await tool('bash', ['-c', `. '${completion}'
		COMP_WORDS=(drsync sync --overwr) COMP_CWORD=2
		f=$(complete -p drsync | sed 's/.*-F \\([^ ]*\\).*/\\1/')
		$f; echo "\${COMPREPLY[@]}"`]);
	assert.match(words, /--overwrite-target/);
});

test('an answer that cannot be written is a failure', async (t) => {
	const r = await tool('sh', ['-c',
		'"$DRSYNC" version >/dev/full 2>/dev/null; echo $?']);
	assert.equal(r.trim(), String(EXIT.FAILED));
});
