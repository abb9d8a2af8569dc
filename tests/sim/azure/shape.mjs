// shape.mjs -- whether a value fits a JSON schema, as far as ours and those
// of OpenAPI 2 go.  An enum that "x-ms-enum" opens for later values is none.
//
// find: where a $ref leads, {schema, find}; undefined means that it is not
// known there, and then anything fits.
const kinds = {
	array: Array.isArray,
	boolean: (v) => typeof v === 'boolean',
	integer: Number.isInteger,
	null: (v) => v === null,
	number: (v) => typeof v === 'number',
	object: (v) => v !== null && typeof v === 'object' && !Array.isArray(v),
	string: (v) => typeof v === 'string',
};

function* ofText(schema, value, at) {
	if (schema.pattern && !new RegExp(schema.pattern).test(value))
		yield `${at} is not like ${schema.pattern}`;
	if (value.length < (schema.minLength ?? 0))
		yield `${at} is too short`;
	if (value.length > (schema.maxLength ?? Infinity))
		yield `${at} is too long`;
}

function* ofNumber(schema, value, at) {
	if (value < (schema.minimum ?? -Infinity) ||
		value > (schema.maximum ?? Infinity))
		yield `${at} is out of range`;
}

function* ofList(schema, value, at, find) {
	if (value.length < (schema.minItems ?? 0))
		yield `${at} has too few items`;
	for (const [i, item] of value.entries())
		yield* misfits(schema.items ?? {}, item, `${at}[${i}]`, find);
}

function* ofMembers(schema, value, at, find) {
	const known = schema.properties ?? {};
	for (const name of schema.required ?? [])
		if (!(name in value))
			yield `${at} lacks '${name}'`;
	for (const [name, member] of Object.entries(value)) {
		const rule = known[name] ?? schema.additionalProperties ?? {};
		if (rule === false)
			yield `${at} has '${name}'`;
		// Services send null for what is not there.
		else if (member !== null || schema.required?.includes(name))
			yield* misfits(rule, member, `${at}.${name}`, find);
	}
}

export function* misfits(schema, value, at, find = () => undefined) {
	if (schema.$ref) {
		const there = find(schema.$ref);
		if (there)
			yield* misfits(there.schema, value, at, there.find);
		return;
	}
	for (const part of schema.allOf ?? [])
		yield* misfits(part, value, at, find);
	const types = [schema.type ?? []].flat();
	if (types.length && !types.some((type) => kinds[type](value))) {
		yield `${at} is no ${types.join(' or ')}`;
		return;
	}
	if (schema.enum && !schema['x-ms-enum']?.modelAsString &&
		!schema.enum.includes(value))
		yield `${at} is none of ${schema.enum.join(', ')}`;
	if (kinds.string(value))
		yield* ofText(schema, value, at);
	else if (kinds.number(value))
		yield* ofNumber(schema, value, at);
	else if (kinds.array(value))
		yield* ofList(schema, value, at, find);
	else if (kinds.object(value))
		yield* ofMembers(schema, value, at, find);
}
