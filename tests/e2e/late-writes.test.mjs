// What comes late: the commands of an import that was killed, which somebody
// on the way held back, and writes of others while a cluster is emptied.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { test } from 'node:test';

import { Cluster } from './cluster.mjs';
import { EXIT, Job, Redis, until } from './harness.mjs';

const many = (n, f) => Array.from({ length: n }, (_, i) => f(i));

// A way to a server on which, after so many bytes, what is under way stands
// still until it is let go; connections that are made later pass.
class Stall {
	static async start(t, to, after) {
		const s = Object.assign(new Stall(), { to, after, links: [], bytes: 0 });
		s.server = net.createServer((client) => s.link(client));
		s.server.listen(0, '127.0.0.1');
		await once(s.server, 'listening');
		t.after(() => {
			s.server.close();
			s.links.forEach((l) => [l.client, l.up].map((e) => e.destroy()));
		});
		return s;
	}

	get url() {
		return `redis://127.0.0.1:${this.server.address().port}`;
	}

	link(client) {
		const up = net.connect({ port: this.to.port, host: '127.0.0.1' });
		const link = { client, up, held: null };
		this.links.push(link);
		up.on('data', (d) => client.write(d)).on('error', () => { });
		up.on('close', () => client.destroy());
		client.on('error', () => { }).on('data', (d) => {
			this.bytes += d.length;
			if (this.bytes > this.after) {
				this.after = Infinity;
				this.links.forEach((l) => { l.held = []; });
				this.stalled = true;
			}
			if (link.held)
				link.held.push(d);
			else
				up.write(d);
		});
		client.on('close', () => link.held || up.end());
	}

	// What was held goes on its way, as far as there is one.
	async letGo() {
		let bytes = 0;
		for (const { held, up } of this.links.filter((l) => l.held)) {
			bytes += Buffer.concat(held).length;
			up.end(Buffer.concat(held));
			if (!up.destroyed)
				await once(up, 'close');
		}
		return bytes;
	}
}

// An import is killed while its commands are held on their way; the next one
// ends well, and then they are let go.
async function lateCommands(t, { data, change, options, after }) {
	const source = await Redis.start(t, { rdbcompression: 'no' });
	const target = await Redis.start(t, options);
	const way = await Stall.start(t, target, after);
	await source.pipe(data);
	const job = new Job(t, { source, target: way });
	const first = job.start('sync', '--restorer', 'restore');
	await until('its commands are held', () => way.stalled);
	first.child.kill('SIGKILL');
	await first.ended;
	job.leasesRunOut();
	await source.pipe(change);
	const second = await job.run('sync', '--restorer', 'restore');
	assert.equal(second.code, EXIT.DONE, second.stderr);
	assert.match(second.stderr,
		/connections of an earlier import were still open/);
	assert.ok(await way.letGo() > 0);
	assert.equal(await target.digest(), await source.digest());
}

const pad = 'x'.repeat(1000);

test('what a killed import had under way comes to nothing', (t) =>
	lateCommands(t, {
		data: many(20000, (i) => ['SET', `k${i}`, `old${i}${pad}`]),
		change: many(20000, (i) => ['SET', `k${i}`, `new${i}`]),
		options: {}, after: 8 << 20,
	}));

test('nor does a value that plain commands were bringing', (t) =>
	lateCommands(t, {
		data: [['RPUSH', 'big', ...many(6000, (i) => `${i}:${pad}`)]],
		change: [['SET', 'more', '1']],
		options: { 'proto-max-bulk-len': '1mb' }, after: 5.6 * (1 << 20),
	}));

// The first of its primaries takes long to be emptied.
test('what is written to a cluster while it is emptied is not lost unseen',
	async (t) => {
		const source = await Redis.start(t);
		const target = await Cluster.start(t, { primaries: 3 });
		await source.pipe(many(3000, (i) => ['SET', `k${i}`, i]));
		const job = new Job(t, { source, target });
		await job.ok('sync');
		await source.cli('set', 'k1', 'changed');
		const [first, , last] = target.primaries;
		const key = many(999, (i) => `precious:${i}`)
			.find((k) => target.owner(k) === last);
		await first.cli('client', 'pause', '30000', 'write');
		const run = job.start('sync');
		await until('it is emptied', async () =>
			await last.cli('dbsize') === '0');
		assert.equal(await last.cli('set', key, 'of somebody'), 'OK');
		await first.cli('client', 'unpause');
		const r = await run.ended;
		assert.equal(await last.cli('get', key), 'of somebody');
		assert.equal(r.code, EXIT.CORRUPT, r.stderr);
		assert.match(r.stderr, /does not hold what the snapshot holds/);
	});
