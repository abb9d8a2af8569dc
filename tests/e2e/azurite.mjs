// azurite.mjs -- Microsoft's emulator with two accounts, and Microsoft's own
// SDK to look at what lies there.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import tls from 'node:tls';
import { text } from 'node:stream/consumers';

import {
	BlobServiceClient, ContainerSASPermissions, StorageSharedKeyCredential,
	generateBlobSASQueryParameters,
} from '@azure/storage-blob';

import { Job, plainEnv, tempDir, until } from './harness.mjs';

const modules = path.resolve(import.meta.dirname, '../node_modules');

// So that the SDK, in this process, does.
function trust(ca) {
	tls.setDefaultCACertificates([...tls.getCACertificates(),
		fs.readFileSync(ca.ca, 'utf8')]);
}

export class Azurite {
	// ca: files of a certificate, its key and its CA, for https.
	static async start(t, { ca } = {}) {
		const a = new Azurite();
		a.keys = {
			west: randomBytes(64).toString('base64'),
			north: randomBytes(64).toString('base64'),
		};
		const child = spawn(process.execPath, [
			path.join(modules, 'azurite/dist/src/blob/main.js'),
			'--location', tempDir(t), '--blobHost', '127.0.0.1',
			'--blobPort', '0', '--disableTelemetry', '--silent',
			...ca ? ['--cert', ca.cert, '--key', ca.key] : []],
		{
			env: plainEnv({
				AZURITE_ACCOUNTS: Object.entries(a.keys)
					.map(([name, key]) => `${name}:${key}`).join(';'),
			}),
			stdio: ['ignore', 'pipe', 'inherit'],
		});
		t.after(() => child.kill('SIGKILL'));
		let said = '';
		child.stdout.on('data', (d) => { said += d; });
		const [, url] = await until('Azurite listens', () =>
			said.match(/successfully listens on (\S+)\n/), 60000);
		a.url = url;
		if (ca)
			trust(ca);
		await Promise.all(['west', 'north'].map((account) =>
			a.container(account).create()));
		return a;
	}

	// One with a store in each account, which store() may tell by its URL.
	job(t, servers, store = (account) => this.store(account)) {
		const job = new Job(t, {
			...servers,
			env: { WEST: this.keys.west, NORTH: this.keys.north },
		});
		job.stores = ['--store', store('west'), '--store-key', 'env:WEST'];
		job.drStore = ['--dr-store', store('north'), '--dr-store-key',
			'env:NORTH'];
		return job;
	}

	account(name) {
		return new BlobServiceClient(`${this.url}/${name}`,
			new StorageSharedKeyCredential(name, this.keys[name]));
	}

	container(account, name = 'dumps') {
		return this.account(account).getContainerClient(name);
	}

	store(account, tail = 'dumps') {
		return `${this.url}/${account}/${tail}`;
	}

	sas(account, permissions, name = 'dumps', hours = 1) {
		return generateBlobSASQueryParameters({
			containerName: name,
			permissions: ContainerSASPermissions.parse(permissions),
			expiresOn: new Date(Date.now() + hours * 3600000),
		}, new StorageSharedKeyCredential(account, this.keys[account]))
			.toString();
	}

	async names(account, name = 'dumps') {
		const names = [];
		for await (const blob of this.container(account, name)
			.listBlobsFlat())
			names.push(blob.name);
		return names;
	}

	async read(account, blob) {
		return this.container(account).getBlobClient(blob)
			.downloadToBuffer();
	}

	async readText(account, blob) {
		const r = await this.container(account).getBlobClient(blob)
			.download();
		return text(r.readableStreamBody);
	}
}
