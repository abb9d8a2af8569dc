/*
 * azure_version.h -- the versions that an account keeps of a blob.
 */
#ifndef STORAGE_AZURE_VERSION_H
#define STORAGE_AZURE_VERSION_H

struct err;
struct scope;
struct store;

#define AZURE_VERSION_SIZE 64

/* The newest; "" when there is none, or the account keeps none. */
int azure_version_last(struct store *, const struct scope *, const char *blob,
    char id[AZURE_VERSION_SIZE], struct err *);

#endif
