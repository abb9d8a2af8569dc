// enterprise.mjs -- Microsoft.Cache/redisEnterprise: Azure Managed Redis and
// the Enterprise tiers, whose exports are gzip block blobs, one a shard.
import { randomBytes } from 'node:crypto';

import { anyName, checkSas, pipelineOf, putGzip } from './blobs.mjs';
import { Refusal } from './refusal.mjs';
import { same } from './resources.mjs';
import { exportTo, flush, importFrom } from './transfer.mjs';

// The newest RDB version that a version of Redis loads.
export const RDB_OF = {
	4: 8, '4.0': 8, 6: 9, '6.0': 9, '7.0': 10, 7.2: 11, 7.4: 12,
};

const DEFAULTS = {
	kind: 'v2', sku: { name: 'Balanced_B10' }, database: 'default',
	redisVersion: '7.4', clusteringPolicy: 'OSSCluster',
	evictionPolicy: 'NoEviction', modules: [],
	accessKeysAuthentication: 'Enabled', resourceState: 'Running',
};

// Clients find the first of its servers, with its password as the key.
export function reached({ redis: [{ password }] }) {
	return {
		group: 'rg1', hostName: '127.0.0.1',
		provisioningState: 'Succeeded', exportPermissions: 'racwdtm',
		keys: { primaryKey: password ?? randomBytes(32).toString('base64'),
			secondaryKey: randomBytes(32).toString('base64') },
	};
}

export function newEnterprise(opts) {
	const [{ port, ca }] = opts.redis;
	return {
		...DEFAULTS, ...reached(opts), port,
		clientProtocol: ca ? 'Encrypted' : 'Plaintext', ...opts,
	};
}

const clusterId = (c) => `/subscriptions/${c.subscription}/resourceGroups/` +
	`${c.group}/providers/Microsoft.Cache/redisEnterprise/${c.name}`;

export const databaseId = (c) => `${clusterId(c)}/databases/${c.database}`;

// What an operation shows as, while it goes on.
function states(sim, c) {
	const op = sim.operations.of(c);
	if (op && op.look() === 'InProgress')
		return { provisioningState: 'Updating', resourceState: 'Updating' };
	const { provisioningState, resourceState } = c;
	return { provisioningState, resourceState };
}

function clusterBody(sim, c) {
	return {
		id: clusterId(c), name: c.name, location: c.region,
		type: 'Microsoft.Cache/redisEnterprise', kind: c.kind, sku: c.sku,
		tags: {},
		properties: {
			hostName: c.hostName, redisVersion: c.redisVersion,
			minimumTlsVersion: '1.2', provisioningState: 'Succeeded',
			resourceState: 'Running',
		},
	};
}

function databaseBody(sim, c) {
	const { clientProtocol, clusteringPolicy, evictionPolicy, port, modules,
		accessKeysAuthentication, redisVersion, geoReplication } = c;
	return {
		id: databaseId(c), name: `${c.name}/${c.database}`,
		type: 'Microsoft.Cache/redisEnterprise/databases',
		properties: {
			...states(sim, c), clientProtocol, clusteringPolicy,
			evictionPolicy, port, modules, deferUpgrade: 'NotDeferred',
			accessKeysAuthentication, redisVersion,
			...geoReplication && { geoReplication },
		},
	};
}

function find(sim, call) {
	const { subscription, group, cluster, database } = call.parameters;
	const c = sim.enterprise.find((e) => same(e.name, cluster) &&
		same(e.group, group) && e.subscription === subscription);
	if (!c)
		throw new Refusal(404, 'ResourceNotFound', 'The Resource ' +
			`'Microsoft.Cache/redisEnterprise/${cluster}' under resource ` +
			`group '${group}' was not found.`);
	if (database && !same(c.database, database))
		throw new Refusal(404, 'ResourceNotFound', `The database ` +
			`'${database}' was not found.`);
	return c;
}

function mayStart(sim, c) {
	const op = sim.operations.of(c);
	if (op && op.look() === 'InProgress')
		throw new Refusal(409, 'Conflict', 'The database is currently busy ' +
			'with another action. It is temporary, retry later.');
	if (c.provisioningState !== 'Succeeded')
		throw new Refusal(409, 'Conflict', 'The resource is in state ' +
			`'${c.provisioningState}'.`);
}

// Work that goes on behind the answer, where nothing else goes on yet.
export function begin(sim, call, c, work) {
	mayStart(sim, c);
	return sim.operations.start(call.route.id, c, call.fault?.operation,
		work);
}

// both: whether Location is there too.
function accepted(sim, call, op, both = true) {
	const { operations } = sim;
	return { status: 202, headers: {
		...op.plan.asyncOperation !== false && { 'Azure-AsyncOperation':
			operations.url(op, call, 'operationsStatus') },
		...both && op.plan.location !== false && { Location:
			operations.url(op, call, 'operationResults') },
		...operations.retryAfter(op),
	} };
}

function startExport(sim, call) {
	const c = find(sim, call);
	const { sasUri } = call.json;
	checkSas(sasUri, 'c', c.exportPermissions, c, sim.accounts);
	const put = (file, i) => putGzip(sasUri, pipelineOf(sasUri), anyName(i),
		file);
	const op = begin(sim, call, c,
		(half) => exportTo(sim, c, put, half));
	return accepted(sim, call, op);
}

function startImport(sim, call) {
	const c = find(sim, call);
	const { sasUris } = call.json;
	for (const uri of sasUris)
		checkSas(uri, 'b', 'r', c, sim.accounts);
	if (c.geoReplication?.linkedDatabases?.length > 1)
		throw new Refusal(400, 'BadRequest', 'The database is linked for ' +
			'active geo-replication; unlink it before an import.');
	const op = begin(sim, call, c,
		(half) => importFrom(sim, c, sasUris, undefined,
			RDB_OF[c.redisVersion], half));
	return accepted(sim, call, op);
}

function startFlush(sim, call) {
	const c = find(sim, call);
	const op = begin(sim, call, c,
		() => flush(c));
	return accepted(sim, call, op, false);
}

function startUnlink(sim, call) {
	const c = find(sim, call);
	const op = begin(sim, call, c,
		async () => {
			const linked = c.geoReplication?.linkedDatabases ?? [];
			c.geoReplication = { ...c.geoReplication,
				linkedDatabases: linked.filter(({ id }) =>
					!call.json.ids.some((i) => same(i, id))) };
		});
	return accepted(sim, call, op, false);
}

function listed(sim, call) {
	const { subscription, group } = call.parameters;
	return { body: { value: sim.enterprise.filter((c) =>
		c.subscription === subscription && (!group || same(c.group, group)))
		.map((c) => clusterBody(sim, c)) } };
}

function keysOf(sim, call) {
	const c = find(sim, call);
	if (c.accessKeysAuthentication !== 'Enabled')
		throw new Refusal(400, 'BadRequest',
			'Access keys are disabled for this database.');
	return { body: c.keys };
}

export const enterprise = {
	RedisEnterprise_List: listed,
	RedisEnterprise_ListByResourceGroup: listed,
	RedisEnterprise_Get: (sim, call) => ({
		body: clusterBody(sim, find(sim, call)) }),
	Databases_ListByCluster: (sim, call) => ({
		body: { value: [databaseBody(sim, find(sim, call))] } }),
	Databases_Get: (sim, call) => ({
		body: databaseBody(sim, find(sim, call)) }),
	Databases_ListKeys: keysOf,
	Databases_Export: startExport,
	Databases_Import: startImport,
	Databases_Flush: startFlush,
	Databases_ForceUnlink: startUnlink,
	OperationsStatus_Get: (sim, call) =>
		sim.operations.status(call, 'operationsStatus'),
	OperationResults_Get: (sim, call) =>
		sim.operations.result(call, 'operationResults'),
};
