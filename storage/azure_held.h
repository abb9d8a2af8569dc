/*
 * azure_held.h -- which leases a store holds, by blob.
 *
 * The service wants the lease's id with every block that is staged for a
 * leased blob, where the interface of stores asks for it at the commit only:
 * so the driver keeps the ids of the leases that were acquired through it.
 */
#ifndef STORAGE_AZURE_HELD_H
#define STORAGE_AZURE_HELD_H

struct azure_held;
struct http_headers;

struct azure_held *azure_held_new(void);
void azure_held_free(struct azure_held *);

/* Replaces what was known of that blob. */
void azure_held_put(struct azure_held *, const char *blob, const char *id);

/* x-ms-lease-id, when that blob's lease is held. */
void
azure_held_add(struct azure_held *, const char *blob, struct http_headers *);

/* Only if it still is that lease. */
void azure_held_remove(struct azure_held *, const char *blob, const char *id);

#endif
