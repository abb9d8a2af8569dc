// region.mjs -- one region's Blob service: an address, an account, and an
// Azurite behind it that nobody else asks.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { buffer } from 'node:stream/consumers';

import { Refusal } from '../azure/refusal.mjs';
import { Answer, refused } from './answer.mjs';
import { callOf } from './call.mjs';
import { Copies } from './copies.mjs';
import { fromUrl } from './from_url.mjs';
import { Limits } from './limits.mjs';
import { checkRights, isBearer, rightsOf, signature } from './rights.mjs';

function checkFirewall(region, { by }) {
	if (region.firewall && by !== 'client')
		throw new Refusal(403, 'AuthorizationFailure', 'This request is ' +
			'not authorized to perform this operation.');
}

// A TLS connection cannot be reset, but it can end without a goodbye.
function reset(socket) {
	if (socket.encrypted)
		socket.destroy();
	else
		socket.resetAndDestroy();
}

function scripted({ status, code, message, retryAfter, headers }) {
	return refused({ status, code: code ?? 'Scripted',
		message: message ?? 'as the test wants it',
		headers: { ...retryAfter !== undefined &&
			{ 'Retry-After': retryAfter }, ...headers } });
}

export class Region {
	// sim: what the regions share, with log, rules, broken and opts.
	static async listen(sim, { name, account, key, emulator, ca }) {
		const r = new Region();
		Object.assign(r, { sim, name, account, key, skewMs: 0,
			firewall: false, version: '2025-11-05', limits: new Limits(),
			upstream: new URL(emulator.url) });
		r.copies = new Copies(r);
		r.ca = ca && fs.readFileSync(ca.ca);
		r.client = ca ? https : http;
		r.agent = new r.client.Agent({ keepAlive: true, ca: r.ca });
		const opts = { keepAliveTimeout: 0, maxHeaderSize: 65536,
			...ca && { cert: fs.readFileSync(ca.cert),
				key: fs.readFileSync(ca.key) } };
		r.server = r.client.createServer(opts,
			(req, res) => r.#take(req, res));
		r.server.listen(0, '127.0.0.1');
		await once(r.server, 'listening');
		r.origin = `${ca ? 'https' : 'http'}://127.0.0.1:` +
			r.server.address().port;
		r.url = `${r.origin}/${account}`;
		return r;
	}

	async stop() {
		const closed = once(this.server, 'close');
		this.server.close();
		this.server.closeAllConnections();
		this.agent.destroy();
		await closed;
	}

	now() {
		return Date.now() + this.skewMs;
	}

	async #send(method, target, headers, body) {
		const up = this.client.request({
			agent: this.agent, host: this.upstream.hostname,
			port: this.upstream.port, method, path: target, headers,
			setHost: false,
		});
		up.end(body);
		const [answered] = await once(up, 'response');
		return new Answer(answered.statusCode, answered.rawHeaders,
			await buffer(answered));
	}

	#sign(method, target, headers) {
		const all = { 'x-ms-version': this.version, ...headers };
		const low = Object.fromEntries(Object.entries(all)
			.map(([k, v]) => [k.toLowerCase(), v]));
		low['x-ms-date'] = all['x-ms-date'] = new Date().toUTCString();
		all.Authorization = `SharedKey ${this.account}:` +
			signature(this, method, target, low);
		return all;
	}

	// A request of the region's own, by its account's key.
	ask(method, target, headers, body = Buffer.alloc(0)) {
		const all = { ...headers, 'Content-Length': String(body.length) };
		if (body.length > 0)
			all['Content-MD5'] = createHash('md5').update(body)
				.digest('base64');
		return this.#send(method, target,
			this.#sign(method, target, { ...all, Host: this.upstream.host }),
			body);
	}

	// A write to the call's blob by what its caller may; query has what is
	// asked of it, beside a SAS.
	write(call, query, headers, body = Buffer.alloc(0)) {
		const { signed, sas } = rightsOf(call);
		const asked = new URLSearchParams(query);
		for (const [name] of new URLSearchParams(sas))
			asked.delete(name);
		const target = [call.path, [asked.toString(), sas]
			.filter((s) => s).join('&')].filter((s) => s).join('?');
		const all = { Host: this.upstream.host, 'x-ms-version':
			this.version, ...headers, 'Content-Length': String(body.length) };
		return this.#send('PUT', target,
			signed ? this.#sign('PUT', target, all) : all, body);
	}

	// As it came; but for a bearer token, which Azurite would not take.
	#forward(call) {
		const { req, method, body } = call;
		if (!isBearer(call))
			return this.#send(method, req.url, req.rawHeaders, body);
		const headers = new Answer(0, req.rawHeaders).some((name) =>
			!['authorization', 'x-ms-date', 'connection'].includes(name));
		return this.#send(method, req.url,
			this.#sign(method, req.url, headers), body);
	}

	async #do(call) {
		const { operation } = call;
		const own = fromUrl[operation];
		checkFirewall(this, call);
		checkRights(this, call, own || operation === 'CopyBlob');
		this.limits.check(call);
		this.copies.check(call);
		if (own)
			return own(this, call);
		if (operation === 'CopyBlob')
			return this.copies.start(call,
				call.fault?.copy ?? this.sim.opts.copy);
		if (call.method === 'GET' || call.method === 'HEAD')
			await this.copies.look(call);
		const answer = await this.#forward(call);
		if (operation === 'GetBlob' || operation === 'GetBlobProperties')
			this.copies.tell(call, answer);
		return operation === 'AbortCopyBlob'
			? this.copies.abort(call, answer) : answer;
	}

	async #answer(call) {
		try {
			const answer = await this.#do(call);
			if (answer.ok) {
				this.limits.done(call);
				this.copies.done(call);
			}
			return answer;
		} catch (e) {
			if (!(e instanceof Refusal))
				throw e;
			return refused(e);
		}
	}

	#note(call) {
		const { by, operation, method, container, blob, req } = call;
		const entry = { at: Date.now(), region: this.name, by, operation,
			method, container, blob, url: req.url, headers: req.headers };
		call.fault = this.sim.rules.take(this.name, call);
		if (call.fault)
			entry.fault = call.fault;
		this.sim.log.push(entry);
		return entry;
	}

	async #take(req, res) {
		res.on('error', () => { });
		res.sendDate = false;
		try {
			const call = callOf(req, await buffer(req));
			await this.#serve(call, res, this.#note(call));
		} catch (e) {
			// Who asked is gone, or all of it is being stopped.
			if (!req.socket.destroyed && this.server.listening)
				this.sim.broken.push(e);
			req.socket.destroy();
		}
	}

	async #serve(call, res, entry) {
		const { fault } = call;
		await fault?.meanwhile?.(call);
		if (fault?.stall)
			return;
		if (fault?.lost === 'request')
			return void reset(call.req.socket);
		const answer = fault?.status ? scripted(fault)
			: await this.#answer(call);
		await fault?.afterwards?.(call);
		entry.status = answer.status;
		entry.code = answer.code;
		if (fault?.lost === 'answer')
			return void reset(call.req.socket);
		if (fault?.flip && call.operation === 'GetBlob')
			answer.body[answer.body.length >> 1] ^= 1;
		answer.set('Date', new Date(this.now()).toUTCString());
		res.writeHead(answer.status, answer.raw);
		if (fault?.cut) {
			await new Promise((sent) => res.write(
				answer.body.subarray(0, answer.body.length >> 1), sent));
			return void call.req.socket.end();
		}
		res.end(answer.body);
	}
}
