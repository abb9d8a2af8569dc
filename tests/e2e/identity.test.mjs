// Who drsync is to Azure: each kind of identity gets its token, and what that
// opens: stores, a Redis, secrets in a vault.
import assert from 'node:assert/strict';
import {
	generateKeyPairSync, randomBytes, randomUUID, sign,
} from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { startAzure } from '../sim/azure/azure.mjs';
import { Azurite } from './azurite.mjs';
import {
	EXIT, Job, Redis, everyType, tempDir, testCa, tlsOptions, tool,
} from './harness.mjs';

const STORAGE = 'https://storage.azure.com';
const REDIS = 'https://redis.azure.com';
const VAULT = 'https://vault.azure.net';

const bare = (audience) => audience.replace(/\/+$/, '');

// Of all that were issued, those for that audience.
const tokensFor = (azure, audience) => azure.tokens.issued.filter((i) =>
	bare(i.audience) === audience);

async function start(t, opts) {
	const ca = await testCa(t);
	const azure = await startAzure(t, { ca, ...opts });
	t.after(() => {
		assert.deepEqual(azure.violations, []);
		assert.deepEqual(azure.unfair, []);
		assert.deepEqual(azure.broken, []);
	});
	return { ca, azure };
}

// Two accounts that take bearer tokens, and a job that gives nothing else.
async function stores(t, ca, more) {
	const azurite = await Azurite.start(t, { ca, oauth: true });
	const job = new Job(t, more);
	job.stores = ['--store', azurite.store('west')];
	job.drStore = ['--dr-store', azurite.store('north')];
	job.args = ['--ca-file', ca.ca];
	return { azurite, job };
}

async function identityOf(job, ...args) {
	const doc = JSON.parse(
		(await job.run('check', '--json', ...args)).stdout);
	return doc.checks.find((c) => c.what === 'identity');
}

// A cluster that signs for what runs in it: its key, and such a token's file.
function federation(file) {
	const { publicKey, privateKey } = generateKeyPairSync('rsa',
		{ modulusLength: 2048 });
	const federated = { issuer: 'https://cluster.example/',
		subject: 'system:serviceaccount:dr:drsync',
		publicKey: publicKey.export({ type: 'spki', format: 'pem' }) };
	const encode = (o) => Buffer.from(JSON.stringify(o)).toString('base64url');
	const text = `${encode({ alg: 'RS256' })}.` + encode({
		iss: federated.issuer, sub: federated.subject,
		aud: 'api://AzureADTokenExchange',
		exp: Math.floor(Date.now() / 1000) + 600,
	});
	fs.writeFileSync(file, `${text}.` + sign('sha256', text, privateKey)
		.toString('base64url'));
	return federated;
}

test('each kind of identity is asked for a token', async (t) => {
	const { ca, azure } = await start(t);
	const { job } = await stores(t, ca);
	const dir = tempDir(t);
	const file = (name) => path.join(dir, name);
	await tool('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes',
		'-days', '2', '-subj', '/CN=drsync', '-keyout', 'key', '-out', 'crt'],
	{ cwd: dir });
	const certificate = fs.readFileSync(file('crt'), 'utf8');
	fs.writeFileSync(file('both.pem'),
		fs.readFileSync(file('key'), 'utf8') + certificate);

	const user = azure.addIdentity({ kind: 'user', name: 'backup' });
	const secret = azure.addIdentity({ kind: 'app', secret: 'a & b=c' });
	const signer = azure.addIdentity({ kind: 'app', certificate });
	const pod = azure.addIdentity({ kind: 'app',
		federated: federation(file('token')) });
	const login = { AZURE_TENANT_ID: azure.tenant,
		AZURE_AUTHORITY_HOST: azure.urls.login };
	const { vm, appService, arc } = azure.env;
	const [machine] = azure.identities;
	const kinds = [
		[/of this machine \(IMDS\)/, machine, vm],
		[/backup of this machine/, user, vm,
			'--identity-resource-id', user.resourceId],
		[/of this machine/, user, vm, '--identity', 'imds',
			'--identity-object-id', user.objectId],
		[/of this app \(App Service\)/, machine, appService],
		[/of this app/, user, appService,
			'--identity-client-id', user.clientId],
		[/of this server \(Azure Arc\)/, machine, arc,
			'--identity-arc-dir', azure.arcDir],
		[/\(by its secret\)/, secret, { ...login,
			AZURE_CLIENT_ID: secret.clientId, AZURE_CLIENT_SECRET: 'a & b=c' }],
		[/\(by its secret\)/, secret, { SECRET: 'a & b=c' },
			'--identity', 'secret', '--identity-secret', 'env:SECRET',
			'--identity-tenant', azure.tenant, '--endpoint-login',
			azure.urls.login, '--identity-client-id', secret.clientId],
		[/\(by its certificate\)/, signer, login, '--identity-client-id',
			signer.clientId, '--identity-certificate', file('both.pem')],
		[/\(federated\)/, pod, { ...login, AZURE_CLIENT_ID: pod.clientId,
			AZURE_FEDERATED_TOKEN_FILE: file('token') }],
	];
	for (const [name, identity, env, ...args] of kinds) {
		job.env = env;
		const seen = azure.tokens.issued.length;
		const r = await identityOf(job, ...args);
		assert.equal(r.result, 'good', r.detail);
		assert.match(r.detail, name);
		assert.match(r.detail,
			new RegExp(`object id ${identity.objectId}: tokens for storage$`));
		// One serves all that the command does.
		assert.deepEqual(azure.tokens.issued.slice(seen)
			.map((i) => [bare(i.audience), i.identity.objectId]),
		[[STORAGE, identity.objectId]]);
		await job.ok('check', ...args);
	}
});

test('a token that is given is used, and none is asked for', async (t) => {
	const { ca, azure } = await start(t);
	const { job } = await stores(t, ca);
	const { token } = azure.tokens.issue(azure.identities[0], STORAGE);
	job.env = { TOKEN: token };
	job.args.push('--identity', 'token', '--identity-secret', 'env:TOKEN');
	const r = await identityOf(job);
	assert.equal(r.result, 'good', r.detail);
	await job.ok('check');
	assert.equal(azure.tokens.issued.length, 1);
	job.env = { TOKEN: `${token}x.y` };
	await job.fails(EXIT.AUTH, /./, 'list');
});

test('an identity that cannot be had is told, and what to do', async (t) => {
	const { ca, azure } = await start(t);
	const { job } = await stores(t, ca);
	const app = azure.addIdentity({ kind: 'app', secret: 'right' });
	const login = { AZURE_TENANT_ID: azure.tenant,
		AZURE_AUTHORITY_HOST: azure.urls.login,
		AZURE_CLIENT_ID: app.clientId };
	for (const [kind, says, env, ...args] of [
		[EXIT.AUTH, /400 invalid_request: Identity not found .*; assign it to the/,
			azure.env.vm, '--identity-client-id', randomUUID()],
		[EXIT.AUTH, /401 invalid_client: AADSTS7000215/,
			{ ...login, AZURE_CLIENT_SECRET: 'wrong-one' }],
		[EXIT.AUTH, /AADSTS90002/, { ...login, AZURE_CLIENT_SECRET: 'right',
			AZURE_TENANT_ID: 'nowhere.example' }],
		[EXIT.AUTH, /no identity here/,
			{ AZURE_POD_IDENTITY_AUTHORITY_HOST: 'http://127.0.0.1:1' }],
		[EXIT.AUTH, /not in|no challenge of its own/, azure.env.arc],
		[EXIT.USAGE, /needs a tenant.*AZURE_TENANT_ID/, {},
			'--identity', 'secret', '--identity-secret', 'env:HOME'],
	]) {
		job.env = env;
		const r = await job.run('list', ...args);
		assert.equal(r.code, kind, r.stderr);
		assert.match(r.stderr, says);
		assert.doesNotMatch(r.stderr, /wrong-one/);
	}
	// Where none is wanted the store is asked for without.
	job.env = azure.env.vm;
	const seen = azure.tokens.issued.length;
	await job.fails(EXIT.AUTH, /./, 'list', '--identity', 'none');
	assert.equal(azure.tokens.issued.length, seen);
});

test('a sync between two accounts by the machine\'s identity', async (t) => {
	const [source, target] = await Promise.all([
		Redis.start(t), Redis.start(t)]);
	const { ca, azure } = await start(t);
	const { job, azurite } = await stores(t, ca, { source, target });
	await source.pipe(everyType());
	job.env = azure.env.vm;
	const { snapshot, comparison } = await job.ok('sync');
	assert.equal(comparison.same, true);
	assert.equal(await target.digest(), await source.digest());
	assert.ok((await azurite.names('north')).includes(
		`shop/${snapshot.id}/manifest.json`));
	assert.equal(tokensFor(azure, STORAGE).length, 1);
	await job.assertListedIsGood();
});

test('a token that ended in mid-run is replaced', async (t) => {
	const [source, target] = await Promise.all([
		Redis.start(t), Redis.start(t)]);
	// So short that each is to be renewed when it comes.
	const { ca, azure } = await start(t, { tokenLifetime: 60 });
	const { job } = await stores(t, ca, { source, target });
	await source.pipe(everyType());
	job.env = azure.env.vm;
	const { comparison } = await job.ok('sync');
	assert.equal(comparison.same, true);
	assert.ok(tokensFor(azure, STORAGE).length > 3);
});

test('both Redis are logged in to by a token', async (t) => {
	const { ca, azure } = await start(t);
	const requirepass = randomBytes(8).toString('hex');
	const [source, target] = await Promise.all([1, 2].map(() =>
		Redis.start(t, tlsOptions(ca, { requirepass }))));
	const job = new Job(t, { source, target, env: azure.env.vm,
		args: ['--source-tls-ca', ca.ca, '--target-tls-ca', ca.ca,
			'--target-auth', 'entra', '--restorer', 'restore'] });
	[source, target].forEach((redis, i) => azure.addEnterprise(
		{ name: `cache${i}`, region: 'westus2', redis: [redis],
			entra: true }));
	await source.pipe(everyType());
	await job.fails(EXIT.AUTH, /NOAUTH/, 'sync');
	job.args.push('--source-auth', 'entra');
	assert.match((await identityOf(job)).detail,
		/object id \S+: tokens for Redis$/);
	const before = tokensFor(azure, REDIS).length;
	assert.equal((await job.ok('sync')).comparison.same, true);
	// One token does for all of the connections.
	assert.equal(tokensFor(azure, REDIS).length, before + 1);
	// Another audience is asked for where a cloud has one.
	const other = 'acca5fbb-b7e4-4009-81f1-37e38fd66d78';
	await job.ok('check', '--redis-audience', other);
	assert.equal(tokensFor(azure, other).length, 1);
	assert.equal(tokensFor(azure, REDIS).length, before + 1);
	// A user that is named is meant.
	await job.fails(EXIT.AUTH, /by Entra as user 'default': '127[^:]*:\d+': WRONGPASS/,
		'sync', '--source-user', 'default');
});

// The last minutes of a token are all that these live.
test('a connection that outlives its token shows a fresh one', async (t) => {
	const { ca, azure } = await start(t, { tokenLifetime: 100 });
	const requirepass = randomBytes(8).toString('hex');
	const [source, target] = await Promise.all([
		Redis.start(t, tlsOptions(ca, { requirepass })), Redis.start(t)]);
	azure.addEnterprise({ name: 'cache', region: 'westus2', redis: [source],
		entra: true });
	await source.pipe(Array.from({ length: 20000 },
		(_, i) => ['set', `key${i}`, `value${i}`]));
	const job = new Job(t, { source, target, env: azure.env.vm,
		args: ['--source-tls-ca', ca.ca, '--source-auth', 'entra',
			'--source-way', 'scan', '--allow-inconsistent', 'yes'] });
	assert.equal((await job.ok('sync')).comparison.same, true);
	const count = async (section, name) => Number((await source.cli('info',
		section)).match(new RegExp(`${name}(\\d+)`))[1]);
	// More than one on some of them.
	assert.ok(await count('commandstats', 'cmdstat_auth:calls=') >
		await count('stats', 'total_connections_received:'));
});

test('a token for Redis does not go out in the clear', async (t) => {
	const { azure } = await start(t);
	const job = new Job(t, { env: azure.env.vm });
	await job.fails(EXIT.USAGE, /in the clear; use rediss:\/\//, 'snapshot',
		'--source', 'redis://cache.example:6379', '--source-auth', 'entra');
	assert.equal(azure.tokens.issued.length, 0);
});

test('secrets are read from Key Vault', async (t) => {
	const { ca, azure } = await start(t);
	const requirepass = randomBytes(8).toString('hex');
	const [source, azurite] = await Promise.all([
		Redis.start(t, { requirepass }), Azurite.start(t, { ca })]);
	const vault = await azure.addVault({ name: 'ops', secrets: {
		redis: requirepass, west: azurite.keys.west,
		cipher: randomBytes(32).toString('hex') } });
	const reference = (name) => `keyvault:${vault.url}/secrets/${name}`;
	const job = new Job(t, { source, env: azure.env.vm,
		args: ['--ca-file', ca.ca, '--endpoint-keyvault',
			new URL(vault.url).hostname] });
	job.stores = ['--store', azurite.store('west'),
		'--store-key', reference('west')];
	job.drStore = [];
	await source.pipe(everyType());
	const args = ['--source-password', reference('redis'),
		'--cipher-key', reference('cipher')];
	const { id } = (await job.ok('snapshot', ...args)).snapshot;
	await job.ok('verify', id, '--cipher-key', reference('cipher'));
	assert.equal(tokensFor(azure, VAULT).length, 2);
	assert.match((await identityOf(job, ...args)).detail,
		/tokens for Key Vault$/);

	await job.fails(EXIT.FAILED, /'cipher_key'.*SecretNotFound/, 'snapshot',
		'--source-password', reference('redis'), '--cipher-key',
		reference('nothing'));
	// No other host is given the token.
	await job.fails(EXIT.USAGE,
		/'source.password'.*not in a vault of this cloud/, 'snapshot',
		'--source-password',
		'keyvault:https://evil.example/secrets/redis');
	await job.fails(EXIT.USAGE, /a secret in Key Vault is named by/, 'snapshot',
		'--source-password', 'keyvault:https://ops.vault.azure.net/keys/x');
});

test('an identity of the configuration file', async (t) => {
	const { ca, azure } = await start(t);
	const { job } = await stores(t, ca);
	const app = azure.addIdentity({ kind: 'app', secret: 'right' });
	const config = path.join(job.dir, 'drsync.json');
	fs.writeFileSync(config, JSON.stringify({
		cloud: 'public', endpoints: { login: azure.urls.login },
		identity: { kind: 'secret', tenant: azure.tenant,
			client_id: app.clientId, secret: { env: 'SECRET' } },
	}));
	job.env = { SECRET: 'right' };
	await job.ok('check', '--config', config);
	fs.writeFileSync(config, JSON.stringify({
		identity: { kind: 'secret', secret: { keyvault:
			'https://ops.vault.azure.net/secrets/x' } },
	}));
	await job.fails(EXIT.USAGE, /by reference only: env:NAME or file:PATH/,
		'check', '--config', config);
	fs.writeFileSync(config, JSON.stringify({ identity: { tennant: 'x' } }));
	await job.fails(EXIT.USAGE, /is 'identity.tenant' meant/, 'check',
		'--config', config);
});
