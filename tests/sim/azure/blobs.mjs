// blobs.mjs -- what a cache does with the SAS URLs that it is given: whether
// it takes them, and the blobs that it writes and reads by them.
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { promisify } from 'node:util';
import zlib from 'node:zlib';

import {
	AnonymousCredential, BlobClient, ContainerClient,
	StorageSharedKeyCredential, newPipeline,
} from '@azure/storage-blob';

import { Refusal } from './refusal.mjs';

const HOUR = 3600000;
const PAGES = 4194304;

// Who reaches a blob by the URL alone, or by the key of its account: that is
// how a managed identity's right to it is played.
export function pipelineOf(url, accounts) {
	const name = accountOf(new URL(url));
	const credential = accounts === undefined ? new AnonymousCredential()
		: new StorageSharedKeyCredential(name, accounts[name].key);
	return newPipeline(credential, { retryOptions: { maxTries: 1 } });
}

function refuse(code, message) {
	throw new Refusal(400, code, message);
}

const unusable = 'One of the SAS URIs provided could not be used for the ' +
	'following reason: ';

// In a URL by address the account is the first segment, as Azurite has it.
export function accountOf(url) {
	const [host] = url.hostname.split('.');
	return /^([\d.]+|localhost|\[.*)$/.test(url.hostname)
		? url.pathname.split('/')[1] : host;
}

function checkTimes(sas) {
	const now = Date.now();
	const start = sas.get('st');
	if (!(Date.parse(sas.get('se')) >= now + HOUR) ||
		start !== null && !(Date.parse(start) <= now - HOUR / 4))
		refuse('BadRequest', `${unusable}The SAS token end time (se) must ` +
			'be at least 1 hour from now and the start time (st), if ' +
			'given, must be at least 15 minutes in the past.');
}

function checkPlace(url, cache, accounts) {
	const account = accounts[accountOf(url)];
	if (!account)
		return;
	if (account.region && account.region !== cache.region)
		refuse('BadRequest', `${unusable}The storage account is in ` +
			`'${account.region}'; it must be in the cache's region, ` +
			`'${cache.region}'.`);
	if (account.subscription && account.subscription !== cache.subscription)
		refuse('BadRequest', `${unusable}The storage account must be in ` +
			"the cache's subscription.");
	if (account.firewall)
		refuse('BadRequest', `${unusable}The storage account does not ` +
			'allow access from all networks.');
}

// permissions: letters that must be there.  The kind is 'c' or 'b'.
export function checkSas(text, kind, permissions, cache, accounts) {
	let url;
	try {
		url = new URL(text);
	} catch {
		refuse('BadRequest', `${unusable}It is no URI.`);
	}
	const sas = url.searchParams;
	if (!sas.get('sig') || !sas.get('sp') && !sas.get('si'))
		refuse('BadRequest', `${unusable}It has no SAS token.`);
	checkTimes(sas);
	if (kind === 'c' && !['c', null].includes(sas.get('sr')))
		refuse('BadRequest', `${unusable}It is not that of a container.`);
	const lacking = [...permissions].filter((p) =>
		sas.get('sp') !== null && !sas.get('sp').includes(p));
	if (lacking.length)
		refuse('BadRequest', `${unusable}The SAS token lacks permissions: ` +
			`'${lacking.join('')}'.`);
	checkPlace(url, cache, accounts);
}

// No pattern of names is told by anyone: so there is none.
export function anyName(i) {
	const random = randomBytes(9);
	return [
		() => `${random.toString('hex')}.rdb.gz`,
		() => random.toString('base64url'),
		() => `of ${random.toString('hex')}/${i} (a)`,
	][i % 3]();
}

export async function putGzip(container, pipeline, name, file) {
	const body = await promisify(zlib.gzip)(fs.readFileSync(file),
		{ level: 1 });
	await new ContainerClient(container, pipeline).getBlockBlobClient(name)
		.uploadData(body, { blockSize: 8 << 20, concurrency: 1 });
}

// A page blob's size is a multiple of 512: zeros follow the dump.
export async function putPages(container, pipeline, name, file) {
	const raw = fs.readFileSync(file);
	const body = Buffer.concat([raw, Buffer.alloc(-raw.length & 511)]);
	const blob = new ContainerClient(container, pipeline)
		.getPageBlobClient(name);
	await blob.create(body.length);
	for (let at = 0; at < body.length; at += PAGES) {
		const page = body.subarray(at, at + PAGES);
		await blob.uploadPages(page, at, page.length);
	}
}

// Either kind, gzip or not, as a raw dump.
export async function fetchDump(url, pipeline, file) {
	let body;
	try {
		body = await new BlobClient(url, pipeline).downloadToBuffer();
	} catch (e) {
		throw new Refusal(400, 'BadRequest', `${unusable}the storage ` +
			`account answered ${e.statusCode ?? e.code} ` +
			`${e.details?.errorCode ?? ''}.`);
	}
	if (body[0] === 0x1f && body[1] === 0x8b)
		body = await promisify(zlib.gunzip)(body);
	if (body.toString('latin1', 0, 5) !== 'REDIS')
		throw new Refusal(400, 'BadRequest', 'A blob is no RDB file.');
	fs.writeFileSync(file, body);
	return { file, version: Number(body.toString('latin1', 5, 9)) };
}
