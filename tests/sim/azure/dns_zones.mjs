// dns_zones.mjs -- CNAMEs of public and private zones, which are alike but for
// how they spell things.
import { randomUUID } from 'node:crypto';

import { Refusal } from './refusal.mjs';
import { pick, preconditions, same } from './resources.mjs';

const spelling = {
	public: { type: 'Microsoft.Network/dnsZones', ttl: 'TTL',
		record: 'CNAMERecord', name: (n) => n, fqdn: (n, z) => `${n}.${z}.` },
	private: { type: 'Microsoft.Network/privateDnsZones', ttl: 'ttl',
		record: 'cnameRecord', name: (n) => n.toLowerCase(),
		fqdn: (n, z) => `${n.toLowerCase()}.${z}.` },
};

function recordBody(zone, name) {
	const s = spelling[zone.kind];
	const { ttl, cname, etag } = zone.records[name];
	return {
		id: `${zone.id}/CNAME/${s.name(name)}`, name: s.name(name), etag,
		type: `${s.type}/CNAME`,
		properties: { [s.ttl]: ttl, fqdn: s.fqdn(name, zone.name),
			[s.record]: { cname } },
	};
}

function recordOf(sim, call, zoneKind) {
	const zone = pick(sim.zones.filter((z) => z.kind === zoneKind),
		call.parameters.zone, spelling[zoneKind].type);
	const { name } = call.parameters;
	return { zone, name: Object.keys(zone.records)
		.find((n) => same(n, name)) ?? name };
}

function getRecord(sim, call, zoneKind) {
	const { zone, name } = recordOf(sim, call, zoneKind);
	if (!zone.records[name])
		throw new Refusal(404, 'NotFound', `The resource record '${name}' ` +
			`does not exist in resource group 'rg1'.`);
	return { body: recordBody(zone, name) };
}

function putRecord(sim, call, zoneKind) {
	const { zone, name } = recordOf(sim, call, zoneKind);
	const there = zone.records[name];
	const s = spelling[zoneKind];
	const { [s.ttl]: ttl, [s.record]: { cname } } = call.json.properties;
	preconditions(call, there?.etag);
	zone.records[name] = { ttl, cname, etag: randomUUID() };
	return { status: there ? 200 : 201, body: recordBody(zone, name) };
}

function deleteRecord(sim, call, zoneKind) {
	const { zone, name } = recordOf(sim, call, zoneKind);
	const there = zone.records[name];
	preconditions(call, there?.etag);
	delete zone.records[name];
	return { status: there ? 200 : 204 };
}

const records = (prefix, zoneKind) => ({
	[`${prefix}_Get`]: (sim, call) => getRecord(sim, call, zoneKind),
	[`${prefix}_CreateOrUpdate`]: (sim, call) =>
		putRecord(sim, call, zoneKind),
	[`${prefix}_Delete`]: (sim, call) => deleteRecord(sim, call, zoneKind),
});

export const dnsZones = {
	...records('RecordSets', 'public'),
	...records('PrivateRecordSets', 'private'),
};
