// resources.mjs -- what the small services have in common: a resource by its
// name, and the conditions under which it is changed.
import { Refusal } from './refusal.mjs';

export const same = (a, b) => a.toLowerCase() === b.toLowerCase();

export function pick(list, name, what) {
	const found = list.find((one) => same(one.name, name));
	if (!found)
		throw new Refusal(404, 'ResourceNotFound', `The resource ` +
			`'${what}/${name}' was not found.`);
	return found;
}

// Of If-Match and If-None-Match, in the form that it has there.
export function preconditions(call, etag) {
	const { 'if-match': match, 'if-none-match': none } = call.req.headers;
	const bare = (tag) => tag.replace(/^"|"$/g, '');
	if (none !== undefined && etag !== undefined ||
		match === '*' && etag === undefined ||
		match !== undefined && match !== '*' &&
			bare(match) !== bare(etag ?? ''))
		throw new Refusal(412, 'PreconditionFailed', 'The condition given ' +
			'in the request header(s) is not met.');
}
