// The stand-in for Microsoft.Cache/redis, as a plain client finds it.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { startAzure } from '../sim/azure/azure.mjs';
import { PlainClient } from '../sim/azure/plain_client.mjs';
import { Azurite } from './azurite.mjs';
import { DumpPlace, Ends } from './dump_place.mjs';
import {
	Redis, everyType, shopData, tempDir, tool, until,
} from './harness.mjs';

const version = 'api-version=2024-11-01';
const caches = '/resourceGroups/rg1/providers/Microsoft.Cache/redis';

// What all tests share.
let azurite;
const shared = new Ends();

before(async () => {
	azurite = await Azurite.start(shared);
});
after(() => shared.end());

async function premium(t, more = {}) {
	const [place, source, target] = await Promise.all([
		DumpPlace.make(azurite), Redis.start(t), Redis.start(t)]);
	const azure = await startAzure(t, { retryAfter: 0, accounts: {
		west: { key: azurite.keys.west } } });
	const opts = { region: 'West US 2', redisVersion: '7.0', ...more };
	azure.addPremium({ name: 'west', redis: [source], ...opts });
	azure.addPremium({ name: 'dr', redis: [target], ...opts });
	t.after(() => {
		assert.deepEqual(azure.violations, []);
		assert.deepEqual(azure.unfair, []);
		assert.deepEqual(azure.broken, []);
	});
	const client = new PlainClient(azure);
	const post = async (name, what, body) => client.follow(
		await client.ask('POST', `${caches}/${name}/${what}?${version}`,
			body));
	const get = async (name, tail = '') => (await client.ask('GET',
		`${caches}/${name}${tail}?${version}`)).body;
	return { azure, place, source, target, client, post, get };
}

test('an export is a page blob, and is imported', async (t) => {
	const { azure, place, source, target, post, get } = await premium(t);
	await source.pipe(everyType());
	await target.pipe([['SET', 'old', 'data']]);
	const done = await post('west', 'export',
		{ format: 'RDB', prefix: 'nightly', container: place.uri('west') });
	assert.equal(done.status, 200);
	const [name, ...none] = await place.names('west');
	assert.deepEqual(none, []);
	assert.match(name, /^nightly/);
	const bytes = await place.read('west', name);
	assert.equal(bytes.length % 512, 0);
	const { blobType } = await place.container('west')
		.getBlobClient(name).getProperties();
	assert.equal(blobType, 'PageBlob');
	const file = path.join(tempDir(t), 'dump');
	fs.writeFileSync(file, bytes);
	assert.match(await tool('redis-check-rdb', [file]), /RDB looks OK/);
	assert.equal((await post('dr', 'import', { format: 'RDB',
		files: await place.uris('west') })).status, 200);
	assert.equal(await target.digest(), await source.digest());
	assert.equal((await get('dr')).properties.provisioningState,
		'Succeeded');
	assert.ok(azure.asked('OperationResults_Get').length > 3);
	assert.equal((await post('dr', 'flush')).status, 200);
	assert.equal(await target.keys(), 0);
});

test("shards, by the cache's own identity", async (t) => {
	const { azure, place, source, target, post } = await premium(t,
		{ files: 3 });
	await source.pipe(await shopData(5));
	const body = { prefix: 'p', container: place.url('west'),
		'preferred-data-archive-auth-method': 'ManagedIdentity' };
	assert.equal((await post('west', 'export', body)).body.error.code,
		'BadRequest');
	for (const cache of azure.premium)
		cache.identity = true;
	assert.equal((await post('west', 'export', body)).status, 200);
	const names = await place.names('west');
	assert.equal(names.length, 3);
	assert.equal((await post('dr', 'import', {
		files: names.map((n) => `${place.url('west')}/${n}`),
		'preferred-data-archive-auth-method': 'ManagedIdentity',
	})).status, 200);
	assert.equal(await target.digest(), await source.digest());
});

test('the bare Conflict that it is known for', async (t) => {
	const { azure, place, post, get } = await premium(t);
	azure.script('Redis_ExportData', { operation: { at: 'half', fails: {
		code: 'Conflict', message: 'RequestID=1234' } } });
	const r = await post('west', 'export',
		{ prefix: 'p', container: place.uri('west') });
	assert.equal(r.status, 409);
	assert.deepEqual(r.body.error,
		{ code: 'Conflict', message: 'RequestID=1234' });
	assert.equal((await get('west')).properties.provisioningState,
		'Succeeded');
});

test('what a cache does not load', async (t) => {
	const { azure, place, source, target, post, get } = await premium(t);
	await source.pipe(everyType());
	await target.pipe([['SET', 'old', 'data']]);
	await post('west', 'export',
		{ prefix: 'p', container: place.uri('west') });
	const [, dr] = azure.premium;
	dr.redisVersion = '6.0';
	const body = { files: await place.uris('west') };
	const old = await post('dr', 'import', body);
	assert.match(old.body.error.message, /version 10; .* 9 at most/);
	assert.equal(await target.keys(), 1);
	dr.redisVersion = '7.0';
	dr.linkedServers = [{ name: 'west', serverRole: 'Primary' }];
	assert.match((await post('dr', 'import', body)).body.error.message,
		/secondary/);
	assert.equal((await get('dr', '/linkedServers')).value.length, 1);
	dr.linkedServers = [];
	const [name] = await place.names('west');
	const bytes = await place.read('west', name);
	bytes[bytes.length >> 1] ^= 1;
	await place.put('west', 'bad', bytes);
	const bad = await post('dr', 'import', { files: (await place.uris('west'))
		.filter((f) => f.includes('/bad?')) });
	assert.equal(bad.status, 409);
	assert.match(bad.body.error.message, /does not load/);
	assert.equal(await target.keys(), 0);
});

test('how an operation goes, and who asks too early', async (t) => {
	const { azure, client, get } = await premium(t);
	azure.script('Redis_FlushCache', { operation: { retryAfter: 1, polls: 1,
		fails: { code: 'InternalServerError', message: 'broke' },
		leaves: { provisioningState: 'Failed' } } });
	const { status, headers } = await client.ask('POST',
		`${caches}/dr/flush?${version}`);
	assert.equal(status, 202);
	const url = headers.get('azure-asyncoperation');
	assert.ok(url.length > 5900, url);
	const ask = () => client.ask('GET', url);
	assert.equal((await ask()).body.status, 'InProgress');
	assert.equal(azure.asked('AsyncOperationStatus_Get')[0].early, true);
	const { body } = await until('it has ended', async () => {
		const r = await ask();
		return r.body.status === 'InProgress' ? undefined : r;
	});
	assert.equal(body.status, 'Failed');
	assert.deepEqual(body.error,
		{ code: 'InternalServerError', message: 'broke' });
	assert.equal((await get('dr')).properties.provisioningState, 'Failed');
	// Who does not wait until he may come again is sent away again.
	azure.script('Redis_Get', { status: 429, retryAfter: 1 });
	const states = [];
	await until('it may be asked again', async () => {
		states.push((await client.ask('GET',
			`${caches}/dr?${version}`)).status);
		return states.at(-1) === 200;
	});
	assert.ok(states.length > 2, states.join());
	assert.ok(azure.asked('Redis_Get').some((e) => e.fault?.early));
	// Nothing in it may be changed.
	assert.equal((await client.ask('GET', `${url}x`)).status, 404);
	azure.script('Redis_Get', { headers: {
		'x-ms-ratelimit-remaining-subscription-reads': 3 } });
	const few = await client.ask('GET', `${caches}/dr?${version}`);
	assert.equal(few.headers.get(
		'x-ms-ratelimit-remaining-subscription-reads'), '3');
	assert.equal(few.body.properties.port, azure.premium[1].redis[0].port);
});
