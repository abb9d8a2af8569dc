// dump_place.mjs -- where a cache's dumps lie: containers of one name, drawn
// for each test, in both accounts of an Azurite that many tests share.
import { randomUUID } from 'node:crypto';

// In a test's place, for what ends with the file.
export class Ends {
	list = [];

	after(end) {
		this.list.push(end);
	}

	async end() {
		for (const end of this.list.reverse())
			await end();
	}
}

export class DumpPlace {
	static async make(azurite) {
		const p = new DumpPlace();
		Object.assign(p, { azurite, name: `dumps-${randomUUID()}` });
		await Promise.all(['west', 'north'].map((account) =>
			p.container(account).create()));
		return p;
	}

	container(account) {
		return this.azurite.container(account, this.name);
	}

	names(account) {
		return this.azurite.names(account, this.name);
	}

	// Without a SAS.
	url(account) {
		return this.azurite.store(account, this.name);
	}

	// The container, with one.
	uri(account, permissions = 'racwdlmt', hours = 3) {
		return `${this.url(account)}?${this.azurite.sas(account, permissions,
			this.name, hours)}`;
	}

	// Of each blob there, the same.
	async uris(account) {
		const sas = this.azurite.sas(account, 'r', this.name, 3);
		return (await this.names(account)).map((name) =>
			`${this.container(account).getBlobClient(name).url}?${sas}`);
	}

	read(account, blob) {
		return this.container(account).getBlobClient(blob)
			.downloadToBuffer();
	}

	put(account, blob, bytes) {
		return this.container(account).getBlockBlobClient(blob)
			.uploadData(bytes);
	}

	// All that is in west, to north.
	async copy() {
		for (const name of await this.names('west'))
			await this.put('north', name, await this.read('west', name));
	}
}
