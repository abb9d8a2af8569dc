// The stand-ins for the endpoints that hand out tokens: Microsoft's own
// library gets its tokens from them, and what that does not try is asked for
// plainly.
import assert from 'node:assert/strict';
import {
	X509Certificate, constants, createHash, createPrivateKey,
	generateKeyPairSync, randomUUID, sign,
} from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import tls from 'node:tls';

import {
	ClientAssertionCredential, ClientCertificateCredential,
	ClientSecretCredential, ManagedIdentityCredential,
} from '@azure/identity';

import { startAzure } from '../sim/azure/azure.mjs';
import { RedisConn } from '../sim/azure/redis_conn.mjs';
import { Redis, tempDir, testCa, until } from './harness.mjs';

const ARM = 'https://management.azure.com/';
const SCOPE = `${ARM}.default`;

function claims(token) {
	return JSON.parse(Buffer.from(token.split('.')[1], 'base64url'));
}

async function get(url, query, headers = {}) {
	const r = await fetch(`${url}?${new URLSearchParams(query)}`,
		{ headers });
	return { status: r.status, headers: r.headers, body: await r.json() };
}

async function start(t, opts) {
	const azure = await startAzure(t, opts);
	t.after(() => {
		assert.deepEqual(azure.unfair, []);
		assert.deepEqual(azure.broken, []);
	});
	return azure;
}

const imdsPath = '/metadata/identity/oauth2/token';
const imdsQuery = { 'api-version': '2018-02-01', resource: ARM };

test('a virtual machine, by its metadata service', async (t) => {
	const azure = await start(t);
	const ask = (more = {}, headers = { Metadata: 'true' }) =>
		get(azure.urls.imds + imdsPath, { ...imdsQuery, ...more }, headers);
	const { status, body } = await ask();
	assert.equal(status, 200);
	assert.equal(body.expires_in, '3599');
	assert.match(body.expires_on, /^\d+$/);
	assert.equal(claims(body.access_token).aud, ARM);
	assert.ok(body.access_token.length > 1500);
	for (const [more, headers] of [[{}, {}],
		[{}, { Metadata: 'True' }],
		[{}, { Metadata: 'true', 'X-Forwarded-For': '1.2.3.4' }],
		[{ client_id: randomUUID() }]]) {
		const r = await ask(more, headers);
		assert.equal(r.status, 400);
		assert.equal(r.body.error, 'invalid_request');
	}
	azure.script('imds', { status: 410 }, { times: 2 });
	azure.script('imds', { status: 404 }, { nth: 3 });
	const seen = [];
	for (let i = 0; i < 4; i++)
		seen.push((await ask()).status);
	assert.deepEqual(seen, [410, 410, 404, 200]);
});

test('identities of users are told apart by what is selected', async (t) => {
	const azure = await start(t);
	azure.identities.pop();
	const [one, two] = ['one', 'two'].map((name) =>
		azure.addIdentity({ kind: 'user', name }));
	const ask = (more = {}) => get(azure.urls.imds + imdsPath,
		{ ...imdsQuery, ...more }, { Metadata: 'true' });
	const oid = async (more) =>
		claims((await ask(more)).body.access_token).oid;
	assert.equal((await ask()).status, 400);
	assert.equal(await oid({ client_id: one.clientId }), one.objectId);
	assert.equal(await oid({ object_id: two.objectId }), two.objectId);
	assert.equal(await oid({ msi_res_id: two.resourceId }), two.objectId);
	assert.equal((await ask({ client_id: one.clientId,
		object_id: one.objectId })).status, 400);
	azure.identities.pop();
	assert.equal(await oid(), one.objectId);
});

test('an app of App Service', async (t) => {
	const azure = await start(t);
	const user = azure.addIdentity({ kind: 'user', name: 'app' });
	const { IDENTITY_ENDPOINT, IDENTITY_HEADER } = azure.env.appService;
	const ask = (more = {}, header = IDENTITY_HEADER) =>
		get(IDENTITY_ENDPOINT, { 'api-version': '2019-08-01', resource: ARM,
			...more }, { 'X-IDENTITY-HEADER': header });
	const { body } = await ask();
	assert.deepEqual(Object.keys(body).sort(), ['access_token', 'client_id',
		'expires_on', 'resource', 'token_type']);
	const other = await ask({ mi_res_id: user.resourceId });
	assert.equal(other.body.client_id, user.clientId);
	assert.equal((await ask({}, 'bogus')).status, 401);
	assert.equal((await get(IDENTITY_ENDPOINT,
		{ 'api-version': '2019-08-01' },
		{ 'X-IDENTITY-HEADER': IDENTITY_HEADER })).status, 400);
	assert.equal((await ask({ msi_res_id: user.resourceId })).status, 400);
	assert.equal(azure.violations.length, 2);
});

test('a machine of Azure Arc proves that it reads a file', async (t) => {
	const azure = await start(t);
	const ask = (headers) => get(azure.env.arc.IDENTITY_ENDPOINT,
		{ 'api-version': '2020-06-01', resource: ARM },
		{ Metadata: 'true', ...headers });
	const challenge = await ask({});
	assert.equal(challenge.status, 401);
	const [, file] = /^Basic realm=(.*)$/.exec(
		challenge.headers.get('www-authenticate'));
	assert.equal(path.dirname(file), azure.arcDir);
	assert.match(file, /\.key$/);
	const Authorization = `Basic ${fs.readFileSync(file)}`;
	const { body } = await ask({ Authorization });
	assert.equal(claims(body.access_token).oid,
		azure.identities[0].objectId);
	assert.equal((await ask({ Authorization })).status, 401);
});

// Microsoft's library keeps the tokens of managed identities for the life of
// a process: only this test uses it for one.
test("Microsoft's own library gets its tokens", async (t) => {
	const ca = await testCa(t);
	tls.setDefaultCACertificates([...tls.getCACertificates(),
		fs.readFileSync(ca.ca, 'utf8')]);
	const azure = await start(t, { ca });
	Object.assign(process.env, azure.env.vm);
	const pem = path.join(tempDir(t), 'app.pem');
	fs.writeFileSync(pem, fs.readFileSync(ca.key) +
		fs.readFileSync(ca.cert));
	const { publicKey, privateKey } =
		generateKeyPairSync('rsa', { modulusLength: 2048 });
	const federated = { issuer: 'https://cluster.example/',
		subject: 'system:serviceaccount:dr:drsync',
		publicKey: publicKey.export({ type: 'spki', format: 'pem' }) };
	const [secret, cert, workload] = [{ secret: 'a b&c' },
		{ certificate: fs.readFileSync(ca.cert, 'utf8') }, { federated }]
		.map((how) => azure.addIdentity({ kind: 'app', ...how }));
	const opts = { authorityHost: azure.urls.login,
		disableInstanceDiscovery: true };
	const assertion = () => jwt({ alg: 'RS256' }, {
		iss: federated.issuer, sub: federated.subject,
		aud: 'api://AzureADTokenExchange',
		exp: Math.floor(Date.now() / 1000) + 600,
	}, privateKey);
	for (const [credential, identity] of [
		[new ManagedIdentityCredential(), azure.identities[0]],
		[new ClientSecretCredential(azure.tenant, secret.clientId,
			secret.secret, opts), secret],
		[new ClientCertificateCredential(azure.tenant, cert.clientId, pem,
			opts), cert],
		[new ClientAssertionCredential(azure.tenant, workload.clientId,
			async () => assertion(), opts), workload],
	]) {
		const { token } = await credential.getToken(SCOPE);
		assert.equal(claims(token).oid, identity.objectId);
		assert.equal(claims(token).aud.replace(/\/$/, ''),
			'https://management.azure.com');
	}
	await assert.rejects(new ClientSecretCredential(azure.tenant,
		secret.clientId, 'wrong', opts).getToken(SCOPE), /AADSTS7000215/);
	assert.deepEqual(azure.violations, []);
});

function jwt(header, body, key, padding = constants.RSA_PKCS1_PADDING) {
	const text = [header, body].map((part) => Buffer.from(
		JSON.stringify(part)).toString('base64url')).join('.');
	const signature = sign('sha256', Buffer.from(text), { key, padding,
		...padding === constants.RSA_PKCS1_PSS_PADDING &&
			{ saltLength: constants.RSA_PSS_SALTLEN_DIGEST } });
	return `${text}.${signature.toString('base64url')}`;
}

test('an assertion by a certificate is really verified', async (t) => {
	const [ca, other, azure] = await Promise.all([testCa(t), testCa(t),
		start(t)]);
	const { clientId } = azure.addIdentity({ kind: 'app',
		certificate: fs.readFileSync(ca.cert, 'utf8') });
	const url = `${azure.urls.login}/${azure.tenant}/oauth2/v2.0/token`;
	const key = createPrivateKey(fs.readFileSync(ca.key));
	const now = Math.floor(Date.now() / 1000);
	const thumb = createHash('sha256').update(new X509Certificate(
		fs.readFileSync(ca.cert)).raw).digest('base64url');
	const good = { aud: url, iss: clientId, sub: clientId, jti: randomUUID(),
		nbf: now, iat: now, exp: now + 600 };
	const head = { alg: 'PS256', typ: 'JWT', 'x5t#S256': thumb };
	const pss = constants.RSA_PKCS1_PSS_PADDING;
	const ask = async (assertion, more = {}) => {
		const r = await fetch(url, { method: 'POST',
			body: new URLSearchParams({
				client_id: clientId, scope: SCOPE,
				grant_type: 'client_credentials',
				client_assertion_type: 'urn:ietf:params:oauth:' +
					'client-assertion-type:jwt-bearer',
				client_assertion: assertion, ...more,
			}) });
		const body = await r.json();
		return body.error_codes?.[0] ?? body.expires_in;
	};
	assert.equal(await ask(jwt(head, good, key, pss)), 3599);
	const otherKey = createPrivateKey(fs.readFileSync(other.key));
	for (const [code, ...made] of [
		[700027, head, good, otherKey, pss],
		[700027, head, good, key],
		[700027, { ...head, 'x5t#S256': 'AAAA' }, good, key, pss],
		[50027, { ...head, alg: 'HS256' }, good, key, pss],
		[700023, head, { ...good, aud: 'https://x.example/' }, key, pss],
		[700024, head, { ...good, exp: now - 1 }, key, pss],
		[700024, head, { ...good, exp: undefined }, key, pss],
		[700021, head, { ...good, sub: 'other' }, key, pss],
		[700021, head, { ...good, jti: undefined }, key, pss],
	])
		assert.equal(await ask(jwt(...made)), code, JSON.stringify(made));
	assert.equal(await ask('x'), 50027);
	assert.equal(await ask(jwt(head, good, key, pss),
		{ client_id: randomUUID() }), 700016);
});

test('a Redis that takes the tokens of Entra', async (t) => {
	const [azure, redis] = await Promise.all([
		start(t, { tokenLifetime: 2 }),
		Redis.start(t, { requirepass: 'key' })]);
	azure.addEnterprise({ name: 'west', region: 'westus2', redis: [redis],
		entra: true });
	const ask = async (resource) => (await get(azure.urls.imds + imdsPath,
		{ ...imdsQuery, resource }, { Metadata: 'true' })).body.access_token;
	const [{ objectId }] = azure.identities;
	const auth = (token) => RedisConn.open({ port: redis.port,
		user: objectId, password: token });
	await assert.rejects(auth(await ask(ARM)), /WRONGPASS/);
	const token = await ask('https://redis.azure.com');
	const conn = await auth(token);
	assert.equal(await conn.call('PING'), 'PONG');
	// Of what it is told, who does not renew it learns the end.
	await until('the connection ends', () => conn.failed);
	await assert.rejects(auth(token), /WRONGPASS/);
	await auth(await ask('https://redis.azure.com'));
});
