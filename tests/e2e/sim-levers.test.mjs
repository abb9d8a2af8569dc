// The stand-ins for what leads clients elsewhere, as a plain client finds
// them: Traffic Manager, DNS zones, App Configuration, Key Vault.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { startAzure } from '../sim/azure/azure.mjs';
import { listenControl } from '../sim/azure/control.mjs';
import { PlainClient } from '../sim/azure/plain_client.mjs';
import { Redis } from './harness.mjs';

const network = '/resourceGroups/rg1/providers/Microsoft.Network';

async function start(t) {
	const azure = await startAzure(t);
	t.after(() => {
		assert.deepEqual(azure.unfair, []);
		assert.deepEqual(azure.broken, []);
	});
	return { azure, client: new PlainClient(azure) };
}

test('endpoints of Traffic Manager', async (t) => {
	const { azure, client } = await start(t);
	azure.addProfile({ name: 'shop', endpoints: ['west', 'north'].map(
		(name, i) => ({ type: 'ExternalEndpoints', name, priority: i + 1,
			target: `${name}.example` })) });
	const at = `${network}/trafficmanagerprofiles/shop`;
	const tail = '?api-version=2022-04-01';
	const ask = (method, name, properties) => client.ask(method,
		`${at}/ExternalEndpoints/${name}${tail}`,
		properties && { properties });
	const off = await ask('PATCH', 'west', { endpointStatus: 'Disabled' });
	assert.equal(off.body.properties.endpointMonitorStatus, 'Disabled');
	await ask('PATCH', 'west', { endpointStatus: 'Enabled' });
	const seen = [];
	for (let i = 0; i < 2; i++)
		seen.push((await ask('GET', 'west')).body.properties
			.endpointMonitorStatus);
	assert.deepEqual(seen, ['CheckingEndpoint', 'Online']);
	assert.equal((await ask('PATCH', 'north', { priority: 1 })).status, 400);
	await ask('PATCH', 'north', { target: 'east.example' });
	const profile = await client.ask('GET', at + tail);
	assert.deepEqual(profile.body.properties.endpoints.map((e) =>
		e.properties.target), ['west.example', 'east.example']);
	assert.equal((await ask('GET', 'south')).status, 404);
	assert.deepEqual(azure.violations, []);
	assert.equal((await ask('PATCH', 'west', { endpointstatus: 'x' })).status,
		400);
	assert.equal(azure.violations.length, 1);
});

for (const [kind, path, version, ttl, record] of [
	['public', 'dnsZones', '2018-05-01', 'TTL', 'CNAMERecord'],
	['private', 'privateDnsZones', '2020-06-01', 'ttl', 'cnameRecord'],
])
	test(`CNAMEs of a ${kind} zone`, async (t) => {
		const { azure, client } = await start(t);
		azure.addZone({ name: 'shop.example', kind,
			records: { Redis: { cname: 'west.example' } } });
		const ask = (method, name, cname, headers) => client.ask(method,
			`${network}/${path}/shop.example/CNAME/${name}` +
			`?api-version=${version}`, cname && { properties:
				{ [ttl]: 30, [record]: { cname } } }, headers);
		const { etag, name } = (await ask('GET', 'redis')).body;
		assert.equal(name, kind === 'public' ? 'Redis' : 'redis');
		const put = await ask('PUT', 'redis', 'north.example',
			{ 'If-Match': etag });
		assert.equal(put.status, 200);
		assert.notEqual(put.body.etag, etag);
		assert.deepEqual(put.body.properties[record],
			{ cname: 'north.example' });
		assert.equal((await ask('PUT', 'redis', 'x.example',
			{ 'If-Match': etag })).status, 412);
		assert.equal((await ask('PUT', 'redis', 'x.example',
			{ 'If-None-Match': '*' })).status, 412);
		assert.equal((await ask('PUT', 'other', 'x.example',
			{ 'If-None-Match': '*' })).status, 201);
		assert.equal((await ask('DELETE', 'other')).status, 200);
		assert.equal((await ask('GET', 'other')).status, 404);
		assert.deepEqual(azure.violations, []);
		await client.ask('PUT', `${network}/${path}/shop.example/CNAME/x` +
			`?api-version=${version}`, { properties: { tTl: 30 } });
		assert.equal(azure.violations.length, 1);
	});

test('App Configuration, by ARM and at its own address', async (t) => {
	const { azure, client } = await start(t);
	const store = await azure.addStore({ name: 'contoso',
		values: { 'redis/host': 'west.example' } });
	const data = new PlainClient(azure, 'https://azconfig.io');
	const url = `${store.url}/kv/redis%2Fhost?api-version=2023-11-01`;
	const type = { 'Content-Type':
		'application/vnd.microsoft.appconfig.kv+json' };
	const { body, headers } = await data.ask('GET', url);
	assert.equal(body.value, 'west.example');
	assert.equal(headers.get('etag'), `"${body.etag}"`);
	const match = { ...type, 'If-Match': headers.get('etag') };
	assert.equal((await data.ask('PUT', url, { value: 'north.example' },
		match)).status, 200);
	assert.equal((await data.ask('PUT', url, { value: 'x' }, match)).status,
		412);
	assert.equal((await data.ask('GET', `${url}&label=dr`)).status, 404);
	assert.equal((await client.ask('GET', url)).status, 401);
	const arm = '/resourceGroups/rg1/providers/Microsoft.AppConfiguration' +
		'/configurationStores/contoso/keyValues/redis%2Fhost' +
		'$dr?api-version=2023-03-01';
	await client.ask('PUT', arm, { properties: { value: 'dr.example' } });
	assert.equal((await data.ask('GET', `${url}&label=dr`)).body.value,
		'dr.example');
	assert.equal((await client.ask('GET', arm)).body.properties.label, 'dr');
	assert.equal((await data.ask('GET', url)).body.value, 'north.example');
	assert.deepEqual(azure.violations, []);
});

test('secrets of a Key Vault', async (t) => {
	const { azure } = await start(t);
	const vault = await azure.addVault({ name: 'safe',
		secrets: { 'redis-key': 'old' } });
	const client = new PlainClient(azure, 'https://vault.azure.net');
	const at = (name, tail = '') => `${vault.url}/secrets/${name}${tail}` +
		'?api-version=7.5';
	const old = (await client.ask('GET', at('redis-key'))).body;
	assert.equal(old.value, 'old');
	assert.equal((await client.ask('PUT', at('redis-key'),
		{ value: 'new' })).body.value, 'new');
	assert.equal((await client.ask('GET', at('redis-key'))).body.value,
		'new');
	assert.equal((await client.ask('GET', `${old.id}?api-version=7.5`)).body
		.value, 'old');
	const none = await client.ask('GET', at('other'));
	assert.equal(none.body.error.code, 'SecretNotFound');
	const anonymous = await fetch(at('redis-key'));
	assert.equal(anonymous.status, 401);
	assert.match(anonymous.headers.get('www-authenticate'),
		/resource="https:\/\/vault\.azure\.net"/);
	azure.deny('Microsoft.KeyVault/vaults/secrets/getSecret/action');
	assert.equal((await client.ask('GET', at('redis-key'))).status, 403);
	assert.deepEqual(azure.violations, []);
});

test('led from another process', async (t) => {
	const { azure, client } = await start(t);
	const control = await listenControl(azure);
	t.after(() => control.stop());
	const redis = await Redis.start(t);
	azure.addPremium({ name: 'west', region: 'westus2', redis: [redis] });
	const post = async (what, body) => (await fetch(
		`${control.url}/${what}`, { method: 'POST',
			body: body && JSON.stringify(body) })).status;
	const read = async (what) =>
		(await fetch(`${control.url}/${what}`)).json();
	const ask = async () => await client.ask('GET', '/resourceGroups/rg1' +
		'/providers/Microsoft.Cache/redis/west?api-version=2024-11-01');
	assert.equal(await post('script', { on: 'Redis_Get west',
		fault: { status: 503 }, times: 2 }), 200);
	assert.equal((await ask()).status, 503);
	await post('clear');
	await post('premium/west', { redisVersion: '4.0' });
	assert.equal((await ask()).body.properties.redisVersion, '4.0');
	await post('deny', { action: 'Microsoft.Cache/redis/read' });
	assert.equal((await ask()).status, 403);
	await post('allow');
	await post('revoke');
	assert.equal((await ask()).status, 401);
	assert.equal(await post('premium/east', {}), 400);
	assert.equal(await post('nothing'), 400);
	assert.deepEqual((await read('log')).map((e) => e.status),
		[503, 200, 403, 401]);
	assert.deepEqual(await read('violations'), []);
});
