// entra_users.mjs -- caches that take tokens of Entra in AUTH: the user of a
// real server is the identity's object id, and each token that was issued for
// Redis is a password of it, until it expires.
import { RedisConn } from './redis_conn.mjs';

const AUDIENCES = /^(https:\/\/redis\.azure\.com|acca5fbb-b7e4-4009-81f1-37e38fd66d78)\/?$/;

async function onAll(caches, use) {
	const servers = caches.filter((c) => c.entra).flatMap((c) => c.redis);
	await Promise.all(servers.map(async (server) => {
		const conn = await RedisConn.open(server);
		try {
			await use(conn);
		} finally {
			conn.close();
		}
	}));
}

export class EntraUsers {
	// caches: tells those there are.
	constructor(caches) {
		Object.assign(this, { caches, timers: new Set(), admitted: 0,
			last: new Map() });
	}

	// Of the tokens that were issued, the servers know all when it returns.
	async admit(tokens) {
		const news = tokens.issued.slice(this.admitted);
		this.admitted = tokens.issued.length;
		for (const one of news)
			if (AUDIENCES.test(one.audience))
				await this.#admitOne(one);
	}

	async #admitOne({ identity: { objectId }, token, expires_ms }) {
		this.last.set(objectId, token);
		await onAll(this.caches(), (conn) => conn.call('ACL', 'SETUSER',
			objectId, 'on', `>${token}`, '~*', '&*', '+@all'));
		const timer = setTimeout(() => {
			this.timers.delete(timer);
			this.#expire(objectId, token).catch(() => { });
		}, Math.max(expires_ms - Date.now(), 0));
		timer.unref();
		this.timers.add(timer);
	}

	// Which connection showed which token the server does not tell: they end
	// when the last one has expired.
	async #expire(objectId, token) {
		await onAll(this.caches(), async (conn) => {
			await conn.call('ACL', 'SETUSER', objectId, `<${token}`);
			if (this.last.get(objectId) === token)
				await conn.call('CLIENT', 'KILL', 'USER', objectId);
		});
	}

	stop() {
		this.timers.forEach(clearTimeout);
	}
}
