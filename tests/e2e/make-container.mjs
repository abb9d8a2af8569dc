// make-container.mjs ACCOUNT-URL CONTAINER KEY-VARIABLE: a container, made by
// Microsoft's own SDK.
import {
	BlobServiceClient, StorageSharedKeyCredential,
} from '@azure/storage-blob';

const [url, container, variable] = process.argv.slice(2);
const account = new URL(url).pathname.slice(1);
const credential = new StorageSharedKeyCredential(account,
	process.env[variable]);
await new BlobServiceClient(url, credential)
	.getContainerClient(container).createIfNotExists();
