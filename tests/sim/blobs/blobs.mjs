// blobs.mjs -- a stand-in for Blob storage in two regions: an address and an
// account in each, in front of an Azurite of its own.
//
//	const blobs = await startBlobs(t, { ca, copy });
//	blobs.west.url		http://127.0.0.1:PORT/west
//	blobs.west.account, blobs.west.key
//	blobs.script('north PutBlockFromUrl', { status: 503, retryAfter: 1 });
//
// t: a test, at whose end all is taken away; null: blobs.stop() does it.
// Options:
//	ca	{ca, cert, key}: files, for https; else all is plain http
//	env	of the Azurites; else the process' own
//	isRevoked	whether a bearer token is refused, whatever it says
//	copy	how a Copy Blob goes that no script has a plan for: {polls: 1}
//
// What Azurite does as Azure documents it, it does, asked as the client asked
// (a signature does not cover the Host).  The region itself does what Azurite
// does not, or only within one instance: Put Block, Put Blob, Put Page, Append
// Block and Copy Blob From URL, which read the source over HTTP at the address
// that its URL names, by its SAS or a bearer token, and tell why they could not
// by x-ms-copy-source-status-code and -error-code; Copy Blob, pending until it
// was looked at often enough (copies.mjs), and its abort; the limits on the
// number of blocks, their ids, names, metadata and what is copied at once; a
// clock, and requests that are 15 minutes from it; bearer tokens, by audience
// and time.  Not played, with a clear 501: versions, soft delete, incremental
// copies, tags copied along.  Not played, and silent: what storage accounts
// forbid beyond that (see Azurite), the copy properties in lists.
//
// A region may be changed at any time:
//	blobs.west.firewall = true	no other region's service may read it
//	blobs.west.skewMs = 1200000	its clock, ahead of the machine's
//
// What goes wrong: blobs.script(on, fault, {nth, times, by}), "on" and the
// rest as in script.mjs; operations are called as in Azure's reference
// (call.mjs).  It returns the rule, whose "spoiled" counts.  A fault is one of
//	{status, code, message, retryAfter, headers}	answered instead
//	{lost: 'request'}	the connection is reset, and nothing was done
//	{lost: 'answer'}	it was done, and then the connection is reset
//	{stall: true}	no answer comes
//	{cut: true}	half of the answer's body comes
//	{flip: true}	one bit of the answer's body, or of what a From URL call
//			read, is another
//	{meanwhile: async (call) => ...}	done before it is; then as ever
//	{afterwards: async (call) => ...}	done when it is, before the answer
//	{copy: plan}	of a Copy Blob:
//		polls: n	looks at it that show it pending; 0: it has ended
//				when it is answered
//		hold: true	it does not end before blobs.release()
//		fails: [status, code, message]	how it ends
// blobs.heal() forgets what was scripted.
//
// What was asked: blobs.log, of {at, region, by, operation, method, container,
// blob, url, headers, fault, status, code}; by is 'client' or the region whose
// service read a source.  blobs.asked('north PutBlockFromUrl') is a part of it.
// blobs.broken: errors of the stand-in's own, which should be none.
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { startEmulator } from './emulator.mjs';
import { Region } from './region.mjs';
import { Script } from './script.mjs';

const DEFAULTS = { copy: { polls: 1 } };
const REGIONS = ['west', 'north'];

class Blobs {
	constructor(opts) {
		this.opts = { ...DEFAULTS, ...opts };
		Object.assign(this, { log: [], broken: [], ends: [],
			rules: new Script() });
		this.dir = fs.mkdtempSync(path.join(os.tmpdir(), 'drsync-blobs-'));
	}

	async #region(name) {
		const { ca, env } = this.opts;
		const key = randomBytes(64).toString('base64');
		const dir = path.join(this.dir, name);
		fs.mkdirSync(dir);
		const emulator = await startEmulator(
			{ accounts: { [name]: key }, dir, ca, env });
		this.ends.push(() => emulator.stop());
		this[name] = await Region.listen(this,
			{ name, account: name, key, emulator, ca });
		this.ends.push(() => this[name].stop());
	}

	async listen() {
		await Promise.all(REGIONS.map((name) => this.#region(name)));
	}

	script(on, fault, when) {
		return this.rules.add(on, fault, when);
	}

	heal() {
		this.rules.clear();
	}

	release() {
		for (const name of REGIONS)
			this[name].copies.release();
	}

	asked(on) {
		const [region, operation] = on.split(' ');
		return this.log.filter((e) => e.region === region &&
			e.operation === operation);
	}

	async stop() {
		for (const end of this.ends.reverse())
			await end();
		fs.rmSync(this.dir, { recursive: true, force: true });
	}
}

export async function startBlobs(t, opts = {}) {
	const blobs = new Blobs(opts);
	t?.after(() => blobs.stop());
	await blobs.listen();
	return blobs;
}
