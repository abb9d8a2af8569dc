// azurite.mjs -- Microsoft's emulator with two accounts, and Microsoft's own
// SDK to look at what lies there.
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import tls from 'node:tls';
import { text } from 'node:stream/consumers';

import {
	BlobServiceClient, ContainerSASPermissions, StorageSharedKeyCredential,
	generateBlobSASQueryParameters,
} from '@azure/storage-blob';

import { startEmulator } from '../sim/blobs/emulator.mjs';
import { Job, plainEnv, tempDir } from './harness.mjs';

// So that the SDK, in this process, does.
export function trust(ca) {
	tls.setDefaultCACertificates([...tls.getCACertificates(),
		fs.readFileSync(ca.ca, 'utf8')]);
}

export class Azurite {
	// ca: files of a certificate, its key and its CA, for https; with oauth it
	// takes bearer tokens too.
	static async start(t, { ca, oauth } = {}) {
		const a = new Azurite();
		a.keys = {
			west: randomBytes(64).toString('base64'),
			north: randomBytes(64).toString('base64'),
		};
		const emulator = await startEmulator({ accounts: a.keys,
			dir: tempDir(t), ca, oauth, env: plainEnv() });
		t.after(() => emulator.stop());
		a.url = emulator.url;
		if (ca)
			trust(ca);
		await a.createAll();
		return a;
	}

	createAll(name) {
		return Promise.all(['west', 'north'].map((account) =>
			this.container(account, name).create()));
	}

	// Where an account is.
	place(account) {
		return `${this.url}/${account}`;
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
		return new BlobServiceClient(this.place(name),
			new StorageSharedKeyCredential(name, this.keys[name]));
	}

	container(account, name = 'dumps') {
		return this.account(account).getContainerClient(name);
	}

	store(account, tail = 'dumps') {
		return `${this.place(account)}/${tail}`;
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
