// premium.mjs -- Microsoft.Cache/redis, tier Premium: exports are RDB files
// as page blobs; where an operation stands is told behind Location.
import { randomBytes } from 'node:crypto';

import { checkSas, pipelineOf, putPages } from './blobs.mjs';
import { RDB_OF, begin, reached } from './enterprise.mjs';
import { Refusal } from './refusal.mjs';
import { same } from './resources.mjs';
import { exportTo, flush, importFrom } from './transfer.mjs';

// Without TLS it has no port for it, which no real one is without.
export function newPremium(opts) {
	const [{ port, ca }] = opts.redis;
	return {
		...reached(opts), redisVersion: '6.0',
		sku: { name: 'Premium', family: 'P', capacity: 1 },
		...ca ? { sslPort: port, port: 6379, enableNonSslPort: false }
			: { port, enableNonSslPort: true },
		linkedServers: [], ...opts,
	};
}

const cacheId = (c) => `/subscriptions/${c.subscription}/resourceGroups/` +
	`${c.group}/providers/Microsoft.Cache/Redis/${c.name}`;

const linkId = (c, link) => `${cacheId(c)}/linkedServers/${link.name}`;

function cacheBody(sim, c) {
	const op = sim.operations.of(c);
	const busy = op && op.look() === 'InProgress';
	const { redisVersion, sku, hostName, port, sslPort, enableNonSslPort,
		shardCount } = c;
	return {
		id: cacheId(c), name: c.name, location: c.region,
		type: 'Microsoft.Cache/Redis', tags: {},
		...c.identity && { identity: { type: 'SystemAssigned' } },
		properties: {
			provisioningState: busy ? 'Updating' : c.provisioningState,
			redisVersion, sku, hostName, port, sslPort, enableNonSslPort,
			...shardCount && { shardCount }, redisConfiguration: {},
			linkedServers: c.linkedServers.map((l) => ({
				id: linkId(c, l) })),
			publicNetworkAccess: 'Enabled',
		},
	};
}

function find(sim, call) {
	const { subscription, group, cache } = call.parameters;
	const c = sim.premium.find((p) => same(p.name, cache) &&
		same(p.group, group) && p.subscription === subscription);
	if (!c)
		throw new Refusal(404, 'ResourceNotFound', 'The Resource ' +
			`'Microsoft.Cache/Redis/${cache}' under resource group ` +
			`'${group}' was not found.`);
	return c;
}

// Undefined: by the SAS in the URL.
function accountsFor(sim, c, body, urls, kind, permissions) {
	if (body['preferred-data-archive-auth-method'] !== 'ManagedIdentity') {
		for (const url of urls)
			checkSas(url, kind, permissions, c, sim.accounts);
		return undefined;
	}
	if (!c.identity)
		throw new Refusal(400, 'BadRequest', 'The cache has no managed ' +
			'identity.');
	return sim.accounts;
}

function accepted(sim, call, op, status) {
	const { operations } = sim;
	return { status: 202, headers: {
		Location: operations.url(op, call, 'operationResults'),
		...status && { 'Azure-AsyncOperation':
			operations.url(op, call, 'asyncOperations') },
		...operations.retryAfter(op),
	} };
}

function startExport(sim, call) {
	const c = find(sim, call);
	const { container, prefix } = call.json;
	const accounts = accountsFor(sim, c, call.json, [container], 'c',
		c.exportPermissions);
	const put = (file, i) => putPages(container,
		pipelineOf(container, accounts),
		`${prefix}${i ? `-${i}` : ''}${randomBytes(4).toString('hex')}`,
		file);
	const op = begin(sim, call, c,
		(half) => exportTo(sim, c, put, half));
	return accepted(sim, call, op);
}

function startImport(sim, call) {
	const c = find(sim, call);
	const { files } = call.json;
	const accounts = accountsFor(sim, c, call.json, files, 'b', 'r');
	if (c.linkedServers.some((l) => l.serverRole === 'Primary'))
		throw new Refusal(400, 'BadRequest', 'The cache is the secondary ' +
			'of a geo-replication link; nothing can be imported into it.');
	const op = begin(sim, call, c,
		(half) => importFrom(sim, c, files, accounts,
			RDB_OF[c.redisVersion], half));
	return accepted(sim, call, op);
}

function startFlush(sim, call) {
	const c = find(sim, call);
	const op = begin(sim, call, c,
		() => flush(c));
	return accepted(sim, call, op, true);
}

function unlink(sim, call) {
	const c = find(sim, call);
	const op = begin(sim, call, c,
		async () => {
			c.linkedServers = c.linkedServers.filter((l) =>
				!same(l.name, call.parameters.linked));
		});
	return accepted(sim, call, op);
}

function listed(sim, call) {
	const { subscription, group } = call.parameters;
	return { body: { value: sim.premium.filter((c) =>
		c.subscription === subscription && (!group || same(c.group, group)))
		.map((c) => cacheBody(sim, c)) } };
}

function links(sim, call) {
	const c = find(sim, call);
	return { body: { value: c.linkedServers.map((l) => ({
		id: linkId(c, l), name: l.name,
		type: 'Microsoft.Cache/Redis/linkedServers',
		properties: {
			linkedRedisCacheId: l.id ?? '', serverRole: l.serverRole,
			linkedRedisCacheLocation: l.region ?? '',
			provisioningState: 'Succeeded',
		},
	})) } };
}

export const premium = {
	Redis_ListBySubscription: listed,
	Redis_ListByResourceGroup: listed,
	Redis_Get: (sim, call) => ({ body: cacheBody(sim, find(sim, call)) }),
	Redis_ListKeys: (sim, call) => ({ body: find(sim, call).keys }),
	Redis_ExportData: startExport,
	Redis_ImportData: startImport,
	Redis_FlushCache: startFlush,
	LinkedServer_List: links,
	LinkedServer_Delete: unlink,
	AsyncOperationStatus_Get: (sim, call) =>
		sim.operations.status(call, 'asyncOperations'),
};
