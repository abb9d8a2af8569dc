// scratch_server.mjs -- a redis-server of our own for a moment, on a socket
// in its directory: to load dumps as Azure's would, and to write them.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { RedisConn } from './redis_conn.mjs';

export class ScratchServer {
	// parent: a directory for it.
	static async start(parent) {
		const s = new ScratchServer();
		s.dir = fs.mkdtempSync(path.join(parent, 'r-'));
		s.path = path.join(s.dir, 's');
		s.dump = path.join(s.dir, 'dump.rdb');
		s.child = spawn('redis-server', ['--port', '0', '--unixsocket',
			s.path, '--dir', s.dir, '--save', '', '--appendonly', 'no',
			'--enable-debug-command', 'yes'],
		{ stdio: ['ignore', 'pipe', 'ignore'] });
		s.said = '';
		s.child.stdout.on('data', (d) => { s.said += d; });
		s.ended = once(s.child, 'close');
		try {
			await s.#ready();
		} catch (e) {
			await s.stop();
			throw e;
		}
		return s;
	}

	async #ready() {
		let ended = false;
		this.ended.then(() => { ended = true; });
		while (!this.conn) {
			if (ended)
				throw new Error(`redis-server ends: ${this.said}`);
			this.conn = await this.#tryConnect();
			if (!this.conn)
				await sleep(5);
		}
	}

	async #tryConnect() {
		let c;
		try {
			c = await RedisConn.open({ path: this.path });
			await c.call('PING'); // an error while it loads
			return c;
		} catch {
			c?.close();
			return undefined;
		}
	}

	// What the file has is added; where it cannot be loaded this fails by what
	// the server says, which ends by it or not.
	async load(file) {
		fs.copyFileSync(file, this.dump);
		try {
			await this.conn.call('DEBUG', 'RELOAD', 'NOSAVE', 'NOFLUSH',
				'MERGE');
		} catch (e) {
			this.child.kill('SIGKILL');
			await this.ended;
			throw new Error(`the dump does not load: ${this.#reason() ??
				e.message}`);
		}
	}

	#reason() {
		return this.said.split('\n').filter((l) => / # /.test(l)).at(-1)
			?.replace(/^.* # /, '');
	}

	// A dump of what it holds.
	async save(file) {
		await this.conn.call('SAVE');
		fs.copyFileSync(this.dump, file);
		return file;
	}

	async stop() {
		this.conn?.close();
		this.child.kill('SIGKILL');
		await this.ended;
		fs.rmSync(this.dir, { recursive: true, force: true });
	}
}
