// face.mjs -- one server on loopback that stands in for one of Azure's.
//
// Each request is resolved to its operation, noted in the log, checked for
// its shape, and then done, unless a script spoils it.  What is done, is done
// by "serve", a function of the call; the services throw a Refusal.
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { buffer } from 'node:stream/consumers';

import { Refusal } from './refusal.mjs';

function parse(body, type = '') {
	const text = body.toString();
	try {
		if (type.startsWith('application/x-www-form-urlencoded'))
			return Object.fromEntries(new URLSearchParams(text));
		return text ? JSON.parse(text) : undefined;
	} catch {
		return undefined;
	}
}

// A TLS connection cannot be reset, but it can end without a goodbye.
function reset(socket) {
	if (socket.encrypted)
		socket.destroy();
	else
		socket.resetAndDestroy();
}

export class Face {
	// name: of the service, in the log.  sim: what all faces share, with
	// log, rules and specs.  say: a Refusal as this service's body.
	static async listen(sim, { name, routes, serve, say, ca, port = 0 }) {
		const f = new Face();
		Object.assign(f, { sim, name, routes, serve, say });
		// A request of 8 KB of URL and 2 KB of token is no rarity here.
		const opts = { maxHeaderSize: 65536, keepAliveTimeout: 0 };
		const listener = (req, res) => f.#take(req, res);
		f.server = ca ? https.createServer({
			...opts, cert: fs.readFileSync(ca.cert),
			key: fs.readFileSync(ca.key),
		}, listener) : http.createServer(opts, listener);
		f.server.listen(port, '127.0.0.1');
		await once(f.server, 'listening');
		f.url = `${ca ? 'https' : 'http'}://127.0.0.1:` +
			f.server.address().port;
		return f;
	}

	async stop() {
		const closed = once(this.server, 'close');
		this.server.close();
		this.server.closeAllConnections();
		await closed;
	}

	async #take(req, res) {
		res.on('error', () => { });
		try {
			const body = await buffer(req);
			const url = new URL(req.url, this.url);
			const found = this.routes.find(req.method, url.pathname);
			const call = {
				face: this.url,
				req, res, url, body, ...found, id: randomUUID(),
				json: parse(body, req.headers['content-type']),
			};
			await this.#answer(call, this.#note(call));
		} catch (e) {
			// Who asked is gone.
			if (!req.socket.destroyed) {
				this.sim.broken.push(e);
				req.socket.destroy();
			}
		}
	}

	#note(call) {
		const entry = {
			at: Date.now(), service: this.name,
			operation: call.route?.id, parameters: call.parameters,
			method: call.req.method, url: call.req.url,
			headers: call.req.headers, body: call.json, id: call.id,
		};
		// A violation is one even where something else goes wrong, or the
		// service would not mind.
		const wrong = call.route ? [
			...this.routes.misfits(call),
			...this.sim.specs?.misfits(call) ?? [],
		] : ['no such operation'];
		if (wrong.length)
			entry.violation = wrong;
		this.sim.log.push(entry);
		return entry;
	}

	async #answer(call, entry) {
		const fault = this.sim.rules.take(call, this.name);
		entry.fault = fault;
		Object.assign(call, { fault, entry });
		await fault?.meanwhile?.(call);
		if (fault?.lost === 'request' || fault?.stall) {
			if (!fault.stall)
				reset(call.req.socket);
			return;
		}
		const answer = fault?.status ? this.#made(fault)
			: await this.#done(call, entry);
		await fault?.afterwards?.(call);
		Object.assign(answer.headers, fault?.headers);
		entry.status = answer.status;
		if (fault?.lost === 'answer')
			reset(call.req.socket);
		else
			this.#send(call, answer);
	}

	#made({ status, code, message, retryAfter, body, headers }) {
		const r = new Refusal(status, code ?? 'Scripted',
			message ?? 'as the test wants it', headers);
		if (retryAfter !== undefined)
			r.headers = { ...r.headers, 'Retry-After': retryAfter };
		return { status, headers: { ...r.headers },
			body: body ?? this.say(r) };
	}

	async #done(call, entry) {
		try {
			this.#check(call, entry);
			const answer = await this.serve(call);
			this.sim.specs?.answer(call, answer);
			return { status: 200, ...answer,
				headers: { ...answer.headers } };
		} catch (e) {
			if (!(e instanceof Refusal))
				throw e;
			return { status: e.status, headers: { ...e.headers },
				body: this.say(e) };
		}
	}

	#check(call, entry) {
		if (!entry.violation)
			return;
		throw new Refusal(call.route ? 400 : 404, undefined,
			`${call.req.method} ${call.url.pathname}: ` +
				entry.violation.join('; '));
	}

	#send(call, { status, headers, body }) {
		const text = body === undefined ? ''
			: typeof body === 'string' ? body : JSON.stringify(body);
		call.res.writeHead(status, {
			...text && { 'Content-Type': 'application/json; charset=utf-8' },
			'Content-Length': Buffer.byteLength(text),
			'x-ms-request-id': call.id,
			'x-ms-correlation-request-id':
				call.req.headers['x-ms-correlation-request-id'] ?? call.id,
			...headers,
		});
		call.res.end(text);
	}
}
