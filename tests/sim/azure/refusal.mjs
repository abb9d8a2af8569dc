// refusal.mjs -- what a service answers instead of doing what it was asked.
// Whoever finds the reason throws it; the face gives it the service's shape,
// and a code that tells of a bad request where it has none.
export class Refusal extends Error {
	constructor(status, code, message, headers = {}) {
		super(message);
		Object.assign(this, { status, code, headers });
	}
}
