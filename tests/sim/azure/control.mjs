// control.mjs -- the stand-in led from another process: what azure.mjs offers,
// by plain HTTP and JSON.
//
//	GET /log, /violations, /unfair, /broken
//	POST /script {on, fault, nth, times}, /clear
//	POST /deny {action, objectId, resource}, /allow
//	POST /release, /revoke
//	POST /enterprise/NAME, /premium/NAME: properties that it has from now on
import { once } from 'node:events';
import http from 'node:http';
import { json } from 'node:stream/consumers';

const actions = {
	script: (azure, { on, fault, nth, times }) =>
		azure.script(on, fault, { nth, times }),
	clear: (azure) => azure.rules.clear(),
	deny: (azure, { action, ...to }) => azure.deny(action, to),
	allow: (azure) => azure.allow(),
	release: (azure) => azure.release(),
	revoke: (azure) => azure.tokens.revoke(),
	enterprise: (azure, body, name) => change(azure.enterprise, body, name),
	premium: (azure, body, name) => change(azure.premium, body, name),
};

const lists = {
	log: (azure) => azure.log,
	violations: (azure) => azure.violations,
	unfair: (azure) => azure.unfair,
	broken: (azure) => azure.broken.map((e) => e.stack),
};

function change(caches, body, name) {
	const cache = caches.find((c) => c.name === name);
	if (!cache)
		throw new Error(`no cache '${name}'`);
	Object.assign(cache, body);
}

async function answer(azure, req) {
	const [, what, name] = new URL(req.url, 'http://x').pathname.split('/');
	if (req.method === 'GET' && lists[what])
		return lists[what](azure);
	const body = Number(req.headers['content-length']) > 0
		? await json(req) : {};
	if (req.method !== 'POST' || !actions[what])
		throw new Error(`no ${req.method} /${what}`);
	actions[what](azure, body, name);
	return {};
}

// answer: what a request gets, as what becomes JSON; it throws where it is
// wrong.
export async function serveControl(answer) {
	const server = http.createServer(async (req, res) => {
		try {
			const body = await answer(req);
			res.end(`${JSON.stringify(body)}\n`);
		} catch (e) {
			res.writeHead(400).end(`${JSON.stringify(
				{ error: e.message })}\n`);
		}
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	return {
		url: `http://127.0.0.1:${server.address().port}`,
		stop() {
			server.close();
			server.closeAllConnections();
		},
	};
}

export function listenControl(azure) {
	return serveControl((req) => answer(azure, req));
}
