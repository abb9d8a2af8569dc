// rights.mjs -- who may: what the region checks by itself, and its own
// signature for what it asks of the Azurite behind it.
//
// Requests by SharedKey and SAS are passed on as they came, and Azurite checks
// them.  A bearer token it takes over https alone, so that the region checks
// whom it is for and how long it lives (its signature is nobody's), and then
// signs for it.
import { createHmac, timingSafeEqual } from 'node:crypto';

import { Refusal } from '../azure/refusal.mjs';

const SKEW_MS = 15 * 60000;
const STORAGE = 'https://storage.azure.com';

// What a URL's query has that is no part of a SAS.
const ASKED = ['comp', 'restype', 'blockid', 'blocklisttype', 'copyid',
	'timeout', 'snapshot', 'versionid'];

const SIGNED = ['content-encoding', 'content-language', 'content-length',
	'content-md5', 'content-type', 'date', 'if-modified-since', 'if-match',
	'if-none-match', 'if-unmodified-since', 'range'];

function resource(account, target) {
	const [path, query = ''] = target.split('?');
	const values = {};
	for (const [name, value] of new URLSearchParams(
		query.replaceAll('+', '%2B')))
		(values[name.toLowerCase()] ??= []).push(value);
	return `/${account}${path}${Object.keys(values).sort()
		.map((n) => `\n${n}:${values[n].sort().join()}`).join('')}`;
}

// The signature by SharedKey of a request whose headers' names are lower case.
export function signature({ account, key }, method, target, headers) {
	const standard = SIGNED.map((name) => {
		if (name === 'content-length' && headers[name] === '0' ||
			name === 'date' && headers['x-ms-date'])
			return '';
		return headers[name] ?? '';
	});
	const ours = Object.keys(headers).filter((n) => n.startsWith('x-ms-'))
		.sort().map((n) => `${n}:${headers[n].trim()}\n`).join('');
	return createHmac('sha256', Buffer.from(key, 'base64'))
		.update([method, ...standard, ''].join('\n') + ours +
			resource(account, target)).digest('base64');
}

const schemeOf = (call) => call.headers.authorization?.split(' ')[0];

function checkSkew(region, call) {
	const date = Date.parse(call.headers['x-ms-date'] ?? call.headers.date);
	if (!(Math.abs(region.now() - date) <= SKEW_MS))
		throw new Refusal(403, 'AuthenticationFailed', 'Server failed to ' +
			'authenticate the request. Request date header too old.');
}

function checkSasTimes(region, query) {
	const now = region.now();
	if (Date.parse(query.get('se') ?? '9999-01-01') < now ||
		Date.parse(query.get('st') ?? '1970-01-01') > now)
		throw new Refusal(403, 'AuthenticationFailed', 'Signature not ' +
			'valid in the specified time frame.');
}

function claimsOf(token) {
	try {
		return JSON.parse(Buffer.from(token.split('.')[1], 'base64url'));
	} catch {
		return {};
	}
}

function checkToken(region, token) {
	const { aud = '', exp = 0, nbf = 0 } = claimsOf(token);
	const now = region.now() / 1000;
	const audiences = [STORAGE,
		`https://${region.account}.blob.core.windows.net`];
	const wrong = !audiences.includes(aud.replace(/\/$/, ''))
		? 'Audience validation failed. Audience did not match.'
		: !(exp > now && nbf <= now)
			? 'Lifetime validation failed. The token is expired.'
			: region.sim.opts.isRevoked?.(token)
				? 'The token was revoked.' : '';
	if (wrong)
		throw new Refusal(401, 'InvalidAuthenticationInfo', wrong, {
			'WWW-Authenticate': 'Bearer authorization_uri=' +
				'https://login.microsoftonline.com/common/oauth2/' +
				`authorize resource_id=${STORAGE}`,
		});
}

function checkSignature(region, call) {
	const given = Buffer.from(call.headers.authorization);
	const right = Buffer.from(`SharedKey ${region.account}:${signature(
		region, call.method, call.req.url, call.headers)}`);
	if (given.length !== right.length || !timingSafeEqual(given, right))
		throw new Refusal(403, 'AuthenticationFailed', 'The MAC signature ' +
			'found in the HTTP request is not the same as any computed ' +
			'signature.');
}

// ours: the region will act on it by its own right, so nobody else checks.
export function checkRights(region, call, ours) {
	const scheme = schemeOf(call);
	if (scheme === 'SharedKey') {
		checkSkew(region, call);
		if (ours)
			checkSignature(region, call);
	} else if (scheme === 'Bearer') {
		checkToken(region, call.headers.authorization.slice(7));
	} else if (call.query.has('sig')) {
		checkSasTimes(region, call.query);
	}
}

export const isBearer = (call) => schemeOf(call) === 'Bearer';

// What the caller may, for a request that is made for it: its SAS, the
// region's signature (for one that was checked), or nothing.
export function rightsOf(call) {
	if (call.headers.authorization)
		return { signed: true, sas: '' };
	const sas = new URLSearchParams([...call.query].filter(([name]) =>
		!ASKED.includes(name)));
	return { signed: false, sas: sas.toString() };
}
