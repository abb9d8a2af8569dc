// answer.mjs -- an answer of Blob storage: a status, headers in the spelling
// that they came in (names of metadata have a case), a body.
import { randomUUID } from 'node:crypto';

export class Answer {
	constructor(status, headers = {}, body = Buffer.alloc(0)) {
		const raw = Array.isArray(headers) ? headers
			: Object.entries(headers).flat();
		Object.assign(this, { status, raw, body });
	}

	#find(name) {
		for (let i = 0; i < this.raw.length; i += 2)
			if (this.raw[i].toLowerCase() === name.toLowerCase())
				return i;
		return -1;
	}

	get(name) {
		const i = this.#find(name);
		return i < 0 ? undefined : this.raw[i + 1];
	}

	set(name, value) {
		const i = this.#find(name);
		if (i < 0)
			this.raw.push(name, String(value));
		else
			this.raw[i + 1] = String(value);
		return this;
	}

	// Those that pick() takes, by their names, as they are spelled.
	some(pick) {
		const found = {};
		for (let i = 0; i < this.raw.length; i += 2)
			if (pick(this.raw[i].toLowerCase()))
				found[this.raw[i]] = this.raw[i + 1];
		return found;
	}

	get ok() {
		return this.status < 300;
	}

	get code() {
		return this.get('x-ms-error-code');
	}
}

const plain = (text) => text.replace(/[<>&]/g, (c) =>
	({ '<': '&lt;', '>': '&gt;', '&': '&amp;' })[c]);

// A Refusal (../azure/refusal.mjs) as this service puts it.
export function refused({ status, code, message, headers }) {
	const body = Buffer.from('<?xml version="1.0" encoding="utf-8"?><Error>' +
		`<Code>${code}</Code><Message>${plain(message)}</Message></Error>`);
	return new Answer(status, {
		'x-ms-error-code': code, 'x-ms-request-id': randomUUID(),
		'Content-Type': 'application/xml', 'Content-Length': body.length,
		...headers,
	}, body);
}
