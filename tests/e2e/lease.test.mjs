// A run that ends between the note of its lease and the lease, or between the
// lease and its answer, holds nobody up: the next one on its host begins at
// once, and one elsewhere waits only for what was really taken.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { Azurite } from './azurite.mjs';
import { FaultProxy } from './fault_proxy.mjs';
import { EXIT, Job, Redis, everyType, until } from './harness.mjs';

// Far below the minute that a lease lasts, far above what a run takes.
const AT_ONCE_MS = 20000;

async function smallJob(t, opts = {}) {
	const source = await Redis.start(t);
	await source.pipe(everyType());
	return new Job(t, { source, ...opts });
}

// Another host has another state directory, and no note.
async function assertElsewhere(job, taken, command) {
	const elsewhere = ['--state-dir', path.join(job.dir, 'elsewhere')];
	if (taken)
		await job.fails(EXIT.LOCKED, /another run/, command, ...elsewhere);
	else
		await job.ok(command, ...elsewhere);
}

async function assertAtOnce(job, command) {
	const from = performance.now();
	await job.ok(command);
	const ms = performance.now() - from;
	assert.ok(ms < AT_ONCE_MS, `${ms} ms`);
}

// The lock by which a file: store does one thing at a time; let go by what
// is returned.
async function holdStore(t, dir) {
	const own = path.join(dir, '.drsync');
	fs.mkdirSync(own, { recursive: true });
	const child = spawn('flock', [path.join(own, 'lock'), 'sh', '-c',
		'echo held; read line'], { stdio: ['pipe', 'pipe', 'inherit'] });
	t.after(() => child.kill('SIGKILL'));
	await once(child.stdout, 'data');
	return async () => {
		child.stdin.end('\n');
		await once(child, 'close');
	};
}

function isNoted(job, store) {
	const wal = path.join(job.dir, 'state', 'ledger.db-wal');
	return fs.existsSync(wal) &&
		fs.readFileSync(wal).includes(`lease/shop/file://${store}/`);
}

for (const [title, store, taken] of [
	['kill -9 before it asks for its lease', 'west', false],
	['kill -9 between one lease and the next', 'north', true],
]) {
	test(title, async (t) => {
		const job = await smallJob(t);
		const letGo = await holdStore(t, job[store]);
		const running = job.start('sync', '--quiet');
		await until('the lease is noted', () => isNoted(job, job[store]));
		running.child.kill('SIGKILL');
		assert.equal((await running.ended).signal, 'SIGKILL');
		await letGo();
		await assertElsewhere(job, taken, 'sync');
		await assertAtOnce(job, 'sync');
	});
}

test("a run that was refused takes nothing of the other's", async (t) => {
	const job = await smallJob(t);
	job.source.proc.child.kill('SIGSTOP');
	const running = job.start('snapshot', '--quiet');
	await until('the run has the lease', () => {
		const dir = path.join(job.west, '.drsync', 'lease');
		return fs.existsSync(dir) && fs.readdirSync(dir)
			.some((name) => name !== 'fresh');
	});
	for (let i = 0; i < 3; i++)
		await job.fails(EXIT.LOCKED, /another run/, 'snapshot');
	job.source.proc.child.kill('SIGCONT');
	const r = await running.ended;
	assert.equal(r.code, EXIT.DONE, r.stderr);
	await job.ok('snapshot');
});

// One names the primary and its replica, whose name is the lesser, and the
// other one the primary alone.
test('two jobs that name one target differently do not overlap', async (t) => {
	const [source, ...two] = await Promise.all(
		[Redis.start(t), Redis.start(t), Redis.start(t)]);
	const [replica, primary] = two.sort((a, b) => a.name < b.name ? -1 : 1);
	await replica.cli('replicaof', '127.0.0.1', primary.port);
	await source.pipe(everyType());
	const job = new Job(t, { source,
		target: { url: `redis://${replica.name},${primary.name}` } });
	await primary.cli('client', 'pause', '60000', 'write');
	const first = job.start('sync', '--quiet', '--restorer', 'restore');
	await until('the first waits for the target', async () =>
		/^blocked_clients:[1-9]/m.test(await primary.cli('info',
			'clients')));
	job.target = primary;
	for (const where of ['state', 'elsewhere'])
		await job.fails(EXIT.LOCKED,
			new RegExp(`target '${primary.name}'.*another run`), 'sync',
			'--job', 'other', '--state-dir', path.join(job.dir, where));
	await primary.cli('client', 'unpause');
	const r = await first.ended;
	assert.equal(r.code, EXIT.DONE, r.stderr);
	assert.equal(await primary.digest(), await source.digest());
});

async function azureJob(t) {
	const azurite = await Azurite.start(t);
	const proxy = await FaultProxy.start(t, azurite.url);
	const job = await smallJob(t, { env: { WEST: azurite.keys.west } });
	job.stores = ['--store', `${proxy.url}/west/dumps`, '--store-key',
		'env:WEST'];
	job.drStore = [];
	await job.ok('snapshot');
	return { job, proxy };
}

// Ends the run by a signal when it has asked for its lease, or when it has it.
async function endAtLease({ job, proxy }, taken, signal) {
	let running;
	const rule = proxy.spoil('dumps', 'west LEASE acquire run.lock',
		async ({ forward }) => {
			if (taken)
				await forward();
			running.child.kill(signal);
		});
	running = job.start('snapshot', '--quiet');
	const r = await running.ended;
	assert.equal(rule.spoiled, 1, r.stderr);
	return r;
}

for (const [title, taken] of [
	["kill -9 before Azure's lease is heard", false],
	["kill -9 before Azure's lease is answered", true],
]) {
	test(title, async (t) => {
		const ground = await azureJob(t);
		const r = await endAtLease(ground, taken, 'SIGKILL');
		assert.equal(r.signal, 'SIGKILL');
		await assertElsewhere(ground.job, taken, 'snapshot');
		await assertAtOnce(ground.job, 'snapshot');
	});
}

test('a run that is told to end gives back what it may hold', async (t) => {
	const ground = await azureJob(t);
	const r = await endAtLease(ground, true, 'SIGTERM');
	assert.equal(r.code, EXIT.INTERRUPTED, r.stderr);
	await assertElsewhere(ground.job, false, 'snapshot');
});
