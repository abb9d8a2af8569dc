// transfer.mjs -- export and import of a cache, of whichever type: between
// the real servers behind it and the blobs that it is given.
import fs from 'node:fs';
import path from 'node:path';

import { fetchDump, pipelineOf } from './blobs.mjs';
import { RedisConn } from './redis_conn.mjs';
import { ClosedServers, splitDumps, takeDump } from './redis_data.mjs';
import { Refusal } from './refusal.mjs';

async function within(sim, use) {
	const dir = fs.mkdtempSync(path.join(sim.dir, 'x-'));
	try {
		return await use(dir);
	} finally {
		fs.rmSync(dir, { recursive: true, force: true });
	}
}

// put(file, i): writes one of them.  half() is awaited when half of them are.
export function exportTo(sim, cache, put, half) {
	return within(sim, async (dir) => {
		const dumps = await Promise.all(cache.redis.map((server, i) =>
			takeDump(server, path.join(dir, `dump-${i}`))));
		const files = cache.files
			? await splitDumps(dumps, cache.files, dir) : dumps;
		for (const [i, file] of files.entries()) {
			if (i === files.length >> 1)
				await half();
			await put(file, i);
		}
	});
}

// What was there goes when all was fetched, as far as anybody knows; a failure
// from there on leaves nothing.
export function importFrom(sim, cache, urls, accounts, newest, half) {
	return within(sim, async (dir) => {
		const closed = await ClosedServers.close(cache.redis);
		try {
			const dumps = await fetchAll(urls, accounts, newest, dir);
			await closed.empty();
			await half();
			await closed.load(dir, dumps).catch(async (e) => {
				await closed.empty();
				throw new Refusal(0, 'ImportFailed', e.message);
			});
		} finally {
			await closed.open();
		}
	});
}

async function fetchAll(urls, accounts, newest, dir) {
	const dumps = [];
	for (const [i, url] of urls.entries()) {
		const { file, version } = await fetchDump(url,
			pipelineOf(url, accounts), path.join(dir, `part-${i}`));
		if (version > newest)
			throw new Refusal(0, 'ImportFailed', 'The file is of RDB ' +
				`version ${version}; this cache loads ${newest} at most.`);
		dumps.push(file);
	}
	return dumps;
}

// Keys go, and clients may stay.
export async function flush(cache) {
	for (const server of cache.redis) {
		const conn = await RedisConn.open(server);
		await conn.call('FLUSHALL');
		conn.close();
	}
}
