// script.mjs -- what shall go wrong, and when.
//
// on: "REGION OPERATION BLOB", each with * for any run of characters, the
// blob's name and the operation's optional: "north PutBlockFromUrl */part-*",
// "west GetBlob", "* *FromUrl", "north".  The nth such request is spoiled, and
// as many after it as "times" says; with "by" only those of a client, or of
// that region's service, count.  What a fault is, is told in blobs.mjs.
function glob(text) {
	const parts = text.split('*').map((s) =>
		s.replace(/[\\^$.|?+()[\]{}]/g, '\\$&'));
	return new RegExp(`^${parts.join('.*')}$`, 's');
}

export class Script {
	constructor() {
		this.rules = [];
	}

	add(on, fault, { nth = 1, times = 1, by } = {}) {
		const [region, operation = '*', ...blob] = on.split(' ');
		const rule = {
			on, fault, nth, times, by, seen: 0, spoiled: 0,
			region: glob(region), operation: glob(operation),
			blob: glob(blob.join(' ') || '*'),
		};
		this.rules.push(rule);
		return rule;
	}

	clear() {
		this.rules = [];
	}

	// The fault, if it is time for one.
	take(region, call) {
		const rules = this.rules.filter((r) => r.region.test(region) &&
			r.operation.test(call.operation) &&
			r.blob.test(call.blob ?? '') && (!r.by || r.by === call.by));
		for (const rule of rules)
			rule.seen++;
		const due = rules.find((r) => r.seen >= r.nth &&
			r.spoiled < r.times);
		if (due)
			due.spoiled++;
		return due?.fault;
	}
}
