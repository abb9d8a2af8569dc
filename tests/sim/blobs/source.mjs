// source.mjs -- the source of a copy, read as the destination's service reads
// it: over HTTP, from the address that its URL names, by the right that the
// URL or x-ms-copy-source-authorization gives.
import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import { buffer } from 'node:stream/consumers';

import { Refusal } from '../azure/refusal.mjs';
import { Answer } from './answer.mjs';
import { signature } from './rights.mjs';

const URL_MAX = 2048;
const CONDITIONS = ['if-match', 'if-none-match', 'if-modified-since',
	'if-unmodified-since'];

export function sourceUrl({ headers }) {
	const text = headers['x-ms-copy-source'];
	if (text.length > URL_MAX || !URL.canParse(text))
		throw new Refusal(400, 'InvalidHeaderValue', 'The value for one of ' +
			'the HTTP headers is not in the correct format: ' +
			'x-ms-copy-source.');
	return new URL(text);
}

export function conditionsOf({ headers }) {
	return Object.fromEntries(CONDITIONS
		.filter((name) => headers[`x-ms-source-${name}`])
		.map((name) => [name, headers[`x-ms-source-${name}`]]));
}

function interrupted() {
	return new Refusal(500, 'InternalError', 'The server encountered an ' +
		'internal error. Please retry the request.');
}

function unreachable({ code }) {
	return code === 'ECONNRESET' ? interrupted() : new Refusal(404,
		'CannotVerifyCopySource',
		'The specified resource does not exist.');
}

// What the source's service said becomes what the destination's says.
function check(answer) {
	if (answer.ok)
		return;
	if (answer.status === 304 || answer.status === 412)
		throw new Refusal(412, 'SourceConditionNotMet', 'The source ' +
			'condition specified using HTTP conditional header(s) is not ' +
			'met.');
	throw new Refusal(answer.status, 'CannotVerifyCopySource',
		'Could not verify the copy source.', {
			'x-ms-copy-source-status-code': answer.status,
			...answer.code && { 'x-ms-copy-source-error-code': answer.code },
		});
}

export function checkSize(size, most) {
	if (size > most)
		throw new Refusal(409, 'CannotVerifyCopySource', 'The source ' +
			'request body for copy source is too large and exceeds the ' +
			`maximum permissible limit (${most >> 20}MB).`);
}

// own: a source in the same account, which the region may read by its key.
function headersFor(region, url, method, { headers, authorization, own }) {
	const all = { 'x-ms-version': region.version, ...headers,
		'x-sim-by': region.name };
	if (authorization)
		all.authorization = authorization;
	if (own) {
		all['x-ms-date'] = new Date(region.now()).toUTCString();
		all.authorization = `SharedKey ${region.account}:${signature(
			region, method, url.pathname + url.search, all)}`;
	}
	return all;
}

// Throws a Refusal where it cannot be had.
export async function readSource(region, url, opts, method = 'GET') {
	const client = url.protocol === 'https:' ? https : http;
	const req = client.request(url, { method, ca: region.ca, agent: false,
		headers: headersFor(region, url, method, opts) });
	req.end();
	let answered;
	try {
		[answered] = await once(req, 'response');
	} catch (e) {
		throw unreachable(e);
	}
	const size = Number(answered.headers['content-length']);
	const answer = new Answer(answered.statusCode, answered.rawHeaders);
	try {
		if (answer.ok)
			checkSize(size, opts.most);
		answer.body = await buffer(answered);
	} catch (e) {
		req.destroy();
		if (e instanceof Refusal)
			throw e;
		throw interrupted();
	}
	check(answer);
	return answer;
}

// Whether the region may read that source by its account's key, as it may
// for Copy Blob within one account and for nothing else.
export function isOwn(region, url) {
	return url.origin === region.origin && !url.searchParams.has('sig') &&
		url.pathname.startsWith(`/${region.account}/`);
}
