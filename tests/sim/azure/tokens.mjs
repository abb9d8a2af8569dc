// tokens.mjs -- the tokens that all identity endpoints hand out, and their
// check by all services.  They look as Entra's do, in size too, so that
// Azurite takes them as well; they are signed by a key of this run.
import { createHmac, randomBytes, randomUUID } from 'node:crypto';

import { Refusal } from './refusal.mjs';

const encode = (value) => Buffer.from(JSON.stringify(value))
	.toString('base64url');

// Who asks for "https://x.example/" means the same as without the slash.
const bare = (audience) => audience.replace(/\/+$/, '');

export class Tokens {
	// lifetime: of a token, in seconds.
	constructor({ tenant, lifetime = 3599 }) {
		Object.assign(this, { tenant, lifetime });
		this.key = randomBytes(32);
		this.revokedBefore = 0;
		this.issued = [];
	}

	#sign(text) {
		return createHmac('sha256', this.key).update(text)
			.digest('base64url');
	}

	issue(identity, audience, lifetime = this.lifetime) {
		const now = Math.floor(Date.now() / 1000);
		const claims = {
			aud: audience, iss: `https://sts.windows.net/${this.tenant}/`,
			iat: now, nbf: now, exp: now + lifetime, tid: this.tenant,
			appid: identity.clientId, oid: identity.objectId,
			sub: identity.objectId, uti: randomUUID(), idtyp: 'app',
			// Those of real ones fill as much.
			xms_ftd: randomBytes(900).toString('base64url'),
		};
		const text = `${encode({ typ: 'JWT', alg: 'HS256', kid: 'sim' })}.` +
			encode(claims);
		const token = `${text}.${this.#sign(text)}`;
		this.issued.push({ number: this.issued.length, audience, identity,
			token, expires_ms: 1000 * claims.exp });
		return { token, ...claims, lifetime };
	}

	// None that was issued until now is good any more.
	revoke() {
		this.revokedBefore = this.issued.length;
	}

	// Whether it was, though its claims say that it is good.
	isRevoked(token) {
		return this.issued.find((i) => i.token === token)?.number <
			this.revokedBefore;
	}

	// The claims of the bearer token of this request, which must be for one
	// of the audiences.
	check(req, audiences, challenge) {
		const refuse = (code, message) => {
			throw new Refusal(401, code, message, {
				'WWW-Authenticate': challenge ??
					`Bearer authorization_uri="https://login.example/` +
					`${this.tenant}", error="invalid_token"`,
			});
		};
		const [, token] = /^Bearer (\S+)$/i.exec(
			req.headers.authorization ?? '') ?? [];
		if (!token)
			refuse('AuthenticationFailed', "Authentication failed. The " +
				"'Authorization' header is missing.");
		const [head, body, signature] = token.split('.');
		if (this.#sign(`${head}.${body}`) !== signature)
			refuse('InvalidAuthenticationToken',
				'The access token is invalid.');
		const claims = JSON.parse(Buffer.from(body, 'base64url'));
		if (claims.exp <= Date.now() / 1000 || this.isRevoked(token))
			refuse('ExpiredAuthenticationToken', 'The access token expiry ' +
				`UTC time '${new Date(claims.exp * 1000).toISOString()}'` +
				' is earlier than current UTC time.');
		if (!audiences.map(bare).includes(bare(claims.aud)))
			refuse('InvalidAuthenticationTokenAudience', 'The access token ' +
				'has been obtained for wrong audience or resource ' +
				`'${claims.aud}'. It should exactly match with one of the ` +
				`allowed audiences '${audiences.join("','")}'.`);
		return claims;
	}
}
