// fault_proxy.mjs -- between drsync and the service: passes everything on as
// it came, knows what each request is for, and spoils those that a rule names.
//
// A request's class says which account, what is asked, and of which kind of
// blob: "north PUT blocklist manifest.json".  A fault is a function of a call:
// the answer's socket, and forward(), which has the service do it and resolves
// to its whole answer.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import { buffer } from 'node:stream/consumers';

function operation(req, query) {
	const comp = query.get('comp');
	if (comp === 'lease')
		return `LEASE ${req.headers['x-ms-lease-action']}`;
	if (comp === 'block' && req.headers['x-ms-copy-source'])
		return 'PUT block-from-url';
	if (comp === 'list')
		return 'LIST';
	return comp ? `${req.method} ${comp}` : req.method;
}

function kindOf(blob) {
	const name = blob.split('/').pop();
	if (name.startsWith('part-'))
		return 'part';
	return blob.startsWith('import-') ? 'target.lock' : name;
}

function classify(req) {
	const url = new URL(req.url, 'http://proxy');
	const [, account, container, ...blob] = url.pathname.split('/')
		.map(decodeURIComponent);
	const words = [account, operation(req, url.searchParams)];
	if (blob.length > 0)
		words.push(kindOf(blob.join('/')));
	return { container, class: words.join(' ') };
}

// An answer that the service never gave.
export function answer(status, code, headers = {}) {
	return ({ res }) => {
		const body = `<?xml version="1.0" encoding="utf-8"?><Error>` +
			`<Code>${code}</Code><Message>made up</Message></Error>`;
		res.writeHead(status, {
			'x-ms-error-code': code, 'x-ms-request-id': 'made-up',
			'Content-Type': 'application/xml',
			'Content-Length': Buffer.byteLength(body), ...headers,
		});
		res.end(body);
	};
}

// The service never hears of it.
export function resetBefore({ socket }) {
	socket.resetAndDestroy();
}

// The service has done it, and nobody is told.
export async function resetAfter({ socket, forward }) {
	await forward();
	socket.resetAndDestroy();
}

// Nobody is told, and the service does it only when the promise is fulfilled.
export function arrivesLater(promise) {
	return async ({ socket, forward }) => {
		socket.resetAndDestroy();
		await promise;
		await forward();
	};
}

export async function stall({ forward }) {
	await forward();
}

async function half({ res, forward }) {
	const { status, headers, body } = await forward();
	res.writeHead(status, headers);
	await new Promise((sent) => {
		res.write(body.subarray(0, body.length >> 1), sent);
	});
}

export async function resetInBody(call) {
	await half(call);
	call.socket.resetAndDestroy();
}

// As if that had been all.
export async function cutInBody(call) {
	await half(call);
	call.socket.end();
}

export async function stallInBody(call) {
	await half(call);
}

export async function flipInBody({ res, forward }) {
	const { status, headers, body } = await forward();
	body[body.length >> 1] ^= 1;
	res.writeHead(status, headers);
	res.end(body);
}

// As if the service had it so: what it tells of the bytes agrees with them.
export async function flipAtRest({ res, forward }) {
	const { status, headers, body } = await forward();
	body[body.length >> 1] ^= 1;
	const md5 = headers.findIndex((h) => /^content-md5$/i.test(h));
	headers[md5 + 1] = createHash('md5').update(body).digest('base64');
	res.writeHead(status, headers);
	res.end(body);
}

export class FaultProxy {
	static async start(t, upstream) {
		const p = new FaultProxy();
		Object.assign(p, { upstream: new URL(upstream), log: [], rules: [] });
		p.agent = new http.Agent({ keepAlive: true });
		p.server = http.createServer({ keepAliveTimeout: 0 },
			(req, res) => p.#serve(req, res));
		p.server.listen(0, '127.0.0.1');
		await once(p.server, 'listening');
		t.after(() => {
			p.server.close();
			p.server.closeAllConnections();
			p.agent.destroy();
		});
		p.url = `http://127.0.0.1:${p.server.address().port}`;
		return p;
	}

	// Spoils requests of that class in that container: the nth, and as many
	// after it as are wanted.  The rule tells how often it did.
	spoil(container, cls, fault, { nth = 1, times = 1 } = {}) {
		const rule = { container, class: cls, fault, nth, times, seen: 0,
			spoiled: 0 };
		this.rules.push(rule);
		return rule;
	}

	heal(container) {
		this.rules = this.rules.filter((r) => r.container !== container);
	}

	// What was asked of a container since the last call.
	take(container) {
		const taken = this.log.filter((e) => e.container === container);
		this.log = this.log.filter((e) => e.container !== container);
		return taken;
	}

	#fault(what) {
		for (const rule of this.rules) {
			if (rule.container !== what.container ||
				rule.class !== what.class)
				continue;
			rule.seen++;
			if (rule.seen >= rule.nth && rule.spoiled < rule.times) {
				rule.spoiled++;
				return rule.fault;
			}
		}
		return undefined;
	}

	async #forward(req, body) {
		const up = http.request({
			agent: this.agent, host: this.upstream.hostname,
			port: this.upstream.port, method: req.method, path: req.url,
			headers: req.rawHeaders, setHost: false,
		});
		up.end(body);
		const [answered] = await once(up, 'response');
		return {
			status: answered.statusCode, headers: answered.rawHeaders,
			body: await buffer(answered),
		};
	}

	async #serve(req, res) {
		const entry = { ...classify(req), url: req.url,
			came: performance.now() };
		const fault = this.#fault(entry);
		entry.spoiled = fault !== undefined;
		this.log.push(entry);
		res.sendDate = false;
		res.on('error', () => { });
		try {
			const body = await buffer(req);
			const forward = () => this.#forward(req, body);
			if (fault) {
				await fault({ res, socket: req.socket, forward });
			} else {
				const answered = await forward();
				res.writeHead(answered.status, answered.headers);
				res.end(answered.body);
			}
		} catch {
			// Who asked is gone, or the service: no answer says so.
			req.socket.destroy();
		}
	}
}
