// traffic_manager.mjs -- profiles of Traffic Manager and their endpoints.
import { Refusal } from './refusal.mjs';
import { pick, same } from './resources.mjs';

const kind = 'Microsoft.Network/trafficManagerProfiles';

function monitored(profile, e) {
	if (e.endpointStatus === 'Disabled')
		return 'Disabled';
	return e.checked ? e.endpointMonitorStatus ?? 'Online'
		: 'CheckingEndpoint';
}

function endpointBody(profile, e) {
	const { endpointStatus, target, weight, priority, endpointLocation } = e;
	return {
		id: `${profile.id}/${e.type}/${e.name}`, name: e.name,
		type: `${kind}/${e.type}`,
		properties: {
			endpointStatus, target, weight, priority, endpointLocation,
			endpointMonitorStatus: monitored(profile, e),
		},
	};
}

function endpointOf(sim, call) {
	const { profile, type, endpoint } = call.parameters;
	const p = pick(sim.profiles, profile, kind);
	return { p, e: pick(p.endpoints.filter((one) => same(one.type, type)),
		endpoint, type) };
}

// It is probed when it was enabled; by the next look it is known.
function look(p, e) {
	const body = endpointBody(p, e);
	e.checked = e.endpointStatus === 'Enabled';
	return body;
}

function getEndpoint(sim, call) {
	const { p, e } = endpointOf(sim, call);
	return { body: look(p, e) };
}

function patchEndpoint(sim, call) {
	const { p, e } = endpointOf(sim, call);
	const changes = call.json.properties;
	if (p.endpoints.some((other) => other !== e &&
		other.priority === changes.priority))
		throw new Refusal(400, 'BadRequest', 'The priority is that of ' +
			'another endpoint of this profile.');
	if (changes.endpointStatus && changes.endpointStatus !== e.endpointStatus)
		e.checked = false;
	Object.assign(e, changes);
	return { body: endpointBody(p, e) };
}

function getProfile(sim, call) {
	const p = pick(sim.profiles, call.parameters.profile, kind);
	return { body: {
		id: p.id, name: p.name, type: kind, location: 'global',
		properties: {
			profileStatus: 'Enabled', trafficRoutingMethod: 'Priority',
			dnsConfig: { relativeName: p.name, ttl: 30,
				fqdn: `${p.name}.trafficmanager.net` },
			endpoints: p.endpoints.map((e) => look(p, e)),
		},
	} };
}

export const trafficManager = {
	Profiles_Get: getProfile,
	Endpoints_Get: getEndpoint,
	Endpoints_Update: patchEndpoint,
};
