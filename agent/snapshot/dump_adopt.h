/*
 * dump_adopt.h -- a dump that lies in a store, compressed by whoever wrote it,
 * becomes a part of a snapshot as it is.
 *
 *	blob -> SHA-256 -> gunzip -> digests, pieces -> reader
 *
 * It is read once, by its ETag, and proved like any other; then the server
 * copies it to its place, bound to that ETag.
 */
#ifndef AGENT_SNAPSHOT_DUMP_ADOPT_H
#define AGENT_SNAPSHOT_DUMP_ADOPT_H

#include <stdbool.h>

struct dump_blob;
struct dump_name;
struct err;
struct manifest;
struct scope;
struct snapshot_env;
struct snapshot_take_opts;
struct store;

/*
 * Whether it is what dump_take() would have made of it: gzip without zeros
 * behind its end, where neither a cipher, a filter nor a smaller part is asked
 * for.
 */
bool
dump_adopt_fits(const struct dump_blob *, const struct snapshot_take_opts *);

/* As dump_take(), of one that fits. */
int dump_adopt(const struct dump_blob *, struct store *to, const struct scope *,
    const struct snapshot_env *, const struct dump_name *, struct manifest *m,
    struct err *);

#endif
