// The stand-in for Azure Resource Manager, as Microsoft's own client finds it:
// that client is the witness that it is a fair one.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import {
	RedisEnterpriseManagementClient,
} from '@azure/arm-redisenterprisecache';

import { startAzure } from '../sim/azure/azure.mjs';
import { databaseId } from '../sim/azure/enterprise.mjs';
import { PlainClient } from '../sim/azure/plain_client.mjs';
import { Azurite } from './azurite.mjs';
import { Cluster } from './cluster.mjs';
import { DumpPlace, Ends } from './dump_place.mjs';
import { Redis, everyType, shopData, testCa, until } from './harness.mjs';

// What all tests share.
let azurite, ca;
const shared = new Ends();

before(async () => {
	[azurite, ca] = await Promise.all([Azurite.start(shared),
		testCa(shared)]);
});
after(() => shared.end());

// A token of the machine's identity, by IMDS.
function machine(azure) {
	return { async getToken(scope) {
		const resource = encodeURIComponent(
			String(scope).replace('.default', ''));
		const r = await fetch(`${azure.urls.imds}/metadata/identity/` +
			`oauth2/token?api-version=2018-02-01&resource=${resource}`,
		{ headers: { Metadata: 'true' } });
		const { access_token, expires_on } = await r.json();
		return { token: access_token,
			expiresOnTimestamp: 1000 * expires_on };
	} };
}

// Two caches in two regions, each with a storage account of its own.
async function twoRegions(t, { sources, opts = {}, west = {} } = {}) {
	const [place, target] = await Promise.all([
		DumpPlace.make(azurite), Redis.start(t)]);
	const source = sources ?? [await Redis.start(t)];
	const azure = await startAzure(t, {
		ca, retryAfter: 0, ...opts,
		accounts: { west: { region: 'westus2' },
			north: { region: 'northeurope' } },
	});
	azure.addEnterprise({ name: 'west', region: 'westus2', redis: source,
		...west });
	azure.addEnterprise({ name: 'dr', region: 'northeurope',
		redis: [target] });
	const client = new RedisEnterpriseManagementClient(
		machine(azure), azure.subscription,
		{
			endpoint: azure.urls.arm, retryOptions: { maxRetries: 3 },
			credentialScopes: 'https://management.azure.com/.default',
		});
	t.after(() => {
		assert.deepEqual(azure.violations, []);
		assert.deepEqual(azure.unfair, []);
		assert.deepEqual(azure.broken, []);
	});
	return { azure, place, client, target, source };
}

const soon = { updateIntervalInMs: 1 };

async function exported(client, place) {
	await client.databases.beginExportAndWait('rg1', 'west', 'default',
		{ sasUri: place.uri('west') }, soon);
}

test('export, copy and import of real data', async (t) => {
	const { azure, place, client, target, source: [source] } =
		await twoRegions(t);
	await source.pipe([...everyType(), ['SET', 'expires', '1', 'PXAT',
		Date.now() + 86400001]]);
	await target.pipe([['SET', 'old', 'data'], ['FUNCTION', 'LOAD',
		'#!lua name=old\nredis.register_function("o", function() end)']]);
	await exported(client, place);
	const names = await place.names('west');
	assert.equal(names.length, 1);
	const bytes = await place.read('west', names[0]);
	assert.equal(bytes.readUInt16BE(), 0x1f8b);
	await place.copy();
	await client.databases.beginImportAndWait('rg1', 'dr', 'default',
		{ sasUris: await place.uris('north') }, soon);
	assert.equal(await target.digest(), await source.digest());
	assert.deepEqual(await target.functions(), await source.functions());
	const [was, is] = await Promise.all([source, target].map((r) =>
		r.cli('-n', '15', 'pexpiretime', 'expires')));
	assert.equal(is, was);
	assert.equal(azure.asked('Databases_Import', 'dr').length, 1);
	assert.ok(azure.asked('OperationsStatus_Get').length > 4);
});

test('what the client reads of a cache and its database', async (t) => {
	const { azure, client } = await twoRegions(t);
	const cluster = await client.redisEnterprise.get('rg1', 'west');
	assert.equal(cluster.location, 'westus2');
	assert.equal(cluster.hostName, '127.0.0.1');
	assert.equal(cluster.provisioningState, 'Succeeded');
	const found = [];
	for await (const c of client.redisEnterprise.list())
		found.push(c.name);
	assert.deepEqual(found, ['west', 'dr']);
	const database = await client.databases.get('rg1', 'WEST', 'default');
	assert.equal(database.clusteringPolicy, 'OSSCluster');
	assert.equal(database.resourceState, 'Running');
	assert.deepEqual(await client.databases.listKeys('rg1', 'west',
		'default'), azure.enterprise[0].keys);
	for await (const d of client.databases.listByCluster('rg1', 'west'))
		assert.equal(d.id, database.id);
	await assert.rejects(client.databases.get('rg1', 'west', 'other'),
		{ statusCode: 404, code: 'ResourceNotFound' });
	await assert.rejects(client.redisEnterprise.get('rg2', 'west'),
		{ statusCode: 404, code: 'ResourceNotFound' });
});

test('the shards of a cluster, and a target of several', async (t) => {
	const [from, to] = await Promise.all([Cluster.start(t),
		Cluster.start(t, { primaries: 2 })]);
	const { azure, place, client } = await twoRegions(t,
		{ sources: from.primaries });
	azure.addEnterprise({ name: 'two', region: 'westus2',
		redis: to.primaries });
	const elsewhere = everyType().findIndex((c) => c[0] === 'SELECT');
	await from.pipe(everyType().slice(0, elsewhere));
	await exported(client, place);
	assert.equal((await place.names('west')).length, 3);
	await client.databases.beginImportAndWait('rg1', 'two', 'default',
		{ sasUris: await place.uris('west') }, soon);
	assert.equal(await to.keys(), await from.keys());
	assert.ok(await to.keys() > 15);
	for (const p of to.primaries)
		assert.deepEqual(await p.functions(),
			await from.primaries[0].functions());
});

test('one server as 24 shards', async (t) => {
	const { place, client, target, source: [source] } =
		await twoRegions(t, { west: { files: 24 } });
	await source.pipe(await shopData(5));
	await exported(client, place);
	assert.equal((await place.names('west')).length, 24);
	await client.databases.beginImportAndWait('rg1', 'dr', 'default',
		{ sasUris: await place.uris('west') }, soon)
		.then(() => assert.fail('of another region'), (e) =>
			assert.match(e.message, /must be in the cache's region/));
	await place.copy();
	await client.databases.beginImportAndWait('rg1', 'dr', 'default',
		{ sasUris: await place.uris('north') }, soon);
	assert.equal(await target.digest(), await source.digest());
});

// An import of a dump that lies in north, ready to be asked for.
async function dumped(t, more) {
	const at = await twoRegions(t, more);
	await at.source[0].pipe(everyType());
	await exported(at.client, at.place);
	await at.place.copy();
	const [uri] = await at.place.uris('north');
	const load = () => at.client.databases.beginImportAndWait('rg1', 'dr',
		'default', { sasUris: [uri] }, soon);
	return { ...at, uri, load };
}

test('throttled, and served when the time has come', async (t) => {
	const { azure, load, source: [source], target } = await dumped(t);
	azure.script('Databases_Import', { status: 429, retryAfter: 1,
		code: 'TooManyRequests' });
	azure.script('OperationsStatus_Get', { status: 429, retryAfter: 1,
		code: 'TooManyRequests' }, { nth: 2 });
	await load();
	assert.equal(await target.digest(), await source.digest());
	const posts = azure.asked('Databases_Import');
	assert.deepEqual(posts.map((p) => p.status), [429, 202]);
	assert.ok(posts[1].at - posts[0].at >= 990);
});

test('an import that fails half-way leaves nothing', async (t) => {
	const { azure, load, target } = await dumped(t);
	await target.pipe([['SET', 'old', 'data']]);
	const fails = { code: 'ImportFailed', message: 'out of memory' };
	for (const nesting of ['error', 'error.error']) {
		azure.script('Databases_Import', { operation: { fails, nesting,
			at: 'half' } });
		await assert.rejects(load());
		assert.equal(await target.keys(), 0);
	}
	// What fails before it began takes nothing away.
	await target.pipe([['SET', 'old', 'data']]);
	azure.script('Databases_Import', { operation: { fails, at: 'start',
		status: 'Canceled' } });
	await assert.rejects(load());
	assert.equal(await target.keys(), 1);
	const db = await fetchDatabase(azure);
	assert.equal(db.provisioningState, 'Succeeded');
});

async function fetchDatabase(azure, name = 'dr') {
	const { body } = await new PlainClient(azure).ask('GET',
		'/resourceGroups/rg1/providers/Microsoft.Cache/redisEnterprise/' +
		`${name}/databases/default?api-version=2025-07-01`);
	return body.properties;
}

test('while an import goes on, nobody is served', async (t) => {
	const { azure, load, client, source: [source], target } =
		await dumped(t);
	azure.script('Databases_Import', { operation: { hold: 'half' } });
	const loaded = load();
	await until('the import was taken', () =>
		azure.asked('Databases_Import')[0]?.status === 202);
	assert.equal((await fetchDatabase(azure)).resourceState, 'Updating');
	await assert.rejects(client.databases.beginExportAndWait('rg1', 'dr',
		'default', { sasUri: 'https://x.example/c?sig=1' }, soon),
	{ statusCode: 400 });
	await assert.rejects(load(), { statusCode: 409, code: 'Conflict' });
	await until('it is half done', () => azure.holds('Databases_Import'));
	const r = await target.tryCli(['ping']);
	assert.match(r.stdout + r.stderr, /Connection refused/);
	azure.release();
	await loaded;
	assert.equal(await target.digest(), await source.digest());
	assert.equal(await target.cli('ping'), 'PONG');
});

test('an answer that is lost after the import was taken', async (t) => {
	const { azure, uri, source: [source], target } = await dumped(t);
	azure.script('Databases_Import', { lost: 'answer' });
	await assert.rejects(new PlainClient(azure).ask('POST',
		'/resourceGroups/rg1/providers/Microsoft.Cache/redisEnterprise/dr' +
		'/databases/default/import?api-version=2025-07-01',
		{ sasUris: [uri] }));
	await until('the import has ended', async () =>
		(await fetchDatabase(azure)).resourceState === 'Running');
	assert.equal(await target.digest(), await source.digest());
	assert.equal(azure.asked('Databases_Import').length, 1);
});

test('a SAS that the cache does not take', async (t) => {
	const { client, place, azure } = await twoRegions(t);
	const start = (sasUri) => client.databases.beginExportAndWait('rg1',
		'west', 'default', { sasUri }, soon);
	const good = place.uri('west');
	for (const [uri, says] of [
		[place.uri('west', 'racwdlmt', 0.9), /1 hour from now/],
		[`${good}&st=${new Date().toISOString()}`, /15 minutes in the past/],
		[place.uri('west', 'rl'), /lacks permissions: 'acwdtm'/],
		[place.uri('north'), /the cache's region/],
		[`${place.url('west')}?x`, /no SAS token/],
	])
		await assert.rejects(start(uri), { statusCode: 400, message: says });
	// A signature that the storage account refuses shows while it works.
	await assert.rejects(start(good.replace(/sig=[^&]*/, 'sig=bogus')));
	assert.equal(azure.asked('Databases_Export').at(-1).status, 202);
	azure.enterprise[0].provisioningState = 'Updating';
	await assert.rejects(start(good), { statusCode: 409 });
});

test('tokens and rights', async (t) => {
	const { client, azure } = await twoRegions(t);
	const get = () => client.databases.get('rg1', 'west', 'default');
	await get();
	azure.tokens.revoke();
	await assert.rejects(get(), { statusCode: 401,
		code: 'ExpiredAuthenticationToken' });
	const [id] = azure.identities;
	const action = 'Microsoft.Cache/redisEnterprise/databases/read';
	azure.deny(action);
	const fresh = new RedisEnterpriseManagementClient(machine(azure),
		azure.subscription, {
			endpoint: azure.urls.arm,
			credentialScopes: 'https://management.azure.com/.default',
		});
	await assert.rejects(fresh.databases.get('rg1', 'west', 'default'), {
		statusCode: 403, code: 'AuthorizationFailed',
		message: new RegExp(`${id.objectId}.*${action}`),
	});
	azure.allow();
	await fresh.databases.get('rg1', 'west', 'default');
	const other = new RedisEnterpriseManagementClient(machine(azure),
		azure.subscription, {
			endpoint: azure.urls.arm,
			credentialScopes: 'https://storage.azure.com/.default',
		});
	await assert.rejects(other.databases.get('rg1', 'west', 'default'), {
		statusCode: 401, code: 'InvalidAuthenticationTokenAudience' });
});

test('a request of another shape is a violation', async (t) => {
	const redis = await Redis.start(t);
	const azure = await startAzure(t, { ca });
	azure.addEnterprise({ name: 'west', region: 'westus2', redis: [redis] });
	const client = new PlainClient(azure);
	const post = (path, body, type = 'application/json') => client.ask(
		'POST', `/resourceGroups/rg1/providers/Microsoft.Cache${path}`,
		body, body && { 'Content-Type': type });
	const at = '/redisEnterprise/west/databases/default';
	const sasUri = 'https://a.example/c?sig=x';
	for (const [status, ...args] of [
		[404, `${at}/exports?api-version=2025-07-01`, { sasUri }],
		[400, `${at}/export?api-version=2019-01-01`, { sasUri }],
		[400, `${at}/export`, { sasUri }],
		[400, `${at}/export?api-version=2025-07-01`, { sasUri, prefix: 'x' }],
		[400, `${at}/export?api-version=2025-07-01`, { sasUris: [sasUri] }],
		[400, `${at}/export?api-version=2025-07-01`, { sasUri }, 'text/plain'],
		[400, `${at}/export?api-version=2025-07-01`],
		[400, `${at}/import?api-version=2025-07-01`, { sasUris: sasUri }],
		[400, `${at}/listKeys?api-version=2025-07-01`, {}],
	]) {
		const before = azure.violations.length;
		assert.equal((await post(...args)).status, status, args[0]);
		assert.equal(azure.violations.length, before + 1, args[0]);
	}
});

test('an operation that does not end, and one that nobody may look at',
	async (t) => {
		const { azure, target } = await twoRegions(t);
		const client = new PlainClient(azure);
		const flush = (location) => client.ask('POST', '/resourceGroups' +
			'/rg1/providers/Microsoft.Cache/redisEnterprise/dr/databases' +
			'/default/flush?api-version=2025-07-01').then((r) => {
			assert.equal(r.status, 202);
			assert.equal(r.headers.get('location'), location);
			return r.headers.get('azure-asyncoperation');
		});
		const status = async (url) => (await client.ask('GET', url)).body;
		await target.pipe([['SET', 'old', 'data']]);
		azure.script('Databases_Flush', { operation: { endless: true } });
		const url = await flush(null);
		await until('it is flushed', async () => await target.keys() === 0);
		for (let i = 0; i < 10; i++)
			assert.equal((await status(url)).status, 'InProgress');
		assert.equal((await fetchDatabase(azure)).resourceState, 'Updating');
		azure.deny('Microsoft.Cache/locations/operationsStatus/read');
		assert.equal((await status(url)).error.code, 'AuthorizationFailed');
		azure.allow();
		azure.script('OperationsStatus_Get', { lost: 'request' });
		await assert.rejects(status(url));
		azure.script('arm', { status: 502, body: '<html>Bad Gateway</html>' });
		await assert.rejects(status(url), SyntaxError);
		assert.equal((await status(url)).status, 'InProgress');
	});

test('a database that is linked, or whose keys are no more', async (t) => {
	const { azure, client, load, source: [source], target } =
		await dumped(t);
	const [west, dr] = azure.enterprise;
	dr.accessKeysAuthentication = 'Disabled';
	await assert.rejects(client.databases.listKeys('rg1', 'dr', 'default'),
		{ statusCode: 400 });
	dr.geoReplication = { groupNickname: 'g', linkedDatabases: [west, dr]
		.map((c) => ({ id: databaseId(c), state: 'Linked' })) };
	const { geoReplication } = await client.databases.get('rg1', 'dr',
		'default');
	assert.equal(geoReplication.linkedDatabases.length, 2);
	await assert.rejects(load(), { statusCode: 400, message: /unlink it/ });
	await client.databases.beginForceUnlinkAndWait('rg1', 'dr', 'default',
		{ ids: [databaseId(west)] }, soon);
	await load();
	assert.equal(await target.digest(), await source.digest());
});
