// container-sas.mjs ACCOUNT-URL CONTAINER KEY-VARIABLE: makes the container
// and prints its URL with a SAS of one day, by Microsoft's own SDK.
import {
	BlobServiceClient, ContainerSASPermissions, StorageSharedKeyCredential,
} from '@azure/storage-blob';

const DAY_MS = 24 * 3600 * 1000;

const [url, name, variable] = process.argv.slice(2);
const account = new URL(url).pathname.slice(1);
const credential = new StorageSharedKeyCredential(account,
	process.env[variable]);
const container = new BlobServiceClient(url, credential)
	.getContainerClient(name);
await container.createIfNotExists();
console.log(await container.generateSasUrl({
	permissions: ContainerSASPermissions.parse('racwdl'),
	expiresOn: new Date(Date.now() + DAY_MS),
}));
