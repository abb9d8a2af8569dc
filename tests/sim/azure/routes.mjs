// routes.mjs -- which operation a request asks for, and whether it has the
// shape that the operation wants.
//
// A file of schemas/ tells a service's operations: what each is asked by
// ("GET /path/{parameter}"), the api-versions, further query parameters and
// headers with their schemas, the action that a role must grant, and the
// schema of the body (none: no body may be sent; "optional": it may lack).
import fs from 'node:fs';
import path from 'node:path';

import { misfits } from './shape.mjs';

// Neither case nor a slash at the end matters, as little as to Azure.
function pattern(template) {
	const source = template.split(/(\{\w+\})/).map((part) =>
		part.startsWith('{') ? '([^/]+)' : RegExp.escape?.(part) ??
			part.replace(/[.*+?^$()|[\]\\]/g, '\\$&')).join('');
	return new RegExp(`^${source}/?$`, 'i');
}

function route(service, id, def) {
	const [method, template] = def.request.split(' ');
	return {
		id, method, template, ...def,
		versions: def.versions ?? service.versions,
		parameters: { ...service.parameters, ...def.parameters },
		names: [...template.matchAll(/\{(\w+)\}/g)].map((m) => m[1]),
		pattern: pattern(template),
	};
}

function* badParts(what, schemas, values) {
	for (const [name, schema] of Object.entries(schemas ?? {})) {
		const value = values[name];
		if (value !== undefined)
			yield* misfits(schema, value, `${what} '${name}'`);
		else if (schema.needed)
			yield `${what} '${name}' lacks`;
	}
}

function* badQuery(r, call) {
	const query = Object.fromEntries(call.url.searchParams);
	const known = new Set(['api-version', ...Object.keys(r.query ?? {})]);
	if (r.versions && !r.versions.includes(query['api-version']))
		yield `api-version '${query['api-version']}' is not known`;
	for (const name of Object.keys(query))
		if (!known.has(name) && !r.opaque)
			yield `query '${name}' is not known`;
	yield* badParts('query', r.query, query);
}

function* badBody(r, call) {
	if (!r.body) {
		if (call.body.length)
			yield 'a body where there is none';
		return;
	}
	if (!call.body.length) {
		if (!r.optional)
			yield 'no body';
		return;
	}
	const type = call.req.headers['content-type'] ?? '';
	if (!new RegExp(`^${r.type ?? 'application/json'}`).test(type))
		yield `the body is of type '${type}'`;
	if (call.json === undefined)
		yield 'the body is not what its type says';
	else
		yield* misfits(r.body, call.json, 'body');
}

export class Routes {
	constructor(...files) {
		const dir = path.join(import.meta.dirname, 'schemas');
		this.all = files.flatMap((file) => {
			const service = JSON.parse(fs.readFileSync(
				path.join(dir, file)));
			return Object.entries(service.operations)
				.map(([id, def]) => route(service, id, def));
		});
	}

	// {route, parameters}, or undefined.
	find(method, pathname) {
		for (const r of this.all) {
			const m = r.method === method && r.pattern.exec(pathname);
			if (m)
				return { route: r, parameters: Object.fromEntries(r.names
					.map((n, i) => [n, decodeURIComponent(m[i + 1])])) };
		}
		return undefined;
	}

	misfits(call) {
		const r = call.route;
		return [
			...badParts('path', r.parameters, call.parameters),
			...badParts('header', r.headers, call.req.headers),
			...badQuery(r, call), ...badBody(r, call),
		];
	}
}
