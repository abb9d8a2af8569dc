/*
 * azure_uncommitted.h -- which blocks of a blob wait for their commit.
 *
 * The service keeps up to 100,000 of them for a week.  Others' may be among
 * them, with ids of another length.
 */
#ifndef STORAGE_AZURE_UNCOMMITTED_H
#define STORAGE_AZURE_UNCOMMITTED_H

#include <stdbool.h>
#include <stddef.h>

struct block_id;
struct err;
struct scope;
struct store;

/* As store_copy_ops.staged. */
int azure_uncommitted(struct store *, const struct scope *, const char *blob,
    const struct block_id *ids, size_t n, bool *there, struct err *);

/*
 * The same of an answer to Get Block List.  ERR_CORRUPT for what is none, and
 * for more blocks than the service keeps.
 */
int azure_uncommitted_parse(const char *xml, size_t len,
    const struct block_id *ids, size_t n, bool *there, struct err *);

#endif
