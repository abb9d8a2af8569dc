// Every request that a run makes of Blob storage goes wrong in every way: what
// passes is sat out, what lasts ends the run with its exit status and says
// what to do, nothing is listed that cannot be restored, no old snapshot is
// harmed, and the next run succeeds.  Which requests there are is learned from
// a run that goes well.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, test } from 'node:test';

import { Azurite } from './azurite.mjs';
import {
	FaultProxy, answer, arrivesLater, cutInBody, flipAtRest, flipInBody,
	resetAfter, resetBefore, resetInBody, stall, stallInBody,
} from './fault_proxy.mjs';
import { EXIT, Redis, everyType, until } from './harness.mjs';

const TARGETS = 5;
// base/http.h: no byte either way for so long is a stall.
const STALL_MS = 60000;
const EVER = { times: Infinity };

// What a run asks, once its job has had one before.
const KNOWN = [
	'north GET manifest.json', 'north GET part', 'north GET state.json',
	'north HEAD manifest.json', 'north HEAD part', 'north HEAD state.json',
	'north LEASE acquire run.lock', 'north LEASE acquire target.lock',
	'north LEASE release run.lock', 'north LEASE release target.lock',
	'north PUT block manifest.json', 'north PUT block state.json',
	'north PUT block-from-url part', 'north PUT blocklist manifest.json',
	'north PUT blocklist part', 'north PUT blocklist state.json',
	'west GET manifest.json', 'west HEAD manifest.json', 'west HEAD part',
	'west LEASE acquire run.lock', 'west LEASE release run.lock',
	'west PUT block manifest.json', 'west PUT block part',
	'west PUT blocklist manifest.json', 'west PUT blocklist part',
];

const isLease = (cls) => cls.includes(' LEASE ');
const isRelease = (cls) => cls.includes(' LEASE release ');
const isRead = (cls) => / GET | LIST/.test(cls);

const busy = answer(503, 'ServerBusy', { 'Retry-After': '1' });
const forbidden = answer(403, 'AuthorizationFailure');
const noContainer = answer(404, 'ContainerNotFound');
const lostLease = answer(409, 'LeaseIdMismatchWithLeaseOperation');

// What is over when it is asked again.
function passing(cls) {
	return [
		['503 with Retry-After', busy],
		['500', answer(500, 'InternalError')],
		['429', answer(429, 'TooManyRequests')],
		['a reset before it arrived', resetBefore],
		['a reset after it was done', resetAfter],
		...isRead(cls) ? [
			['a reset in mid-body', resetInBody],
			['a body that ends early', cutInBody],
		] : [],
		...cls.includes(' GET ') ? [['a flipped bit', flipInBody]] : [],
	];
}

// What lasts, the status that a run ends with, and what it says.
function lasting(cls) {
	const [code409, code412, conflict] = isLease(cls) && !isRelease(cls)
		? ['LeaseAlreadyPresent', 'LeaseIdMismatchWithLeaseOperation',
			EXIT.LOCKED]
		: ['BlobAlreadyExists', 'ConditionNotMet', EXIT.FAILED];
	const list = [
		['403', forbidden, EXIT.AUTH, /403 AuthorizationFailure.*check/],
		['404 of the container', noContainer, EXIT.FAILED,
			/404 ContainerNotFound.*create it/],
		['409', answer(409, code409), conflict,
			new RegExp(`409 ${code409}`)],
		['412', answer(412, code412), conflict,
			new RegExp(`412 ${code412}`)],
		['503 for ever', busy, EXIT.UNREACHABLE,
			/gave up.*503 ServerBusy|timed out/],
		['resets for ever', resetBefore, EXIT.UNREACHABLE,
			/gave up.*reset|timed out/],
	];
	// What the service does not copy is streamed.
	if (cls.includes('block-from-url'))
		list[2] = ['409', answer(409, 'CopyAcrossAccountsNotSupported'),
			EXIT.DONE];
	// A lease that is not released ends by itself.
	if (isRelease(cls))
		return list.map(([what, fault]) => [what, fault, EXIT.DONE]);
	return list;
}

// What only so many may use at once.
class Pool {
	constructor(things) {
		Object.assign(this, { things, waiting: [] });
	}

	async use(fn) {
		const thing = this.things.pop() ?? await new Promise(
			(resolve) => this.waiting.push(resolve));
		try {
			return await fn(thing);
		} finally {
			const next = this.waiting.shift();
			if (next)
				next(thing);
			else
				this.things.push(thing);
		}
	}
}

class Rig {
	async start() {
		this.ends = [];
		this.t = { after: (fn) => this.ends.push(fn) };
		const [azurite, source, slowSource, ...targets] =
			await Promise.all([Azurite.start(this.t),
				...Array.from({ length: TARGETS + 2 },
					() => Redis.start(this.t))]);
		Object.assign(this, { azurite, source, slowSource, jobs: 0 });
		this.proxy = await FaultProxy.start(this.t, azurite.url);
		this.targets = new Pool(targets);
		// Many sleep at once: they must not all be awake at once.
		this.awake = new Pool(['one', 'two', 'three']);
		for (const r of [this.source, this.slowSource]) {
			await r.pipe(everyType());
			// More than a socket gives at once.
			await r.pipe([['SET', 'noise',
				randomBytes(300000).toString('base64')]]);
		}
	}

	async stop() {
		for (const end of this.ends.reverse())
			await end();
	}

	// A target that nobody else uses meanwhile.
	withTarget(fn) {
		return this.targets.use(async (target) => {
			await target.cli('flushall');
			await target.cli('function', 'flush');
			return fn(target);
		});
	}

	// In containers of its own, with a snapshot that must stay good.
	async job(target, source = this.source) {
		const { azurite, proxy } = this;
		const name = `job${this.jobs++}`;
		await Promise.all(['west', 'north'].map((account) =>
			azurite.container(account, name).create()));
		const job = azurite.job(this.t, { source, target },
			(account) => `${proxy.url}/${account}/${name}`);
		Object.assign(job, { name, made: new Set() });
		job.first = (await job.ok('sync')).snapshot.id;
		job.made.add(job.first);
		proxy.take(name);
		return job;
	}

	// By Microsoft's SDK, past the proxy.
	async manifests(job) {
		const ids = {};
		for (const account of ['west', 'north'])
			ids[account] = (await this.azurite.names(account, job.name))
				.filter((n) => n.endsWith('/manifest.json'))
				.map((n) => n.split('/')[1]);
		return ids;
	}

	// How a run ended, what it asked, and which manifests came by it.
	async run(job, ...args) {
		const old = await this.manifests(job);
		const from = performance.now();
		const r = await job.run(...args.length > 0 ? args : ['sync'], '--json');
		r.ms = performance.now() - from;
		r.log = this.proxy.take(job.name);
		r.came = {};
		const now = await this.manifests(job);
		for (const account of Object.keys(now)) {
			r.came[account] = now[account].filter(
				(id) => !old[account].includes(id));
			for (const id of old[account])
				assert.ok(now[account].includes(id), `${id} is gone`);
		}
		const said = r.stdout + r.stderr;
		assert.doesNotMatch(said, /sig=[^&\s]*%|SharedKey/);
		for (const key of Object.values(this.azurite.keys))
			assert.ok(!said.includes(key), 'a key is shown');
		return r;
	}

	// The same while requests of some classes go wrong.
	async spoiled(job, faults, ...args) {
		const rules = faults.map(([cls, fault, opts]) =>
			this.proxy.spoil(job.name, cls, fault, opts));
		const r = await this.run(job, ...args);
		this.proxy.heal(job.name);
		for (const rule of rules)
			assert.ok(rule.spoiled > 0, `nothing asked: '${rule.class}'`);
		return r;
	}

	// All that is listed is good, and what was there first still is.  Of a run
	// that was done and that loaded a target, the copy was proved by that.
	async allIsGood(job) {
		for (const region of ['source', 'dr']) {
			const ids = (await job.list(region)).map((s) => s.id);
			assert.equal(new Set(ids).size, ids.length);
			for (const id of job.made)
				assert.ok(ids.includes(id), `${id} is not listed`);
			for (const id of ids)
				if (id === job.first || !job.target || !job.made.has(id))
					await job.ok('verify', '--deep', '--in', region, id);
		}
	}
}

const rig = new Rig();

// One snapshot came of it, in both accounts.
function mustBeDone(job, r) {
	assert.equal(r.code, EXIT.DONE, r.stderr);
	const { snapshot, comparison } = JSON.parse(r.stdout);
	assert.equal(comparison?.same, job.target ? true : undefined);
	assert.deepEqual(r.came, { west: [snapshot.id], north: [snapshot.id] });
	job.made.add(snapshot.id);
}

function mustHaveFailed(r, code, says) {
	assert.equal(r.code, code, r.stderr + r.stdout);
	assert.match(r.stderr, /^drsync: /m);
	assert.match(r.stderr, says);
	// Of which blob, and in which store where it was the service that said so.
	assert.match(r.stderr, /'(shop|import-[0-9a-f]+)[/']/);
	if (/the service answered/.test(r.stderr))
		assert.match(r.stderr, /'http:\/\/[\w.:]+\/(west|north)\/[^']+'/);
}

async function telling(what, check) {
	try {
		return await check();
	} catch (e) {
		e.message = `${what}: ${e.message}`;
		throw e;
	}
}

async function mustPass(job, cls, what, fault) {
	const r = await rig.spoiled(job, [[cls, fault]]);
	mustBeDone(job, r);
	if (fault !== busy)
		return;
	const first = r.log.find((e) => e.spoiled);
	const again = r.log.find((e) => e.url === first.url &&
		e.class === first.class && e.came > first.came);
	// Its clock counts whole milliseconds.
	assert.ok(again.came - first.came >= 999,
		`asked again after ${again.came - first.came} ms`);
}

// After what lasts, what passes: it is the next run, and has to succeed.
async function row(cls, target) {
	const job = await rig.job(target);
	const passes = passing(cls);
	for (const [what, fault, code, says] of lasting(cls)) {
		await telling(what, async () => {
			const r = await rig.spoiled(job, [[cls, fault, EVER]], 'sync',
				...code === EXIT.UNREACHABLE ? ['--timeout', '5s'] : []);
			if (code === EXIT.DONE)
				mustBeDone(job, r);
			else
				mustHaveFailed(r, code, says);
			assert.ok(r.ms < 30000, `${r.ms} ms`);
		});
		const pass = passes.shift();
		await telling(`after ${what}, ${pass?.[0] ?? 'nothing'}`,
			async () => pass ? mustPass(job, cls, ...pass)
				: mustBeDone(job, await rig.run(job)));
	}
	for (const pass of passes)
		await telling(pass[0], () => mustPass(job, cls, ...pass));
	await rig.allIsGood(job);
}

// Of its lease nothing is left in the way.
function mustGoOn(job) {
	return rig.awake.use(async () => {
		mustBeDone(job, await rig.run(job));
		await rig.allIsGood(job);
	});
}

async function stalled(cls, fault) {
	// The target is loaded only where the request is of an import.
	const imports = /state|target|north GET manifest/.test(cls);
	const job = await rig.awake.use(async () => rig.job(
		imports ? await Redis.start(rig.t) : undefined, rig.slowSource));
	const r = await rig.spoiled(job, [[cls, fault]]);
	mustBeDone(job, r);
	if (!isRelease(cls))
		assert.ok(r.ms >= STALL_MS, `${r.ms} ms`);
	if (isLease(cls))
		await mustGoOn(job);
	else
		await rig.awake.use(() => rig.allIsGood(job));
}

// While a block of the dump stalls: what becomes of the lease, and of the run.
const renewals = [
	['503 with Retry-After', busy],
	['a reset after it was done', resetAfter],
	['a stall', stall],
	['another has the lease', lostLease, EVER, EXIT.LOCKED,
		/lease on 'shop' was lost.*409 LeaseIdMismatch/],
	['403', forbidden, EVER, EXIT.AUTH,
		/lease on 'shop' was lost.*403 AuthorizationFailure/],
	['503 for ever', busy, EVER, EXIT.UNREACHABLE,
		/lease on 'shop' was lost.*503 ServerBusy/],
];

async function renewed(fault, opts, code, says) {
	const job = await rig.awake.use(
		() => rig.job(undefined, rig.slowSource));
	const r = await rig.spoiled(job, [['west PUT block part', stall],
		['west LEASE renew run.lock', fault, opts]]);
	if (code === undefined) {
		mustBeDone(job, r);
	} else {
		mustHaveFailed(r, code, says);
		assert.ok(r.ms < STALL_MS, `${r.ms} ms`);
		assert.deepEqual(r.came, { west: [], north: [] });
	}
	await mustGoOn(job);
}

// Of a part whose manifest was refused; and whether it is gone then.
const removals = [
	['503 with Retry-After', busy, {}, true],
	['a reset before it arrived', resetBefore, {}, true],
	['a reset after it was done', resetAfter, {}, true],
	['403', forbidden, EVER, false],
	['404 of the container', noContainer, EVER, false],
];

async function removed(fault, opts, gone) {
	const job = await rig.job();
	const r = await rig.spoiled(job, [
		['west PUT blocklist manifest.json', forbidden],
		['west DELETE part', fault, opts]]);
	mustHaveFailed(r, EXIT.AUTH, /manifest\.json.*403/);
	assert.deepEqual(r.came, { west: [], north: [] });
	const parts = (await rig.azurite.names('west', job.name))
		.filter((n) => n.includes('/part-') && !n.includes(job.first));
	assert.equal(parts.length, gone ? 0 : 1);
	mustBeDone(job, await rig.run(job));
	await rig.allIsGood(job);
}

async function readBack(kind, target) {
	// The state is asked for twice before it is written.
	const [account, nth] = kind === 'state.json' ? ['north', 3]
		: ['west', 1];
	const commit = `${account} PUT blocklist ${kind}`;
	const look = `${account} GET blocklist ${kind}`;
	const job = await rig.job(target);
	for (const lost of [resetBefore, resetAfter])
		for (const fault of [busy, resetBefore, resetInBody])
			mustBeDone(job, await rig.spoiled(job,
				[[commit, lost], [look, fault]]));
	// Its properties tell too; and if not they, nothing does.
	const blind = [[commit, resetAfter], [look, forbidden, EVER]];
	mustBeDone(job, await rig.spoiled(job, blind));
	const r = await rig.spoiled(job, [...blind,
		[`${account} HEAD ${kind}`, forbidden, { ...EVER, nth }]]);
	mustHaveFailed(r, EXIT.UNREACHABLE,
		/not known whether the commit took effect.*403/);
	mustBeDone(job, await rig.run(job));
	await rig.allIsGood(job);
}

async function arrivedLate() {
	const job = await rig.job(undefined);
	const commit = 'west PUT blocklist manifest.json';
	let arrive;
	const arrival = new Promise((resolve) => { arrive = resolve; });
	const r = await rig.spoiled(job, [
		[commit, arrivesLater(arrival)], [commit, forbidden, EVER]]);
	mustHaveFailed(r, EXIT.UNREACHABLE,
		/not known whether the commit took effect.*403/);
	assert.deepEqual(r.came, { west: [], north: [] });
	arrive();
	await until('the manifest has arrived', async () =>
		(await rig.manifests(job)).west.length === 2);
	await rig.allIsGood(job);
	mustBeDone(job, await rig.run(job));
}

// Commands that only read, and what they ask for it.
const reads = {
	list: ['west LIST', 'west HEAD manifest.json', 'west GET manifest.json'],
	verify: ['west LIST', 'west HEAD manifest.json',
		'west GET manifest.json', 'west HEAD part', 'west GET part'],
};

async function reading(command) {
	const job = await rig.job();
	const args = [command, '--in', 'source',
		...command === 'verify' ? ['--deep'] : []];
	for (const cls of reads[command]) {
		for (const [what, fault] of passing(cls)) {
			const r = await rig.spoiled(job, [[cls, fault]], ...args);
			assert.equal(r.code, EXIT.DONE, `${cls}, ${what}: ${r.stderr}`);
			assert.ok(r.stdout.includes(job.first), r.stdout);
		}
		for (const [what, fault, code, says] of lasting(cls).slice(0, 2)) {
			const r = await rig.spoiled(job, [[cls, fault, EVER]], ...args);
			assert.equal(r.code, code, `${cls}, ${what}: ${r.stderr}`);
			assert.match(r.stderr, says);
		}
	}
}

// By 'restore' the copy is read twice: it is proved, and then sent.
async function restoring(way, target) {
	const job = await rig.job(target);
	const restore = ['restore', '--restorer', way];
	const good = await target.digest();
	const part = 'north GET part';
	const bad = [
		['a bit that flipped at rest', flipAtRest, EXIT.CORRUPT],
		['404', answer(404, 'BlobNotFound'), EXIT.CORRUPT],
		['404 of the container', noContainer, EXIT.FAILED],
		['403', forbidden, EXIT.AUTH],
	];
	for (let nth = 1; nth <= (way === 'restore' ? 2 : 1); nth++) {
		const says = nth === 1 ? /old data is untouched/
			: /holds a part of the snapshot/;
		for (const [what, fault] of passing(part)) {
			const r = await rig.spoiled(job, [[part, fault, { nth }]],
				...restore);
			assert.equal(r.code, EXIT.DONE, `${what}: ${r.stderr}`);
			assert.equal(await target.digest(), good);
		}
		for (const [what, fault, code] of bad)
			await telling(`${what}, reading ${nth}`, async () => {
				const r = await rig.spoiled(job, [[part, fault, { nth }]],
					...restore);
				mustHaveFailed(r, code, says);
				if (nth === 1)
					assert.equal(await target.digest(), good);
				await job.ok(...restore);
				assert.equal(await target.digest(), good);
			});
	}
	const r = await rig.spoiled(job, [[part, flipAtRest]]);
	mustHaveFailed(r, EXIT.CORRUPT, /part-0000/);
	assert.deepEqual(r.came.north, []);
	mustBeDone(job, await rig.run(job));
	await rig.allIsGood(job);
}

describe('requests that go wrong', { concurrency: 100 }, () => {
	before(() => rig.start());
	after(() => rig.stop());

	test('those of a run are known', () => rig.withTarget(async (target) => {
		const job = await rig.job(target);
		const r = await rig.run(job);
		mustBeDone(job, r);
		assert.deepEqual([...new Set(r.log.map((e) => e.class))].sort(),
			KNOWN);
	}));

	// First, since they take a minute, asleep.
	for (const cls of KNOWN)
		for (const fault of isRead(cls) ? [stall, stallInBody] : [stall])
			test(`${cls}: ${fault.name}`, () => stalled(cls, fault));
	for (const [what, ...how] of renewals)
		test(`a lease is renewed: ${what}`, () => renewed(...how));

	for (const cls of KNOWN)
		test(cls, () => rig.withTarget((target) => row(cls, target)));
	for (const [what, ...how] of removals)
		test(`parts are taken back: ${what}`, () =>
			rig.withTarget(() => removed(...how)));
	for (const kind of ['part', 'manifest.json', 'state.json'])
		test(`a commit of ${kind} is read back`, () =>
			rig.withTarget((target) => readBack(kind, target)));
	test('a manifest arrives after it was given up', () =>
		rig.withTarget(arrivedLate));
	for (const command of Object.keys(reads))
		test(`what ${command} asks`, () =>
			rig.withTarget(() => reading(command)));
	for (const way of ['replica', 'restore'])
		test(`what a restore by '${way}' reads`, () =>
			rig.withTarget((target) => restoring(way, target)));
});
