// kill -9 at any moment: what is listed can be restored, what was there is
// there still, and the next run does its work.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import {
	setImmediate as immediate, setTimeout as sleep,
} from 'node:timers/promises';

import { EXIT, Job, Redis, shopData, until } from './harness.mjs';

async function twins(t, targetOpts) {
	const [source, target] = await Promise.all(
		[Redis.start(t), Redis.start(t, targetOpts)]);
	await source.pipe(await shopData(10));
	return new Job(t, { source, target });
}

// The ledger, as a witness: what it says of the newest run after this one.
class Ledger {
	constructor(job) {
		this.db = new DatabaseSync(path.join(job.dir, 'state', 'ledger.db'),
			{ readOnly: true });
		job.t.after(() => this.db.close());
		this.runs = this.db.prepare('SELECT max(id) AS last FROM runs');
		this.steps = this.db.prepare("SELECT step FROM steps " +
			"WHERE run > ? AND state = 'running'");
	}

	lastRun() {
		return this.runs.get().last;
	}

	runningStep(after) {
		return this.steps.get(after)?.step;
	}
}

// Ends a sync so long after the ledger called that step running; the answer
// is the step in which it ended, if it did not come to its own end.
async function killIn(job, ledger, step, afterMs) {
	const last = ledger.lastRun();
	const running = job.start('sync', '--quiet');
	const { child } = running;
	while (ledger.runningStep(last) !== step && child.exitCode === null)
		await immediate();
	if (afterMs > 0)
		await sleep(afterMs);
	child.kill('SIGKILL');
	const r = await running.ended;
	assert.ok(r.signal === 'SIGKILL' || r.code === 0, r.stderr);
	return r.signal === 'SIGKILL' ? ledger.runningStep(last) : undefined;
}

const STEPS = ['snapshot', 'copy', 'import', 'compare'];

for (const [title, way] of [
	["kill -9 in each step of a sync by 'replica'", 'replica'],
	["kill -9 in each step of a sync by 'restore'", 'restore'],
]) {
	test(title, async (t) => {
		const job = await twins(t);
		job.env = { DRSYNC_RESTORER: way };
		const whole = await job.ok('sync');
		const ledger = new Ledger(job);
		const first = whole.snapshot.id;
		let round = 0;
		const killed = async (step, share) => {
			await job.source.cli('set', 'round', round++);
			const hit = await killIn(job, ledger, step,
				whole.steps_ms[step] * share);
			for (const region of ['source', 'dr']) {
				const ids = (await job.list(region)).map((s) => s.id);
				assert.ok(ids.includes(first));
				// The newest two; all of them at the end.
				for (const id of ids.slice(0, 2))
					await job.ok('verify', '--in', region, id);
			}
			return hit;
		};
		for (const step of STEPS) {
			// A busy machine may look too late for a short step.
			await until(`a run was killed in its step '${step}'`,
				async () => await killed(step, 0) === step, 60000);
			for (const share of [0.3, 0.8])
				await killed(step, share);
		}
		await job.ok('sync');
		assert.equal(await job.target.digest(), await job.source.digest());
		assert.match(await job.target.cli('info', 'replication'),
			/role:master/);
		await job.assertListedIsGood();
		assert.equal(await job.target.cli('config', 'get', 'masterauth'),
			'masterauth');
	});
}

test('kill -9 while the target loads: the next run undoes it', async (t) => {
	const job = await twins(t, { 'key-load-delay': 100 });
	const running = job.start('sync', '--restorer', 'replica', '--quiet');
	await until('the target is a replica', async () =>
		/role:slave/.test((await job.target.tryCli(
			['info', 'replication'])).stdout));
	running.child.kill('SIGKILL');
	await running.ended;
	await until('the target has given up loading', async () => {
		const r = await job.target.tryCli(['info', 'persistence']);
		return /^loading:0/m.test(r.stdout);
	});
	await job.target.tryCli(['config', 'set', 'key-load-delay', '0']);
	await job.ok('sync');
	assert.match(await job.target.cli('info', 'replication'),
		/role:master/);
	assert.equal(await job.target.digest(), await job.source.digest());
	await job.assertListedIsGood();
});

test('another host waits for the lease of a killed run', async (t) => {
	const job = await twins(t, {});
	job.source.proc.child.kill('SIGSTOP');
	const running = job.start('sync', '--quiet');
	await until('the run has the lease', () =>
		fs.existsSync(path.join(job.north, 'shop', 'run.lock')));
	running.child.kill('SIGKILL');
	await running.ended;
	job.source.proc.child.kill('SIGCONT');
	const elsewhere = ['--state-dir', path.join(job.dir, 'other')];
	await job.fails(EXIT.LOCKED, /another run/, 'sync', ...elsewhere);
	job.leasesRunOut();
	await job.ok('sync', ...elsewhere);
	assert.equal(await job.target.digest(), await job.source.digest());
});

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
	test(`${signal} ends a run and leaves nothing`, async (t) => {
		const job = await twins(t);
		await job.source.cli('config', 'set', 'rdb-key-save-delay', '300');
		const running = job.start('sync', '--quiet');
		await until('the dump has begun', async () =>
			/rdb_bgsave_in_progress:1/.test(
				await job.source.cli('info', 'persistence')));
		running.child.kill(signal);
		const r = await running.ended;
		assert.equal(r.code, EXIT.INTERRUPTED, r.stderr);
		assert.match(r.stderr, /^drsync: /m);
		assert.equal((await job.list()).length, 0);
		assert.equal(await job.target.keys(), 0);
		await job.source.cli('config', 'set', 'rdb-key-save-delay', '0');
		await until('the source has ended its dump', async () =>
			/rdb_bgsave_in_progress:0/.test(
				await job.source.cli('info', 'persistence')));
		await job.ok('sync');
		await job.assertListedIsGood();
	});
}

test('a folder without a manifest is told of and not listed', async (t) => {
	const job = await twins(t);
	await job.ok('snapshot');
	const dir = path.join(job.west, 'shop', '20260101T000000Z-abcdef');
	fs.mkdirSync(dir);
	fs.writeFileSync(path.join(dir, 'part-0000.rdb.gz'), 'half');
	const r = await job.run('list', '--in', 'source');
	assert.equal(r.code, EXIT.DONE);
	assert.doesNotMatch(r.stdout, /20260101/);
	assert.match(r.stderr, /1 folder without a manifest/);
});
