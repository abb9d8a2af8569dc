// from_url.mjs -- the calls that take their bytes from a URL and are done when
// they answer.  What was read of the source is written through Azurite, which
// so checks the destination's conditions, its lease, and the hashes.
import { createHash, randomUUID } from 'node:crypto';

import { Refusal } from '../azure/refusal.mjs';
import { Answer } from './answer.mjs';
import { MIB } from './limits.mjs';
import { conditionsOf, readSource, sourceUrl } from './source.mjs';

// Not those that tell of the source or of the request's own (empty) body.
const carried = (name) => /^(if-|x-ms-)/.test(name) &&
	!/^x-ms-(copy-source|source-|requires-sync|date|version|content-crc64)/
		.test(name) || name === 'range';

const properties = ['content-type', 'content-encoding', 'content-language',
	'content-disposition', 'cache-control'];

// Of the request, in the spelling that it came in.
export function headersOf(call, pick = carried) {
	return new Answer(0, call.req.rawHeaders).some(pick);
}

// A source's properties and metadata as headers of a Put.
export function propertiesOf(source, metadata) {
	const h = {};
	for (const name of properties)
		if (source.get(name) !== undefined)
			h[`x-ms-blob-${name}`] = source.get(name);
	return { ...h, ...metadata && source.some((n) =>
		n.startsWith('x-ms-meta-')) };
}

export function hasMetadata({ headers }) {
	return Object.keys(headers).some((n) => n.startsWith('x-ms-meta-'));
}

function rangeOf({ headers }, most) {
	const range = headers['x-ms-source-range'];
	const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(range ?? '') ?? [];
	if (range !== undefined && !(BigInt(to ?? -1) >= BigInt(from ?? 0)))
		throw new Refusal(400, 'InvalidHeaderValue', 'The value for one of ' +
			'the HTTP headers is not in the correct format: ' +
			'x-ms-source-range.');
	if (range !== undefined && to - from + 1 > most)
		throw new Refusal(413, 'RequestBodyTooLarge', 'The request body is ' +
			'too large and exceeds the maximum permissible limit.');
	return range === undefined ? {} : { range };
}

async function read(region, call, most, range = {}) {
	if (call.body.length > 0)
		throw new Refusal(400, 'InvalidHeaderValue', 'The value for one of ' +
			'the HTTP headers is not in the correct format: ' +
			'Content-Length.');
	const source = await readSource(region, sourceUrl(call), {
		headers: { ...conditionsOf(call), ...range }, most,
		authorization: call.headers['x-ms-copy-source-authorization'],
	});
	if (call.fault?.flip)
		source.body[source.body.length >> 1] ^= 1;
	return source;
}

// The hash that the caller wants its bytes to have, else their own: Azurite
// reckons CRC64 of what comes without one, and that is slow.
function hashOf({ headers }, body) {
	const md5 = headers['x-ms-source-content-md5'];
	const crc64 = headers['x-ms-source-content-crc64'];
	if (md5 && crc64)
		throw new Refusal(400, 'BothCrc64AndMd5HeaderPresent',
			'Both MD5 and CRC64 hashes are given.');
	if (crc64)
		return { 'x-ms-content-crc64': crc64 };
	return { 'Content-MD5': md5 ??
		createHash('md5').update(body).digest('base64') };
}

// Of a part of a blob.
function piece(most) {
	return async (region, call) => {
		const { body } = await read(region, call, most,
			rangeOf(call, most));
		return region.write(call, call.query, { ...headersOf(call),
			...hashOf(call, body) }, body);
	};
}

function wantedType({ headers }) {
	if ((headers['x-ms-blob-type'] ?? 'BlockBlob') !== 'BlockBlob')
		throw new Refusal(400, 'InvalidHeaderValue', 'The value for one of ' +
			'the HTTP headers is not in the correct format: ' +
			'x-ms-blob-type.');
}

async function putBlob(region, call) {
	wantedType(call);
	const source = await read(region, call, 5000 * MIB);
	const given = headersOf(call);
	const theirs = call.headers['x-ms-copy-source-blob-properties'] ===
		'false' ? {} : propertiesOf(source, false);
	return region.write(call, {}, { ...theirs, ...given,
		...hashOf(call, source.body) }, source.body);
}

async function copyBlob(region, call) {
	const source = await read(region, call, 256 * MIB);
	if (source.get('x-ms-blob-type') !== 'BlockBlob')
		throw new Refusal(409, 'CannotVerifyCopySource',
			'The source is no block blob.');
	const made = await region.write(call, {}, {
		...propertiesOf(source, !hasMetadata(call)), ...headersOf(call),
		'x-ms-blob-type': 'BlockBlob', ...hashOf(call, source.body),
	}, source.body);
	if (!made.ok)
		return made;
	const id = randomUUID();
	region.copies.note(call, { id, source: sourceUrl(call),
		size: source.body.length });
	made.status = 202;
	return made.set('x-ms-copy-id', id).set('x-ms-copy-status', 'success');
}

export const fromUrl = {
	PutBlockFromUrl: piece(4000 * MIB),
	PutPageFromUrl: piece(4 * MIB),
	AppendBlockFromUrl: piece(100 * MIB),
	PutBlobFromUrl: putBlob,
	CopyBlobFromUrl: copyBlob,
};
