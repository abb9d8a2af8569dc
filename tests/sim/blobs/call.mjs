// call.mjs -- what a request asks of Blob storage, by the name that its
// reference gives the operation.
const ofBlob = {
	GET: {
		'': 'GetBlob', blocklist: 'GetBlockList', pagelist: 'GetPageRanges',
		tags: 'GetBlobTags', metadata: 'GetBlobMetadata',
	},
	HEAD: { '': 'GetBlobProperties', metadata: 'GetBlobMetadata' },
	DELETE: { '': 'DeleteBlob' },
	PUT: {
		'': 'PutBlob', block: 'PutBlock', blocklist: 'PutBlockList',
		page: 'PutPage', appendblock: 'AppendBlock', copy: 'AbortCopyBlob',
		lease: 'LeaseBlob', properties: 'SetBlobProperties',
		metadata: 'SetBlobMetadata', snapshot: 'SnapshotBlob',
		tier: 'SetBlobTier', tags: 'SetBlobTags', undelete: 'UndeleteBlob',
		seal: 'SealAppendBlob', incrementalcopy: 'IncrementalCopyBlob',
	},
};

const ofContainer = {
	GET: { '': 'GetContainerProperties', list: 'ListBlobs' },
	HEAD: { '': 'GetContainerProperties' },
	PUT: { '': 'CreateContainer', lease: 'LeaseContainer' },
	DELETE: { '': 'DeleteContainer' },
};

const fromUrl = ['PutBlock', 'PutPage', 'AppendBlock'];

function named(table, method, comp) {
	return table[method]?.[comp] ?? `${method} ${comp}`.trim();
}

function operationOf(method, query, headers, blob, container) {
	const comp = query.get('comp') ?? '';
	if (!container)
		return method === 'GET' && comp === 'list' ? 'ListContainers'
			: `${method} ${comp}`.trim();
	if (!blob)
		return named(ofContainer, method, comp);
	const name = named(ofBlob, method, comp);
	if (!headers['x-ms-copy-source'])
		return name;
	if (fromUrl.includes(name))
		return `${name}FromUrl`;
	if (name !== 'PutBlob')
		return name;
	if (headers['x-ms-requires-sync'] === 'true')
		return 'CopyBlobFromUrl';
	return headers['x-ms-blob-type'] ? 'PutBlobFromUrl' : 'CopyBlob';
}

// The account is the first segment of the path, as Azurite has it.
export function callOf(req, body) {
	const url = new URL(req.url, 'http://region');
	const query = url.searchParams;
	const [, account, container, ...rest] = url.pathname.split('/')
		.map(decodeURIComponent);
	const blob = rest.join('/');
	return {
		req, body, query, account, container, blob,
		method: req.method, path: url.pathname, headers: req.headers,
		key: `${container}/${blob}`,
		operation: operationOf(req.method, query, req.headers, blob,
			container),
		// Which region's service asks, where it is not a client.
		by: req.headers['x-sim-by'] ?? 'client',
	};
}
