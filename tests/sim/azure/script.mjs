// script.mjs -- what shall go wrong, and when.
//
// on: an operation's name as in schemas/ ("Databases_Import"), or a service's
// ("imds"), with the name of one resource behind it where only that is meant
// ("Databases_Import dr").  The nth such request is spoiled, and as many after
// it as "times" says.  What a fault is, is told in azure.mjs.  Who comes back
// before the Retry-After of a 429 has passed gets another.
// The fault, if it is time for it.
function fire(rule) {
	if (Date.now() < rule.until)
		return { ...rule.fault, early: true };
	if (rule.seen < rule.nth || rule.spoiled >= rule.times)
		return undefined;
	rule.spoiled++;
	if (rule.fault.status === 429)
		rule.until = Date.now() + 1000 * (rule.fault.retryAfter ?? 0);
	return rule.fault;
}

export class Script {
	constructor() {
		this.rules = [];
	}

	add(on, fault, { nth = 1, times = 1 } = {}) {
		const [what, resource] = on.split(' ');
		const rule = { what, resource, fault, nth, times, seen: 0,
			spoiled: 0, until: 0 };
		this.rules.push(rule);
		return rule;
	}

	clear() {
		this.rules = [];
	}

	take(call, service) {
		const names = [call.route?.id, service];
		const resources = Object.values(call.parameters ?? {});
		const rules = this.rules.filter((r) => names.includes(r.what) &&
			(!r.resource || resources.includes(r.resource)));
		for (const rule of rules)
			rule.seen++;
		for (const rule of rules) {
			const fault = fire(rule);
			if (fault)
				return fault;
		}
		return undefined;
	}
}
