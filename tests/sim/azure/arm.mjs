// arm.mjs -- Azure Resource Manager: who may do what, how often, and which
// resource provider does it.
import { Refusal } from './refusal.mjs';

// What common-types call an ErrorResponse.
export const sayArm = (r) => (
	{ error: { code: r.code ?? 'InvalidRequestContent',
		message: r.message } });

// Whether that is of this caller, and of what the request names.
export const denies = (d, call, claims) =>
	(d.objectId ?? claims.oid) === claims.oid && (!d.resource ||
		Object.values(call.parameters).includes(d.resource));

// Whether the token's owner may do what the operation is.
export function authorize(sim, call, claims) {
	const { action } = call.route;
	const scope = call.url.pathname;
	if (!sim.denied.some((d) => d.action === action &&
		denies(d, call, claims)))
		return;
	throw new Refusal(403, 'AuthorizationFailed', `The client ` +
		`'${claims.appid}' with object id '${claims.oid}' does not have ` +
		`authorization to perform action '${action}' over scope '${scope}' ` +
		'or the scope is invalid. If access was recently granted, please ' +
		'refresh your credentials.');
}

export function arm(sim, providers) {
	let reads = 11999, writes = 1199;
	return async (call) => {
		const claims = sim.tokens.check(call.req, sim.opts.armAudiences);
		authorize(sim, call, claims);
		const answer = await providers[call.route.id](sim, call, claims);
		const left = call.req.method === 'GET'
			? { 'x-ms-ratelimit-remaining-subscription-reads': --reads }
			: { 'x-ms-ratelimit-remaining-subscription-writes': --writes };
		return { ...answer, headers: { ...left, ...answer.headers } };
	};
}
