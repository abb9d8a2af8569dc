// regions.mjs -- the stand-in for two regions' Blob storage
// (tests/sim/blobs/), to be used as Azurite is: by jobs, and by Microsoft's SDK.
import { startBlobs } from '../sim/blobs/blobs.mjs';
import { Azurite, trust } from './azurite.mjs';
import { plainEnv } from './harness.mjs';

export class Regions extends Azurite {
	static async start(t, opts = {}) {
		const r = new Regions();
		r.blobs = await startBlobs(t, { env: plainEnv(), ...opts });
		r.keys = { west: r.blobs.west.key, north: r.blobs.north.key };
		if (opts.ca)
			trust(opts.ca);
		await r.createAll();
		return r;
	}

	place(account) {
		return this.blobs[account].url;
	}
}
