// kill -9 at each step of a managed export, and of the copy.
import { test } from 'node:test';

import { crashAtEach, seen } from './arm_crash.mjs';

const exportSteps = [
	['its container is to be made',
		{ on: 'west CreateContainer', at: 'before' }],
	['its container was made',
		{ on: 'west CreateContainer', at: 'after' }],
	['it is noted, and was not asked for',
		{ on: 'Databases_Export', at: 'before', unseen: true }],
	['it was asked for',
		{ on: 'Databases_Export', at: 'after', plan: seen }],
	['it goes on', { on: 'OperationsStatus_Get', at: 'before' }],
	['it has ended', { on: 'OperationsStatus_Get', at: 'after' }],
	['its files are listed', { on: 'west ListBlobs', at: 'before' }],
	['its files are read', { on: 'west GetBlob', at: 'before' }],
	['its files were taken', { on: 'west *FromUrl *part-*', at: 'after' }],
	['the manifest is to be written',
		{ on: 'west PutBlockList *manifest.json', at: 'before' }],
	['the manifest was written',
		{ on: 'west PutBlockList *manifest.json', at: 'after' }],
	['its container was removed',
		{ on: 'west DeleteContainer', at: 'after' }],
	['the copy begins', { on: 'north *FromUrl *part-*', at: 'before' }],
	['the copy was made', { on: 'north *FromUrl *part-*', at: 'after' }],
	['the copy is listed',
		{ on: 'north PutBlockList *manifest.json', at: 'after' }],
];

test('in each step of an export and the copy', (t) =>
	crashAtEach(t, { managed: true }, exportSteps));
