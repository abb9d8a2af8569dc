// limits.mjs -- what Azure refuses and Azurite does not: sizes and counts, and
// what neither Azurite nor this stand-in plays, which is better told than
// silently done to the base blob.
import { Refusal } from '../azure/refusal.mjs';

export const MIB = 1 << 20;
const NAME_MAX = 1024;
const METADATA_MAX = 8192;
const BLOCKS_MAX = 50000;

function checkPlayed({ query, operation, headers }) {
	const include = (query.get('include') ?? '').split(',');
	const what = query.has('versionid') && 'versions of blobs'
		|| include.some((i) => i.startsWith('versions') ||
			i.startsWith('deleted')) && 'lists of versions or deleted blobs'
		|| operation === 'UndeleteBlob' && 'soft delete'
		|| operation === 'IncrementalCopyBlob' && 'incremental copies'
		|| headers['x-ms-copy-source-tag-option'] === 'COPY' &&
			'copying tags';
	if (what)
		throw new Refusal(501, 'NotImplemented',
			`The stand-in does not play ${what}.`);
}

function checkMetadata({ headers }) {
	const bytes = Object.entries(headers)
		.filter(([name]) => name.startsWith('x-ms-meta-'))
		.reduce((n, [name, value]) => n + value.length + name.length -
			'x-ms-meta-'.length, 0);
	if (bytes > METADATA_MAX)
		throw new Refusal(400, 'MetadataTooLarge', 'The size of the ' +
			'specified metadata exceeds the maximum size permitted.');
}

function checkBlockList({ body }) {
	const n = body.toString('latin1')
		.match(/<(Latest|Committed|Uncommitted)>/g)?.length ?? 0;
	if (n > BLOCKS_MAX)
		throw new Refusal(400, 'BlockListTooLong', 'The block list may ' +
			'not contain more than 50,000 blocks.');
}

export class Limits {
	constructor() {
		this.idLengths = new Map();
	}

	check(call) {
		checkPlayed(call);
		if (call.blob.length > NAME_MAX)
			throw new Refusal(400, 'OutOfRangeInput', 'The specified ' +
				'resource name length is not within the permissible ' +
				'limits.');
		checkMetadata(call);
		if (call.operation === 'PutBlockList')
			checkBlockList(call);
		if (call.query.get('comp') === 'block')
			this.#checkId(call);
	}

	// All that wait for one commit have ids of one length.
	#checkId({ key, query }) {
		const { length } = query.get('blockid') ?? '';
		if ((this.idLengths.get(key) ?? length) !== length)
			throw new Refusal(400, 'InvalidBlobOrBlock', 'The specified ' +
				'blob or block content is invalid.');
	}

	// After the service has done it.
	done({ operation, key, query }) {
		if (query.get('comp') === 'block')
			this.idLengths.set(key, query.get('blockid').length);
		else if (['PutBlockList', 'PutBlob', 'PutBlobFromUrl', 'CopyBlob',
			'CopyBlobFromUrl', 'DeleteBlob'].includes(operation))
			this.idLengths.delete(key);
	}
}
