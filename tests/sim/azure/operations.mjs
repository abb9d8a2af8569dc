// operations.mjs -- work that is answered by 202 and then asked about.
//
// An operation shows as running until its work has ended and it was looked at
// often enough: by its own URLs, or as the state of its resource.  Its URLs
// are opaque: who changes anything in them is told that they are not known.
import { randomBytes, randomUUID } from 'node:crypto';

import { Refusal } from './refusal.mjs';

class Operation {
	// plan: of a script, what makes this one different (azure.mjs).
	constructor(sim, { kind, resource, plan }) {
		Object.assign(this, {
			kind, resource, id: randomUUID(), state: 'InProgress',
			looks: 0, ended: false, startTime: new Date(),
			plan: { polls: sim.opts.polls, retryAfter: sim.opts.retryAfter,
				...plan },
		});
		this.released = new Promise((resolve) => { this.release = resolve; });
	}

	async run(work) {
		try {
			await this.reach('start');
			await work();
			await this.reach('end');
			this.outcome = { status: 'Succeeded' };
		} catch (e) {
			this.outcome = {
				status: this.plan.status ?? 'Failed',
				error: { code: e.code ?? 'InternalServerError',
					message: e.message },
			};
		}
		this.ended = true;
		this.endTime = new Date();
		Object.assign(this.resource, this.plan.leaves);
	}

	// It has come to its start, half or end, where the plan may hold it up or
	// have it fail.
	async reach(where) {
		const { hold, fails, at = 'end' } = this.plan;
		if (hold === where) {
			this.holding = true;
			await this.released;
			this.holding = false;
		}
		if (fails && at === where)
			throw new Refusal(0, fails.code, fails.message);
	}

	// Where it stands, to one who asks.
	look() {
		this.looks++;
		if (this.ended && this.looks > this.plan.polls && !this.plan.endless)
			this.state = this.outcome.status;
		return this.state;
	}

	get done() {
		return this.state !== 'InProgress';
	}
}

export class Operations {
	constructor(sim) {
		Object.assign(this, { sim, all: new Map(), running: new Set() });
	}

	// kind: the operation's name; work(half) may throw, and awaits half() where
	// it is half done.
	start(kind, resource, plan, work) {
		const op = new Operation(this.sim, { kind, resource, plan });
		this.all.set(op.id, op);
		const ran = op.run(() => work(() => op.reach('half')))
			.finally(() => this.running.delete(ran));
		this.running.add(ran);
		return op;
	}

	// That which keeps a resource busy.
	of(resource) {
		return [...this.all.values()].find((op) =>
			op.resource === resource && !op.done);
	}

	release() {
		for (const op of this.all.values())
			op.release();
	}

	settled() {
		this.release();
		return Promise.all(this.running);
	}

	// face: of ARM, where it is asked about.  place: 'operationsStatus' ...
	url(op, call, place) {
		op.urls ??= {};
		op.urls[place] ??= randomBytes(this.sim.opts.urlBytes * 3 >> 2)
			.toString('base64url');
		const region = encodeURIComponent(op.resource.region);
		return `${call.face}/subscriptions/${op.resource.subscription}` +
			`/providers/Microsoft.Cache/locations/${region}/${place}/` +
			`${op.id}?api-version=${call.url.searchParams
				.get('api-version')}&t=638&c=${op.urls[place]}`;
	}

	// As the call's URL names it.
	find(call, place) {
		const op = this.all.get(call.parameters.operation);
		if (!op || call.url.searchParams.get('c') !== op.urls?.[place])
			throw new Refusal(404, 'NotFound',
				'The operation is not known.');
		if (Date.now() < op.notBefore)
			call.entry.early = true;
		return op;
	}

	retryAfter(op) {
		const { retryAfter } = op.plan;
		op.notBefore = Date.now() + 1000 * (retryAfter ?? 0);
		return retryAfter === undefined ? {} : { 'Retry-After': retryAfter };
	}

	// What stands behind Azure-AsyncOperation.
	status(call, place) {
		const op = this.find(call, place);
		op.look();
		const error = op.done ? op.outcome.error : undefined;
		const wrapped = op.plan.nesting ?? this.sim.opts.nesting[place];
		return {
			headers: op.done ? {} : this.retryAfter(op),
			body: {
				id: call.url.pathname, name: op.id, status: op.state,
				startTime: op.startTime.toISOString(),
				...op.done && { endTime: op.endTime.toISOString() },
				...error && {
					error: wrapped === 'error.error' ? { error } : error,
				},
			},
		};
	}

	// What stands behind Location: the answer itself, in the end.
	result(call, place) {
		const op = this.find(call, place);
		op.look();
		if (!op.done)
			return { status: 202, headers: {
				Location: this.url(op, call, place),
				...this.retryAfter(op) } };
		if (op.outcome.error)
			throw new Refusal(op.plan.resultStatus ?? 409,
				op.outcome.error.code, op.outcome.error.message);
		return { status: 200 };
	}
}
