// redis_conn.mjs -- a connection to a Redis, of which bytes stay bytes.
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import tls from 'node:tls';

// A value and where the next one begins; undefined while it is not whole.
function parse(data, at) {
	const end = data.indexOf('\r\n', at);
	if (end < 0)
		return undefined;
	const line = data.toString('latin1', at + 1, end);
	const next = end + 2;
	const n = Number(line);
	switch (data[at]) {
	case 0x2b: // +
		return { value: line, next };
	case 0x2d: // -
		return { value: new Error(line), next };
	case 0x3a: // :
		return { value: n, next };
	case 0x24: // $
		if (n < 0)
			return { value: null, next };
		return data.length < next + n + 2 ? undefined
			: { value: data.subarray(next, next + n), next: next + n + 2 };
	case 0x2a: // *
		return list(data, n, next);
	default:
		throw new Error(`redis says '${line}'`);
	}
}

function list(data, n, at) {
	if (n < 0)
		return { value: null, next: at };
	const value = [];
	for (let i = 0; i < n; i++) {
		const item = parse(data, at);
		if (!item)
			return undefined;
		value.push(item.value);
		at = item.next;
	}
	return { value, next: at };
}

function encode(words) {
	const parts = [Buffer.from(`*${words.length}\r\n`)];
	for (const word of words) {
		const bytes = Buffer.isBuffer(word) ? word
			: Buffer.from(String(word));
		parts.push(Buffer.from(`$${bytes.length}\r\n`), bytes,
			Buffer.from('\r\n'));
	}
	return Buffer.concat(parts);
}

export class RedisConn {
	// server: {path} of a socket, or {port, host, user, password, ca}, with
	// ca the file of one where it speaks TLS.
	static async open(server) {
		const c = new RedisConn();
		Object.assign(c, { data: Buffer.alloc(0), waiting: [] });
		const { path, port, host = '127.0.0.1', ca } = server;
		c.socket = ca ? tls.connect({ port, host, ca: fs.readFileSync(ca) })
			: net.connect(path ? { path } : { port, host });
		await once(c.socket, ca ? 'secureConnect' : 'connect');
		c.socket.on('data', (d) => c.#take(d));
		c.socket.on('error', (e) => c.#fail(e));
		c.socket.on('close', () => c.#fail(new Error('redis hung up')));
		await c.#login(server);
		return c;
	}

	async #login({ user, password }) {
		try {
			if (password)
				await this.call('AUTH', ...user ? [user] : [], password);
		} catch (e) {
			this.close();
			throw e;
		}
	}

	#take(more) {
		this.data = Buffer.concat([this.data, more]);
		for (;;) {
			const reply = this.data.length > 0 && parse(this.data, 0);
			if (!reply)
				return;
			this.data = this.data.subarray(reply.next);
			this.waiting.shift().resolve(reply.value);
		}
	}

	#fail(e) {
		this.failed = e;
		for (const { reject } of this.waiting.splice(0))
			reject(e);
	}

	// Replies, errors among them.
	pipe(commands) {
		if (this.failed)
			return Promise.reject(this.failed);
		const replies = commands.map(() => new Promise((resolve, reject) =>
			this.waiting.push({ resolve, reject })));
		this.socket.write(Buffer.concat(commands.map(encode)));
		return Promise.all(replies);
	}

	async call(...words) {
		const [reply] = await this.pipe([words]);
		if (reply instanceof Error)
			throw new Error(`${words[0]}: ${reply.message}`);
		return reply;
	}

	close() {
		this.socket.destroy();
	}
}
