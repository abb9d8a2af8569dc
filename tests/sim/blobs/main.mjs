// main.mjs [CONFIG.json]: the stand-in as a program, until it is told to end.
//
// CONFIG has the options of startBlobs() (blobs.mjs), and script, a list of
// {on, fault, nth, times, by}.  When both regions answer, one line of JSON says
// where: {west: {url, account, key}, north: the same, control}; control.mjs
// tells what is asked of that.
import fs from 'node:fs';

import { startBlobs } from './blobs.mjs';
import { listenControl } from './control.mjs';

const [, , file] = process.argv;
const { script = [], ...opts } = file ? JSON.parse(fs.readFileSync(file)) : {};
const blobs = await startBlobs(null, opts);
for (const { on, fault, ...when } of script)
	blobs.script(on, fault, when);
const control = await listenControl(blobs);

async function stop() {
	control.stop();
	await blobs.stop();
}
process.once('SIGTERM', stop);
process.once('SIGINT', stop);

const place = ({ url, account, key }) => ({ url, account, key });
console.log(JSON.stringify({ west: place(blobs.west),
	north: place(blobs.north), control: control.url }));
