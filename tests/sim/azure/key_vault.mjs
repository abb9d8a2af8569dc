// key_vault.mjs -- one Key Vault's secrets, at its own address.
import { randomBytes } from 'node:crypto';

import { authorize } from './arm.mjs';
import { Refusal } from './refusal.mjs';

export class Vault {
	constructor(name, secrets = {}) {
		Object.assign(this, { name, secrets: {} });
		for (const [secret, value] of Object.entries(secrets))
			this.set(secret, { value });
	}

	// content: {value, contentType, tags}.  The newest comes last.
	set(name, content) {
		const now = Math.floor(Date.now() / 1000);
		this.secrets[name] = [...this.secrets[name] ?? [], {
			...content, version: randomBytes(16).toString('hex'),
			attributes: { enabled: true, created: now, updated: now,
				recoveryLevel: 'Recoverable' },
		}];
		return this.secrets[name].at(-1);
	}
}

function found(vault, { secret, version }) {
	const all = vault.secrets[secret] ?? [];
	const s = version ? all.find((one) => one.version === version)
		: all.at(-1);
	if (!s)
		throw new Refusal(404, 'SecretNotFound', 'A secret with (name/id) ' +
			`${secret} was not found in this key vault.`);
	return s;
}

export function keyVault(sim, vault) {
	const told = (name, { version, ...content }) => ({ body: {
		...content, id: `${vault.url}/secrets/${name}/${version}` } });
	return (call) => {
		// Who comes without a token is told where to get one.
		authorize(sim, call, sim.tokens.check(call.req,
			['https://vault.azure.net'], 'Bearer authorization="' +
			`${sim.urls.login}/${sim.tenant}", ` +
			'resource="https://vault.azure.net"'));
		const { secret } = call.parameters;
		return told(secret, call.route.id === 'Secrets_Set'
			? vault.set(secret, call.json) : found(vault, call.parameters));
	};
}
