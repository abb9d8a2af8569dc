/*
 * store_azure.h -- the driver for Azure Blob storage.
 *
 * Blobs are block blobs.  The service drops by itself, after a week, what was
 * staged and never committed.
 */
#ifndef STORAGE_STORE_AZURE_H
#define STORAGE_STORE_AZURE_H

#include <stdbool.h>

struct azure_container;
struct azure_held;
struct azure_user_key;
struct err;
struct store;
struct store_opts;
struct url;

/* See store_open(), which is what callers want. */
struct store *
store_azure_open(const struct url *, const struct store_opts *, struct err *);

/* Of a store that this driver opened; for the rest of the driver. */
const struct azure_container *store_azure_container(const struct store *);
struct azure_held *store_azure_held(const struct store *);
struct azure_user_key *store_azure_user_key(const struct store *);

/* Another container of its account, which azure_lend.h may destroy. */
struct store *
store_azure_beside(const struct store *, const char *container, struct err *);
bool store_azure_is_lent(const struct store *);

#endif
