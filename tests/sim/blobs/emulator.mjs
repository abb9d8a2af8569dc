// emulator.mjs -- Microsoft's Azurite as a process: blobs alone, on a port of
// its own, with the accounts that it is given ({NAME: KEY}) and no others.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

const program = path.resolve(import.meta.dirname,
	'../../node_modules/azurite/dist/src/blob/main.js');

// Resolves to where it listens.
function listening(child) {
	return new Promise((resolve, reject) => {
		let said = '';
		child.stdout.on('data', (d) => {
			said += d;
			const at = said.match(/successfully listens on (\S+)\n/);
			if (at)
				resolve(at[1]);
		});
		child.once('exit', (code, signal) => reject(new Error(
			`Azurite ended by ${signal ?? code}: ${said}`)));
		child.once('error', reject);
	});
}

// dir: where it keeps them.  ca: files {cert, key}, for https; with oauth it
// takes bearer tokens too.
export async function startEmulator({
	accounts, dir, ca, oauth, env = process.env,
}) {
	const child = spawn(process.execPath, [program, '--location', dir,
		'--blobHost', '127.0.0.1', '--blobPort', '0', '--disableTelemetry',
		'--silent', ...ca ? ['--cert', ca.cert, '--key', ca.key] : [],
		...oauth ? ['--oauth', 'basic'] : []],
	{
		env: { ...env, AZURITE_ACCOUNTS: Object.entries(accounts)
			.map(([name, key]) => `${name}:${key}`).join(';') },
		stdio: ['ignore', 'pipe', 'inherit'],
	});
	const ended = once(child, 'exit').catch(() => { });
	return {
		url: await listening(child),
		// What it holds is lost with it: it was for a test.
		async stop() {
			child.kill('SIGKILL');
			await ended;
		},
	};
}
