// plain_client.mjs -- a client of the stand-in for tests: what Microsoft's own
// for Node does not try, and no more than that.
import { setTimeout as sleep } from 'node:timers/promises';

export class PlainClient {
	constructor(azure, audience = 'https://management.azure.com/') {
		const { token } = azure.tokens.issue(azure.identities[0], audience);
		Object.assign(this, { azure, token });
	}

	// A path of the subscription at ARM, or a whole URL.
	async ask(method, at, body, headers = {}) {
		const url = at.startsWith('http') ? at : `${this.azure.urls.arm}` +
			`/subscriptions/${this.azure.subscription}${at}`;
		const r = await fetch(url, { method, body: body &&
			JSON.stringify(body), headers: {
			Authorization: `Bearer ${this.token}`,
			...body && { 'Content-Type': 'application/json' }, ...headers,
		} });
		const text = await r.text();
		return { status: r.status, headers: r.headers,
			body: text ? JSON.parse(text) : undefined };
	}

	// What stands behind Location in the end.
	async follow(answer) {
		while (answer.status === 202) {
			await sleep(1000 * Number(answer.headers.get('retry-after')));
			answer = await this.ask('GET', answer.headers.get('location'));
		}
		return answer;
	}
}
