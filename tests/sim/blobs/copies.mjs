// copies.mjs -- Copy Blob, which goes on after it was answered.
//
// At its start the source is looked at, its ETag pinned, and an empty blob
// written over the destination (by the caller's right, under the caller's
// conditions).  It gets on when somebody looks at the destination, and at the
// last look the bytes are read and written: so it takes no time, and stands
// still as long as a test wants.  Not played: the two weeks, the source's
// block list (the copy has one block or none), archived sources.
import { randomUUID } from 'node:crypto';

import { Refusal } from '../azure/refusal.mjs';
import { headersOf, hasMetadata, propertiesOf } from './from_url.mjs';
import { conditionsOf, isOwn, readSource, sourceUrl } from './source.mjs';

const PIECE = 4194304;

const READS = ['GetBlob', 'GetBlobProperties', 'GetBlobMetadata',
	'GetBlockList', 'GetPageRanges', 'GetBlobTags', 'AbortCopyBlob'];
const FORGETS = ['PutBlob', 'PutBlobFromUrl', 'PutBlockList', 'DeleteBlob',
	'SetBlobProperties'];

const carried = (name) => /^(if-|x-ms-)/.test(name) &&
	!/^x-ms-(copy-|source-|date$|version$)/.test(name);

// A URL as it may be shown.
function withoutSas(url) {
	const snapshot = url.searchParams.get('snapshot');
	return url.origin + url.pathname +
		(snapshot ? `?snapshot=${encodeURIComponent(snapshot)}` : '');
}

// How to make an empty blob of the type, and what to ask for each piece.
const types = {
	BlockBlob: { create: () => ({}) },
	PageBlob: {
		create: (size) => ({ 'x-ms-blob-content-length': String(size) }),
		comp: 'page',
		piece: (at, len) => ({ 'x-ms-page-write': 'update',
			'x-ms-range': `bytes=${at}-${at + len - 1}` }),
	},
	AppendBlob: { create: () => ({}), comp: 'appendblock',
		piece: () => ({}) },
};

export class Copies {
	constructor(region) {
		Object.assign(this, { region, all: new Map() });
	}

	// A copy that is done already.
	note({ key }, { id, source, size }) {
		this.all.set(key, { id, source: withoutSas(source), size,
			status: 'success', done: size, completed: this.region.now() });
	}

	// Nobody writes to what a copy is being written to.
	check({ operation, key }) {
		if (this.all.get(key)?.status === 'pending' &&
			!READS.includes(operation))
			throw new Refusal(409, 'PendingCopyOperation',
				'There is currently a pending copy operation.');
	}

	done({ operation, key }) {
		if (FORGETS.includes(operation))
			this.all.delete(key);
	}

	async start(call, plan) {
		const { region } = this;
		const url = sourceUrl(call);
		const own = isOwn(region, url);
		const source = await readSource(region, url,
			{ headers: conditionsOf(call), own, most: Infinity }, 'HEAD');
		const type = source.get('x-ms-blob-type');
		const headers = { ...propertiesOf(source, !hasMetadata(call)),
			...headersOf(call, carried), 'x-ms-blob-type': type };
		const made = await region.write(call, {}, { ...headers,
			...types[type].create(0) });
		if (!made.ok)
			return made;
		const size = Number(source.get('content-length'));
		const copy = {
			id: randomUUID(), source: withoutSas(url), url, own, size, type,
			headers, plan: { ...plan }, looks: 0, done: 0, status: 'pending',
			path: call.path, etag: source.get('etag'),
			md5: source.get('content-md5'),
		};
		this.all.set(call.key, copy);
		if (!copy.plan.polls && !copy.plan.hold)
			await this.#end(copy);
		made.status = 202;
		made.set('ETag', copy.made?.get('etag') ?? made.get('etag'));
		return made.set('x-ms-copy-id', copy.id)
			.set('x-ms-copy-status', copy.status);
	}

	// The copy into what a call is about; a snapshot has none.
	#of({ key, query }) {
		return query.has('snapshot') ? undefined : this.all.get(key);
	}

	// Before the destination is read.
	async look(call) {
		const copy = this.#of(call);
		if (copy?.status !== 'pending')
			return;
		if (copy.ending)
			return void await copy.ending;
		copy.looks++;
		const { polls = 0, hold } = copy.plan;
		copy.done = Math.floor(copy.size *
			Math.min(copy.looks / (polls + 1), 0.99));
		if (!hold && copy.looks > polls)
			await (copy.ending = this.#end(copy));
	}

	// What it tells of a copy beside the destination's properties.
	tell(call, answer) {
		const copy = this.#of(call);
		if (!copy || !answer.ok)
			return;
		answer.set('x-ms-copy-id', copy.id)
			.set('x-ms-copy-source', copy.source)
			.set('x-ms-copy-status', copy.status)
			.set('x-ms-copy-progress', `${copy.done}/${copy.size}`);
		if (copy.completed)
			answer.set('x-ms-copy-completion-time',
				new Date(copy.completed).toUTCString());
		if (copy.description)
			answer.set('x-ms-copy-status-description', copy.description);
	}

	async #end(copy) {
		const { fails } = copy.plan;
		try {
			if (fails)
				throw new Refusal(...fails);
			copy.made = await this.#write(copy);
			Object.assign(copy, { status: 'success', done: copy.size });
		} catch (e) {
			if (!(e instanceof Refusal))
				throw e;
			Object.assign(copy, { status: 'failed', done: 0,
				description: `${e.status} ${e.code} "${e.message}"` });
		}
		copy.completed = this.region.now();
	}

	async #write(copy) {
		const { region } = this;
		const { url, own, etag, headers, type, path } = copy;
		const { body } = await readSource(region, url, { own,
			headers: { 'if-match': etag }, most: Infinity });
		const { create, comp, piece } = types[type];
		// Under no condition: the blob is the copy's own until it ends.
		const put = Object.fromEntries(Object.entries(headers)
			.filter(([name]) => !/^if-/i.test(name)));
		if (copy.md5)
			put['x-ms-blob-content-md5'] = copy.md5;
		let made = await region.ask('PUT', path, { ...put,
			...create(body.length) }, piece ? undefined : body);
		for (let at = 0; piece && made.ok && at < body.length; at += PIECE) {
			const part = body.subarray(at, at + PIECE);
			made = await region.ask('PUT', `${path}?comp=${comp}`,
				piece(at, part.length), part);
		}
		if (!made.ok)
			throw new Refusal(made.status, made.code ?? 'InternalError',
				'Copy failed.');
		return made;
	}

	// Azurite has no pending copies: that it says so shows who may ask.
	async abort(call, answered) {
		const copy = this.all.get(call.key);
		if (!['NoPendingCopyOperation', 'CopyIdMismatch']
			.includes(answered.code))
			return answered;
		if (copy?.status !== 'pending')
			throw new Refusal(409, 'NoPendingCopyOperation',
				'There is currently no pending copy operation.');
		if (copy.id !== call.query.get('copyid'))
			throw new Refusal(409, 'CopyIdMismatch', 'The specified copy ' +
				'ID did not match the copy ID for the pending copy ' +
				'operation.');
		Object.assign(copy, { status: 'aborted', done: 0,
			completed: this.region.now() });
		return Object.assign(answered, { status: 204, body: Buffer.alloc(0),
			raw: ['x-ms-version', this.region.version] });
	}

	release() {
		for (const copy of this.all.values())
			if (copy.plan)
				copy.plan.hold = false;
	}
}
