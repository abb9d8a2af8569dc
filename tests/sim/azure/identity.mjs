// identity.mjs -- the endpoints that give a machine's managed identities
// their tokens: of virtual machines (IMDS), of App Service, and of Azure Arc.
// All of them are plain HTTP, as the real ones are.
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';

import { Refusal } from './refusal.mjs';

const bad = (message, status = 400, code = 'invalid_request') =>
	new Refusal(status, code, message);

export const sayIdentity = (r) => (
	{ error: r.code ?? 'invalid_request', error_description: r.message });

// The one that the request names by any of its properties, else the system's,
// else the only one there is.
function choose(identities, selector) {
	const [[property, value] = []] = selector;
	if (property) {
		const found = identities.find((i) =>
			i[property]?.toLowerCase() === value.toLowerCase());
		if (!found)
			throw bad('Identity not found');
		return found;
	}
	const system = identities.find((i) => i.kind === 'system');
	if (system)
		return system;
	if (identities.length > 1)
		throw bad('Multiple user assigned identities exist, please ' +
			'specify the clientId / resourceId of the identity in the ' +
			'token request');
	if (!identities.length)
		throw bad('Identity not found');
	return identities[0];
}

// names: how a query of this endpoint calls an identity's properties.
function selected(call, identities, names) {
	const selector = Object.entries(names)
		.map(([query, property]) =>
			[property, call.url.searchParams.get(query)])
		.filter(([, value]) => value !== null);
	if (selector.length > 1)
		throw bad('Only one of the selectors may be given');
	return choose(identities, selector);
}

function metadata(call) {
	if (call.req.headers.metadata !== 'true')
		throw bad('Required metadata header not specified');
	if (call.req.headers['x-forwarded-for'])
		throw bad('Requests through a proxy are refused');
}

// With the numbers as strings, as these endpoints have them.
function told(call, identity, tokens) {
	const resource = call.url.searchParams.get('resource');
	const t = tokens.issue(identity, resource);
	return {
		access_token: t.token, client_id: identity.clientId,
		expires_in: String(t.lifetime), expires_on: String(t.exp),
		ext_expires_in: String(t.lifetime), not_before: String(t.nbf),
		resource, token_type: 'Bearer',
	};
}

const byMetadata = {
	client_id: 'clientId', object_id: 'objectId', msi_res_id: 'resourceId',
};

export function imds(sim) {
	return (call) => {
		metadata(call);
		const identity = selected(call, sim.managed(), byMetadata);
		return { body: told(call, identity, sim.tokens) };
	};
}

export function appService(sim, header) {
	return (call) => {
		if (call.req.headers['x-identity-header'] !== header)
			throw bad('The header is not that of this app', 401,
				'unauthorized_client');
		const identity = selected(call, sim.managed(), {
			client_id: 'clientId', principal_id: 'objectId',
			object_id: 'objectId', mi_res_id: 'resourceId',
		});
		const { access_token, client_id, expires_on, resource, token_type } =
			told(call, identity, sim.tokens);
		return { body: { access_token, client_id, expires_on, resource,
			token_type } };
	};
}

// Who can read the file that the challenge names is of this machine.  It is
// good for one token.
export function arc(sim, dir) {
	const secrets = new Set();
	const challenge = () => {
		const secret = randomBytes(24).toString('base64');
		const file = path.join(dir, `${randomBytes(8).toString('hex')}.key`);
		fs.writeFileSync(file, secret, { mode: 0o600 });
		secrets.add(secret);
		throw new Refusal(401, 'unauthorized', 'Unauthorized',
			{ 'WWW-Authenticate': `Basic realm=${file}` });
	};
	return (call) => {
		metadata(call);
		const [, secret] = /^Basic (.+)$/.exec(
			call.req.headers.authorization ?? '') ?? [];
		if (!secret)
			challenge();
		if (!secrets.delete(secret))
			throw bad('The secret is not that of the file', 401,
				'unauthorized_client');
		const identity = selected(call, sim.managed(), byMetadata);
		return { body: told(call, identity, sim.tokens) };
	};
}
