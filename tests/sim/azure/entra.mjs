// entra.mjs -- Entra's token endpoint for programs: by a secret, by an
// assertion that a certificate signed, or by one of a federated issuer.
import {
	X509Certificate, constants, createHash, createPublicKey, randomUUID, verify,
} from 'node:crypto';

import { Refusal } from './refusal.mjs';

function refuse(number, message, code = 'invalid_client', status = 401) {
	const r = new Refusal(status, code, `AADSTS${number}: ${message}`);
	r.number = number;
	throw r;
}

export function sayEntra(r) {
	return {
		error: r.code ?? 'invalid_request',
		error_description: `${r.message} Trace ID: ${randomUUID()}`,
		error_codes: r.number ? [r.number] : [],
		timestamp: new Date().toISOString(), trace_id: randomUUID(),
		correlation_id: randomUUID(),
	};
}

function parts(assertion) {
	const texts = (assertion ?? '').split('.');
	try {
		if (texts.length !== 3)
			throw new Error('not three parts');
		const [head, claims] = texts.slice(0, 2).map((text) =>
			JSON.parse(Buffer.from(text, 'base64url')));
		return {
			head, claims, signed: Buffer.from(texts.slice(0, 2).join('.')),
			signature: Buffer.from(texts[2], 'base64url'),
		};
	} catch (e) {
		return refuse(50027, `JWT token is invalid or malformed: ` +
			`${e.message}.`, 'invalid_request', 400);
	}
}

// Of the algorithms that Entra takes of a certificate.
const padding = {
	PS256: {
		padding: constants.RSA_PKCS1_PSS_PADDING,
		saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
	},
	RS256: { padding: constants.RSA_PKCS1_PADDING },
};

function checkSignature({ head, signed, signature }, key) {
	const how = padding[head.alg];
	if (!how)
		refuse(50027, `The algorithm '${head.alg}' is not supported.`);
	if (!verify('sha256', signed, { key, ...how }, signature))
		refuse(700027, 'Client assertion failed signature validation.');
}

function checkTimes({ claims }) {
	const now = Date.now() / 1000;
	if (typeof claims.exp !== 'number' || claims.exp <= now)
		refuse(700024, 'Client assertion is not within its valid time ' +
			'range.');
	if (claims.nbf > now + 300)
		refuse(700024, 'Client assertion is not valid yet.');
}

function byCertificate(jwt, identity, audience) {
	const cert = new X509Certificate(identity.certificate);
	const thumb = (hash) => createHash(hash).update(cert.raw).digest();
	const told = jwt.head['x5t#S256'] ?? jwt.head.x5t;
	const hash = jwt.head['x5t#S256'] ? 'sha256' : 'sha1';
	if (!told || !Buffer.from(told, 'base64url').equals(thumb(hash)))
		refuse(700027, 'Client assertion contains an invalid signature. ' +
			'[Reason - The key was not found.]');
	checkSignature(jwt, cert.publicKey);
	checkTimes(jwt);
	const { claims } = jwt;
	if (claims.aud !== audience)
		refuse(700023, `Client assertion audience claim does not match ` +
			`Realm issuer: it is '${claims.aud}', not '${audience}'.`);
	if (claims.iss !== identity.clientId || claims.sub !== claims.iss ||
		!claims.jti)
		refuse(700021, 'Client assertion application identifier does not ' +
			"match 'client_id' parameter.");
	if (claims.exp - (claims.nbf ?? claims.iat) > 86400)
		refuse(700024, 'Client assertion lives too long.');
}

// federated: {issuer, subject, publicKey}; the key is PEM.
function byFederation(jwt, { federated }) {
	const { claims } = jwt;
	if (claims.iss !== federated.issuer ||
		claims.sub !== federated.subject)
		refuse(700213, 'No matching federated identity record found for ' +
			`presented assertion subject '${claims.sub}'.`);
	if (![claims.aud].flat().includes('api://AzureADTokenExchange'))
		refuse(700212, 'No matching federated identity record found for ' +
			`presented assertion audience '${claims.aud}'.`);
	checkSignature(jwt, createPublicKey(federated.publicKey));
	checkTimes(jwt);
}

function authenticate(form, identity, audience) {
	if (!form.client_assertion) {
		if (!identity.secret || form.client_secret !== identity.secret)
			refuse(7000215, 'Invalid client secret provided. Ensure the ' +
				'secret being sent in the request is the client secret ' +
				'value, not the client secret ID.');
		return;
	}
	const jwt = parts(form.client_assertion);
	if (identity.federated && jwt.claims.iss !== identity.clientId)
		byFederation(jwt, identity);
	else if (identity.certificate)
		byCertificate(jwt, identity, audience);
	else
		refuse(700027, 'Client assertion: no key is registered.');
}

function token(sim, call) {
	const { tenant } = call.parameters;
	const form = call.json;
	if (tenant !== sim.tokens.tenant)
		refuse(90002, `Tenant '${tenant}' not found.`, 'invalid_request',
			400);
	const identity = sim.identities.find((i) => i.kind === 'app' &&
		i.clientId === form.client_id);
	if (!identity)
		refuse(700016, `Application with identifier '${form.client_id}' ` +
			'was not found in the directory.', 'unauthorized_client', 400);
	authenticate(form, identity, `${call.face}${call.url.pathname}`);
	const [scope] = form.scope.split(' ');
	const t = sim.tokens.issue(identity, scope.replace(/\/\.default$/, ''));
	return { body: { token_type: 'Bearer', expires_in: t.lifetime,
		ext_expires_in: t.lifetime, access_token: t.token } };
}

// What Microsoft's own library asks before it asks for a token.
function configuration(call) {
	const base = `${call.face}/${call.parameters.tenant}`;
	return { body: {
		token_endpoint: `${base}/oauth2/v2.0/token`,
		authorization_endpoint: `${base}/oauth2/v2.0/authorize`,
		issuer: `${base}/v2.0`, jwks_uri: `${base}/discovery/v2.0/keys`,
	} };
}

function discovery(call) {
	const { host } = new URL(call.face);
	return { body: {
		tenant_discovery_endpoint: `${call.face}/common/v2.0/` +
			'.well-known/openid-configuration',
		'api-version': '1.1',
		metadata: [{ preferred_network: host, preferred_cache: host,
			aliases: [host] }],
	} };
}

export function entra(sim) {
	const serve = {
		Entra_Token: (call) => token(sim, call),
		Entra_Configuration: configuration,
		Entra_Discovery: discovery,
	};
	return (call) => serve[call.route.id](call);
}
