/*
 * azure_held.h -- which leases a store holds, by blob.
 *
 * The service wants the lease's id with every block that is staged for a
 * leased blob, where the interface of stores asks for it at the commit only:
 * so the driver keeps the ids of the leases that were acquired through it.
 */
#ifndef STORAGE_AZURE_HELD_H
#define STORAGE_AZURE_HELD_H

#include <stdbool.h>

#include "storage/store.h"

struct azure_held;

struct azure_held *azure_held_new(void);
void azure_held_free(struct azure_held *);

/* Replaces what was known of that blob. */
void azure_held_put(struct azure_held *, const char *blob, const char *id);

/* False when that blob's lease is not held. */
bool
azure_held_get(struct azure_held *, const char *blob, char id[LEASE_ID_MAX]);

/* Only if it still is that lease. */
void azure_held_remove(struct azure_held *, const char *blob, const char *id);

#endif
