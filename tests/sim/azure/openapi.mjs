// openapi.mjs -- Microsoft's own OpenAPI files as a second judge: of requests,
// and of what we answer.  They lie beside the repository, where at all.
import fs from 'node:fs';
import path from 'node:path';

import { misfits } from './shape.mjs';

const beside = path.resolve(import.meta.dirname, '../../../../shared/specs');

const shapeOf = (method, template) =>
	`${method} ${template.replace(/\{\w+\}/g, '{}')}`.toLowerCase();

// Without what is undefined.
const asSent = (body) => JSON.parse(JSON.stringify(body));

export class Specs {
	// Undefined where there are none.
	static load(dir = beside) {
		if (!fs.existsSync(dir))
			return undefined;
		const s = new Specs();
		Object.assign(s, { dir, files: new Map(), operations: new Map(),
			unfair: [] });
		for (const file of s.#services())
			s.#add(file);
		return s;
	}

	#services() {
		return fs.readdirSync(this.dir, { recursive: true })
			.filter((f) => f.endsWith('.json') && !f.includes('examples'))
			.map((f) => path.join(this.dir, f))
			.filter((f) => this.#read(f).paths);
	}

	#read(file) {
		if (!this.files.has(file))
			this.files.set(file, fs.existsSync(file)
				? JSON.parse(fs.readFileSync(file)) : {});
		return this.files.get(file);
	}

	#add(file) {
		const { basePath = '', paths } = this.#read(file);
		for (const [template, methods] of Object.entries(paths))
			for (const [method, def] of Object.entries(methods))
				this.operations.set(
					shapeOf(method, basePath + template), { file, def });
	}

	// The common types lie here by their version.
	#fileOf(ref, from) {
		const [name] = ref.split('#');
		const common = /common-types\/resource-management\/v(\d)\/types\.json/
			.exec(name);
		if (common)
			return path.join(this.dir, 'common-types',
				`types-v${common[1]}.json`);
		return name ? path.resolve(path.dirname(from), name) : from;
	}

	#finder(from) {
		return (ref) => {
			const file = this.#fileOf(ref, from);
			const schema = ref.split('#/')[1]?.split('/')
				.reduce((at, word) => at?.[word], this.#read(file));
			return schema && { schema, find: this.#finder(file) };
		};
	}

	#operation(call) {
		return call.route && this.operations.get(
			shapeOf(call.route.method, call.route.template));
	}

	// What is wrong with the request.
	misfits(call) {
		const { file, def } = this.#operation(call) ?? {};
		return [...def?.parameters ?? []].flatMap((p) => {
			const find = this.#finder(file);
			const parameter = p.$ref ? find(p.$ref)?.schema : p;
			return parameter ? [...this.#bad(parameter, call, find)]
				: [];
		}).map((what) => `${path.basename(file)}: ${what}`);
	}

	* #bad(p, call, find) {
		const value = {
			query: () => call.url.searchParams.get(p.name) ?? undefined,
			header: () => call.req.headers[p.name.toLowerCase()],
			body: () => call.json,
			// By our own names of them, and checked there.
			path: () => undefined,
		}[p.in]();
		if (value !== undefined)
			yield* misfits(p.in === 'body' ? p.schema : p, value, p.name,
				find);
		// Later versions than those of the files have made bodies optional.
		else if (p.required && p.in !== 'path' &&
			!(p.in === 'body' && call.route.optional))
			yield `${p.in} '${p.name}' lacks`;
	}

	// Whether what we answer is what the service would: kept for the tests.
	answer(call, { status = 200, body }) {
		const { file, def } = this.#operation(call) ?? {};
		if (!def)
			return;
		const said = def.responses[status];
		const wrong = !said ? [`status ${status}`]
			: said.schema && body !== undefined
				? [...misfits(said.schema, asSent(body), 'answer',
					this.#finder(file))] : [];
		if (wrong.length)
			this.unfair.push(`${call.route.id}: ${wrong.join('; ')}`);
	}
}
