// app_config.mjs -- stores of App Configuration: each at its own address, and
// all of them by ARM, where a key and its label are one name, "key$label".
import { randomUUID } from 'node:crypto';

import { authorize } from './arm.mjs';
import { Refusal } from './refusal.mjs';
import { pick, preconditions } from './resources.mjs';

const KV = 'application/vnd.microsoft.appconfig.kv+json; charset=utf-8';

export const sayAppConfig = (r) => ({
	type: `https://azconfig.io/errors/${r.code ?? 'invalid-argument'}`,
	title: r.message, status: r.status, detail: r.message,
});

export class ConfigStore {
	constructor(id, name) {
		Object.assign(this, { id, name, pairs: [] });
	}

	find(key, label) {
		return this.pairs.find((p) => p.key === key &&
			(p.label ?? '') === (label ?? ''));
	}

	// content: {value, contentType, tags}.
	put(key, label, content) {
		const pair = { key, label, ...content, etag: randomUUID(),
			modified: new Date().toISOString() };
		this.pairs = [...this.pairs.filter((p) =>
			p !== this.find(key, label)), pair];
		return pair;
	}
}

function told(p) {
	return {
		headers: { ETag: `"${p.etag}"`, 'Content-Type': KV },
		body: { etag: p.etag, key: p.key, label: p.label ?? null,
			content_type: p.contentType ?? null, value: p.value,
			tags: p.tags ?? {}, locked: false, last_modified: p.modified },
	};
}

export function appConfig(sim, store) {
	const serve = {
		AppConfig_GetKeyValue(there) {
			if (!there)
				throw new Refusal(404, 'key-not-found',
					'The key does not exist.');
			return told(there);
		},
		AppConfig_PutKeyValue(there, call, label) {
			preconditions(call, there?.etag);
			const { value, content_type: contentType, tags } = call.json;
			return told(store.put(call.parameters.key, label,
				{ value, contentType, tags }));
		},
	};
	return (call) => {
		authorize(sim, call, sim.tokens.check(call.req,
			['https://azconfig.io', store.url]));
		const label = call.url.searchParams.get('label') || undefined;
		return serve[call.route.id](store.find(call.parameters.key, label),
			call, label);
	};
}

function pairOf(sim, call) {
	const store = pick(sim.stores, call.parameters.store,
		'Microsoft.AppConfiguration/configurationStores');
	const [key, label] = call.parameters.pair.split('$');
	return { store, key, label };
}

function pairBody(store, { key, label, value, contentType = '', etag, tags,
	modified }) {
	const name = label ? `${key}$${label}` : key;
	return {
		id: `${store.id}/keyValues/${name}`, name,
		type: 'Microsoft.AppConfiguration/configurationStores/keyValues',
		properties: { key, label, value, contentType, eTag: etag,
			lastModified: modified, locked: false, tags: tags ?? {} },
	};
}

function getPair(sim, call) {
	const { store, key, label } = pairOf(sim, call);
	const pair = store.find(key, label);
	if (!pair)
		throw new Refusal(404, 'ResourceNotFound', 'The key-value was not ' +
			'found.');
	return { body: pairBody(store, pair) };
}

function putPair(sim, call) {
	const { store, key, label } = pairOf(sim, call);
	const { value, contentType, tags } = call.json.properties;
	return { body: pairBody(store,
		store.put(key, label, { value, contentType, tags })) };
}

export const keyValues = {
	KeyValues_Get: getPair,
	KeyValues_CreateOrUpdate: putPair,
};
