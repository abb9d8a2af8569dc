/*
 * azure_grant.h -- the right to read a source, for a service that copies it.
 *
 * By the account's key or the store's own SAS it is in the URL; by an identity
 * it is a token beside it, or a user delegation SAS where the URL alone must
 * do.
 */
#ifndef STORAGE_AZURE_GRANT_H
#define STORAGE_AZURE_GRANT_H

struct store_grant_ops;

extern const struct store_grant_ops azure_grant_ops;

#endif
