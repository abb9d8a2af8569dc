// control.mjs -- the stand-in led from another process: what blobs.mjs offers,
// by plain HTTP and JSON.
//
//	GET /log
//	POST /script {on, fault, nth, times, by}, /heal, /release
//	POST /west, /north {firewall, skewMs}
import { json } from 'node:stream/consumers';

import { serveControl } from '../azure/control.mjs';

function change(region, { firewall = region.firewall,
	skewMs = region.skewMs }) {
	Object.assign(region, { firewall, skewMs });
}

const actions = {
	script: (blobs, { on, fault, ...when }) => blobs.script(on, fault, when),
	heal: (blobs) => blobs.heal(),
	release: (blobs) => blobs.release(),
	west: (blobs, body) => change(blobs.west, body),
	north: (blobs, body) => change(blobs.north, body),
};

async function answer(blobs, req) {
	const what = new URL(req.url, 'http://x').pathname.slice(1);
	if (req.method === 'GET' && what === 'log')
		return blobs.log;
	const body = Number(req.headers['content-length']) > 0
		? await json(req) : {};
	if (req.method !== 'POST' || !actions[what])
		throw new Error(`no ${req.method} /${what}`);
	actions[what](blobs, body);
	return {};
}

export function listenControl(blobs) {
	return serveControl((req) => answer(blobs, req));
}
