// The levers that lead clients to the DR region, before a stand-in for Azure:
// pulled, seen, undone, cut short; and when they must not be pulled.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';

import { startAzure } from '../sim/azure/azure.mjs';
import {
	EXIT, Job, Redis, testCa, tlsOptions, until,
} from './harness.mjs';

const KEY = 'SECRET-of-the-hook';

// A receiver of webhooks: what came; take(call) is a status, or never.
async function receiver(t, take = () => 204) {
	const calls = [];
	const server = http.createServer(async (req, res) => {
		const body = (await buffer(req)).toString();
		const [, time, mac] =
			/^t=(\d+),v1=(\w+)$/.exec(req.headers['x-drsync-signature']);
		assert.equal(mac, createHmac('sha256', KEY)
			.update(`${time}.${body}`).digest('hex'));
		const call = { ...JSON.parse(body),
			key: req.headers['idempotency-key'] };
		calls.push(call);
		const status = take(call, calls.length);
		if (status)
			res.writeHead(status).end();
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	t.after(() => {
		server.closeAllConnections();
		server.close();
	});
	return { calls, url: `http://127.0.0.1:${server.address().port}/hook` };
}

// A zone, a profile, a store and a vault, as a shop in the west has them.
async function shop(t) {
	const azure = await startAzure(t);
	azure.zone = azure.addZone({ name: 'shop.example',
		records: { redis: { cname: 'west.example' } } });
	azure.addProfile({ name: 'shop', endpoints: [
		{ type: 'ExternalEndpoints', name: 'west', target: 'west.example',
			priority: 1 },
		{ type: 'ExternalEndpoints', name: 'north', target: '127.0.0.1',
			priority: 2, endpointStatus: 'Disabled' }] });
	azure.store = await azure.addStore({ name: 'contoso',
		values: { 'redis/host': 'west.example' } });
	azure.vault = await azure.addVault({ name: 'safe', secrets: {
		'redis-key': 'SECRET-west', 'redis-key-dr': 'SECRET-north' } });
	t.after(() => {
		assert.deepEqual(azure.violations, []);
		assert.deepEqual(azure.unfair, []);
		assert.deepEqual(azure.broken, []);
	});
	return azure;
}

function levers(azure) {
	const network = `/subscriptions/${azure.subscription}/resourceGroups/rg1` +
		'/providers/Microsoft.Network';
	return {
		traffic: { traffic_manager:
			`${network}/trafficManagerProfiles/shop`,
		enable: 'ExternalEndpoints/north', alias: 'localhost' },
		dns: (cname = 'north.example') => ({ dns:
			`${network}/dnsZones/shop.example/CNAME/redis`, cname }),
		config: { app_configuration: azure.store.url,
			keys: { 'redis/host': 'north.example' } },
		vault: { key_vault: azure.vault.url, secrets: { 'redis-key': {
			keyvault: `${azure.vault.url}/secrets/redis-key-dr` } } },
	};
}

// A job with such levers; more are flags that it always takes.
function jobOf(t, azure, list, more = {}) {
	const job = new Job(t, { env: { ...azure.env.vm, HOOK_KEY: KEY },
		...more });
	const file = path.join(job.dir, 'drsync.json');
	job.configure = (all) => fs.writeFileSync(file, JSON.stringify({
		endpoints: { arm: azure.urls.arm, keyvault: '127.0.0.1' },
		jobs: { shop: { promotion: { levers: all } } } }));
	job.configure(list);
	job.args = ['--config', file, ...job.drStore, ...more.args ?? []];
	return job;
}

const cname = (azure) => azure.zone.records.redis.cname;

function state(azure) {
	return {
		cname: cname(azure),
		endpoints: azure.profiles[0].endpoints.map((e) => e.endpointStatus),
		host: azure.store.find('redis/host').value,
		key: azure.vault.secrets['redis-key'].at(-1).value,
	};
}

const outcomes = (doc) => doc.levers.map((l) => l.outcome).join(' ');

test('all levers are pulled in order, seen, and undone', async (t) => {
	const azure = await shop(t);
	azure.profiles[0].endpoints[1].target = 'north.example';
	const hook = await receiver(t);
	const l = levers(azure);
	const job = jobOf(t, azure, [l.config, l.vault, l.traffic, l.dns(), {
		webhook: hook.url, key: { env: 'HOOK_KEY' } }, {
		command: ['/bin/sh', '-c', 'test $DRSYNC_EVENT = promote && ' +
			'test -z "$HOOK_KEY"'],
		undo: ['/bin/sh', '-c', 'test $DRSYNC_EVENT = undo'] }]);
	const west = state(azure);

	const plan = await job.ok('promote');
	assert.equal(outcomes(plan), 'would would would would would would');
	assert.deepEqual(plan.levers[3].changes, [{ what: 'redis.shop.example',
		from: 'west.example, TTL 30 s', to: 'north.example, TTL 30 s' }]);
	await job.fails(EXIT.FAILED, /no lever of job 'shop' was pulled/,
		'promote', '--undo');
	assert.deepEqual(state(azure), west);
	assert.equal(hook.calls.length, 0);

	const done = await job.ok('promote', '--yes');
	assert.equal(outcomes(done), 'done done done done done done');
	assert.deepEqual(state(azure), { cname: 'north.example',
		endpoints: ['Disabled', 'Enabled'], host: 'north.example',
		key: 'SECRET-north' });
	const again = await job.ok('promote', '--yes');
	assert.equal(outcomes(again),
		'already already already already already already');
	assert.equal(azure.vault.secrets['redis-key'].length, 2);

	const back = await job.ok('promote', '--undo', '--yes');
	assert.equal(outcomes(back), 'done done done done done done');
	assert.deepEqual(state(azure), west);
	assert.deepEqual(hook.calls.map((c) => c.event), ['promote', 'undo']);
	assert.equal(hook.calls[1].undoes, hook.calls[0].id);
	await job.fails(EXIT.FAILED, /was pulled/, 'promote', '--undo');

	const ledger = fs.readdirSync(path.join(job.dir, 'state')).map((f) =>
		fs.readFileSync(path.join(job.dir, 'state', f), 'latin1')).join('');
	assert.match(ledger, /promote/);
	assert.doesNotMatch(ledger + JSON.stringify([plan, done, back]),
		/SECRET/);
});

test('an alias is moved only to where a client is let in', async (t) => {
	const [azure, ca] = await Promise.all([shop(t), testCa(t)]);
	const l = levers(azure);
	const dr = await Redis.start(t, { ...tlsOptions(ca),
		requirepass: 'north' });
	// The source is gone; clients go on as they were told.
	const flags = (password, source = `rediss://west.example:${dr.port}`) => ({
		env: { ...azure.env.vm, CLIENTS: password },
		args: ['--source', source, '--source-password', 'env:CLIENTS',
			'--target', dr.url, '--target-tls-ca', ca.ca],
	});
	const refused = (job, says) => job.fails(EXIT.REFUSED, says, 'promote',
		'--yes');

	// The certificate is for localhost and 127.0.0.1.
	await refused(jobOf(t, azure, [l.dns('127.0.0.1')], flags('north')),
		/dial 'redis\.shop\.example' be led to '127\.0\.0\.1'\?.*certif/s);
	await refused(jobOf(t, azure, [l.traffic], flags('west')),
		/dial 'localhost' be led.*WRONGPASS/s);
	// Of several that are refused each is told why, once.
	const both = await refused(jobOf(t, azure, [l.traffic,
		l.dns('127.0.0.1')], flags('north', 'rediss://west.example:1')),
	/dial 'localhost' be led/);
	assert.match(both.stdout.replace(/\s+/g, ' '), new RegExp(
		"1 traffic_manager shop: FAILED .* to Disabled " +
		"2 dns redis.shop.example: FAILED .* may clients that dial 'redis.shop.example' be led to '127"));
	// No alias leads to another port, or makes clients speak TLS.
	await refused(jobOf(t, azure, [l.traffic],
		flags('north', 'rediss://west.example:1')), new RegExp(
		`dial 'localhost' be led.* port 1, an alias .* has ${dr.port}`));
	await refused(jobOf(t, azure, [l.traffic],
		flags('north', `redis://west.example:${dr.port}`)),
	/dial 'localhost' be led/);
	await refused(jobOf(t, azure, [l.traffic]),
		/'source\.redis' is not set, so it was not tried/);
	assert.deepEqual(state(azure).endpoints, ['Enabled', 'Disabled']);
	assert.equal(cname(azure), 'west.example');

	await jobOf(t, azure, [l.traffic], flags('north')).ok('promote', '--yes');
	assert.deepEqual(state(azure).endpoints, ['Disabled', 'Enabled']);
});

test('check tells what would change, and names the right that lacks',
	async (t) => {
		const azure = await shop(t);
		const l = levers(azure);
		const job = jobOf(t, azure, [l.config, l.vault, l.dns()]);
		const row = async (what = 'promotion') => {
			const r = await job.run('check', '--json');
			return JSON.parse(r.stdout).checks
				.find((c) => c.what === what);
		};
		const before = state(azure);
		const good = await row();
		assert.equal(good.result, 'good', good.detail);
		assert.match(good.detail, /redis\.shop\.example would be 'north/);
		assert.match((await row('identity')).detail,
			/tokens for app_configuration, key_vault, dns$/);
		// By writes whose condition held of nothing.
		assert.equal(azure.asked('RecordSets_CreateOrUpdate').at(-1).status,
			412);
		assert.deepEqual(state(azure), before);

		azure.deny('Microsoft.Network/dnsZones/CNAME/write');
		const write = await row();
		assert.equal(write.result, 'failed');
		assert.match(write.detail, /lever 3 of 3, dns redis\.shop\.example/);
		assert.match(write.detail,
			/may not 'Microsoft\.Network\/dnsZones\/CNAME\/write'/);
		azure.deny('Microsoft.KeyVault/vaults/secrets/getSecret/action');
		assert.match((await row()).detail, /lever 2 of 3, key_vault/);
		const r = await job.fails(EXIT.AUTH, /lever 2 of 3/, 'promote',
			'--yes');
		assert.match(r.stdout, /^3 {2}dns redis\.shop\.example: would/m);
		assert.deepEqual(state(azure), before);
	});

test('what somebody else changed since stays', async (t) => {
	const azure = await shop(t);
	const l = levers(azure);
	const job = jobOf(t, azure, [l.config, l.vault, l.dns()]);
	await job.ok('promote', '--yes');
	const { redis } = azure.zone.records;
	azure.zone.records.redis = { ...redis, cname: 'east.example',
		etag: 'e' };
	await job.fails(EXIT.FAILED,
		/now 'east\.example.*somebody changed it meanwhile/s, 'promote',
		'--undo', '--yes');
	assert.equal(cname(azure), 'east.example');
	// The settings do not matter, and what was wrong is put right by hand.
	azure.zone.records.redis = redis;
	job.configure([l.config]);
	const back = await job.ok('promote', '--undo', '--yes');
	assert.equal(outcomes(back), 'done done done');
	assert.equal(cname(azure), 'west.example');
	assert.equal(state(azure).key, 'SECRET-west');
});

test('what is settled makes room for other levers', async (t) => {
	const azure = await shop(t);
	const l = levers(azure);
	const job = jobOf(t, azure, [l.config, l.vault, l.dns()]);
	await job.ok('promote', '--yes');
	const other = { ...l.dns(), ttl: 60 };
	job.configure([l.config, l.vault, other]);
	await job.fails(EXIT.REFUSED, /lever 3.*changed since it was pulled/,
		'promote', '--yes');
	await job.fails(EXIT.USAGE, /give --yes too/, 'promote', '--settle');
	await job.ok('promote', '--settle', '--yes');
	assert.equal(outcomes(await job.ok('promote', '--yes')),
		'already already done');
	assert.equal(azure.zone.records.redis.ttl, 60);
	await job.ok('promote', '--undo', '--yes');
	assert.equal(azure.zone.records.redis.ttl, 30);
	assert.equal(cname(azure), 'north.example');
});

test('a write whose answer is lost is made once', async (t) => {
	const azure = await shop(t);
	const l = levers(azure);
	const job = jobOf(t, azure, [l.config, l.vault, l.dns()]);
	azure.script('RecordSets_CreateOrUpdate', { lost: 'answer' });
	azure.script('AppConfig_PutKeyValue', { lost: 'answer' });
	const done = await job.ok('promote', '--yes');
	assert.equal(outcomes(done), 'done done done');
	assert.deepEqual(azure.asked('RecordSets_CreateOrUpdate')
		.map((e) => e.status), [200, 412]);
	assert.equal(cname(azure), 'north.example');
});

test('kill -9 in the midst: the next one goes on, by the same call',
	async (t) => {
		const azure = await shop(t);
		const hook = await receiver(t, (call, n) => (n === 1 ? 0 : 200));
		const l = levers(azure);
		const job = jobOf(t, azure, [l.config, l.vault, {
			webhook: hook.url, key: { env: 'HOOK_KEY' } }, l.dns()]);
		const cut = job.start('promote', '--yes');
		await until('the hook is called', () => hook.calls.length === 1);
		cut.child.kill('SIGKILL');
		await cut.ended;
		assert.equal(state(azure).host, 'north.example');
		assert.equal(cname(azure), 'west.example');
		const done = await job.ok('promote', '--yes');
		assert.equal(outcomes(done), 'already already done done');
		assert.equal(hook.calls.length, 2);
		assert.equal(hook.calls[0].key, hook.calls[1].key);
		await job.ok('promote', '--undo', '--yes');
		assert.equal(state(azure).host, 'west.example');
		assert.equal(cname(azure), 'west.example');
	});

test('two do not pull one job\'s levers at once', async (t) => {
	const azure = await shop(t);
	const hook = await receiver(t, () => 0);
	const job = jobOf(t, azure, [{ webhook: hook.url,
		key: { env: 'HOOK_KEY' } }]);
	const first = job.start('promote', '--yes');
	await until('the hook is called', () => hook.calls.length === 1);
	await job.fails(EXIT.LOCKED, /lease|lock|run/, 'promote', '--yes',
		'--state-dir', path.join(job.dir, 'other'));
	first.child.kill('SIGTERM');
	assert.equal((await first.ended).code, EXIT.INTERRUPTED);
	assert.equal(hook.calls.length, 1);
});
