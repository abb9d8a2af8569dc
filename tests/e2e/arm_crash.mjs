// arm_crash.mjs -- kill -9 at a step of a managed export, of the copy or of a
// managed import: the next run finishes, or asks a person in plain words, and
// no snapshot's import is ever asked for twice.
//
// A request is held where its step is: "before" it is done, which it then
// never is, or "after", when nobody is there any more to hear the answer, or
// "late": it is done when the next run has begun.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';

import { EXIT, until } from './harness.mjs';
import {
	assertNothingLent, assertSame, oneDb, twoRegions,
} from './two_caches.mjs';

// A request that has come, and what lets it go on.
function hold() {
	const h = { came: false };
	h.over = new Promise((resolve) => { h.release = resolve; });
	h.wait = () => {
		h.came = true;
		return h.over;
	};
	return h;
}

const faults = {
	before: (h) => ({ meanwhile: h.wait, lost: 'request' }),
	after: (h) => ({ afterwards: h.wait, lost: 'answer' }),
	late: (h) => ({ meanwhile: h.wait, lost: 'answer' }),
};

// So long as a resource may take to be seen busy, the next run waits.
function aMinutePasses(job) {
	const db = new DatabaseSync(path.join(job.dir, 'state', 'ledger.db'));
	db.exec("UPDATE journal SET value = json_set(value, '$.began_ms', " +
		"json_extract(value, '$.began_ms') - 60000) " +
		"WHERE key LIKE 'arm/%'");
	db.close();
}

// Of each import that was asked for, the snapshot.
const imported = (azure) => azure.asked('Databases_Import').map((e) =>
	/\d{8}t\d{6}z-[a-z0-9]{6}/i.exec(e.body.sasUris[0])[0].toLowerCase());

// What has a manifest has its parts, as that says; in each region so many.
async function assertListedIsWhole(azurite) {
	const listed = [];
	for (const account of ['west', 'north']) {
		const manifests = (await azurite.names(account)).filter((n) =>
			n.endsWith('/manifest.json'));
		for (const name of manifests) {
			const { parts } = JSON.parse(await azurite.read(account, name));
			for (const part of parts) {
				const bytes = await azurite.read(account,
					`${path.dirname(name)}/${part.name}`);
				assert.equal(createHash('sha256').update(bytes)
					.digest('hex'), part.sha256, name);
			}
		}
		listed.push(manifests.length);
	}
	return listed;
}

class Lane {
	// managed: the source exports itself.  imports: each run does.
	static async start(t, { managed, imports }) {
		const lane = new Lane();
		Object.assign(lane, await twoRegions(t, { apart: true, plain: true,
			sim: { polls: 0, retryAfter: undefined } }), { rounds: 0 });
		const { job, source, from, to } = lane;
		await source.pipe(oneDb());
		if (!managed)
			job.source = source;
		lane.args = [...managed ? from : ['--codec', 'zstd'], ...to,
			...imports ? ['--import', 'after-each-sync'] : []];
		// What the target holds is this job's own from now on.
		await job.ok('sync', ...lane.args, '--import', 'after-each-sync');
		return Object.assign(lane, { imports });
	}

	script(on, ...rest) {
		const sim = /^(west|north) /.test(on) ? this.azurite.blobs
			: this.azure;
		return sim.script(on, ...rest);
	}

	clear() {
		this.azurite.blobs.heal();
		this.azure.rules.clear();
	}

	// A sync that ends when that request is there.
	async kill({ on, nth = 1, at, plan }) {
		const h = hold();
		this.script(on, { ...faults[at](h), operation: plan }, { nth });
		const sync = this.job.start('sync', ...this.args);
		const ended = sync.ended.then((r) => { h.ended = r; });
		await until(`${on} is asked for`, () => h.came || h.ended, 60000);
		assert.ok(h.came, h.ended?.stderr);
		sync.child.kill('SIGKILL');
		await ended;
		return h;
	}

	async crash(step) {
		const { azure, azurite, job, source } = this;
		await source.cli('set', 'round', ++this.rounds);
		const h = await this.kill(step);
		const asked = azure.asked('Databases_Get', 'dr').length;
		if (step.at !== 'late')
			h.release();
		if (step.unseen)
			aMinutePasses(job);
		const sync = job.start('sync', ...this.args);
		if (step.at === 'late') {
			await until('the next run has looked', () =>
				azure.asked('Databases_Get', 'dr').length > asked);
			h.release();
		}
		await this.judge(await sync.ended, step);
		this.clear();
		if (this.imports)
			await assertSame(source, this.target);
		await assertNothingLent(azurite);
		const ids = imported(azure);
		assert.equal(new Set(ids).size, ids.length, ids.join());
	}

	async judge(r, { asks }) {
		if (!asks) {
			assert.equal(r.code, 0, r.stderr);
			return;
		}
		const { job, target, to } = this;
		assert.equal(r.code, EXIT.REFUSED, r.stderr);
		assert.match(r.stderr, asks);
		assert.match(r.stderr, /is over, give --overwrite-target 127\.0\.0\.1/);
		await job.ok('restore', ...to, '--overwrite-target', target.name);
	}

	async end() {
		const { job, source, target, to } = this;
		if (!this.imports)
			await job.ok('restore', ...to);
		await assertSame(source, target);
		const listed = await assertListedIsWhole(this.azurite);
		assert.ok(Math.min(...listed) > this.rounds, listed.join());
		for (const region of ['source', 'dr'])
			await job.ok('verify', '--deep', '--in', region, 'latest');
	}
}

// Each step is a name, and of a request
//	on, nth		which it is, as the stand-ins' scripts have it
//	at		as above
//	unseen		it was not done, and nothing tells
//	plan		of the operation that it begins
//	asks		the next run asks a person, in these words
export async function crashAtEach(t, how, steps) {
	const lane = await Lane.start(t, how);
	for (const [when, step] of steps)
		await t.test(when, () => lane.crash(step));
	await lane.end();
}

// An operation that is to be seen once while it goes on.
export const seen = { polls: 1 };
