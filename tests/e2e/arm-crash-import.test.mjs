// kill -9 at each step of a managed import.
import { describe, test } from 'node:test';

import { crashAtEach, seen } from './arm_crash.mjs';

const importSteps = [
	['it is to be noted in the state',
		{ on: 'north PutBlockList */state.json', at: 'before' }],
	['it is noted in the state',
		{ on: 'north PutBlockList */state.json', at: 'after' }],
	['it is noted, and was not asked for',
		{ on: 'Databases_Import', at: 'before', unseen: true,
			asks: /was carried out is not known.*in the portal/s }],
	['it was asked for',
		{ on: 'Databases_Import', at: 'after', plan: seen }],
	['it is asked for late',
		{ on: 'Databases_Import', at: 'late', plan: seen }],
	['it goes on', { on: 'OperationsStatus_Get', nth: 2, at: 'before' }],
	['it has ended', { on: 'OperationsStatus_Get', nth: 2, at: 'after' }],
	['its end is to be noted in the state',
		{ on: 'north PutBlockList */state.json', nth: 2, at: 'before' }],
	['its end is noted in the state',
		{ on: 'north PutBlockList */state.json', nth: 2, at: 'after' }],
];

const stagedSteps = [
	['its container is to be made',
		{ on: 'north CreateContainer', at: 'before' }],
	['its container was made',
		{ on: 'north CreateContainer', at: 'after' }],
	['its files are to be written',
		{ on: 'north PutBlock 0001.rdb.gz', at: 'before' }],
	['its files were written',
		{ on: 'north PutBlockList 0001.rdb.gz', at: 'after' }],
	['it was asked for',
		{ on: 'Databases_Import', at: 'after', plan: seen }],
	['its files are to be removed',
		{ on: 'north DeleteContainer', at: 'before' }],
	['its files were removed',
		{ on: 'north DeleteContainer', at: 'after' }],
];

describe('kill -9', { concurrency: 2 }, () => {
	test('in each step of an import', (t) =>
		crashAtEach(t, { managed: true, imports: true }, importSteps));

	test('in each step of a staged import', (t) =>
		crashAtEach(t, { imports: true }, stagedSteps));
});
