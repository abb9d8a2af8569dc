/*
 * arg_spool.h -- gathers the arguments of a command, each of any size.
 *
 * An argument's length stands before it, so it has to be had whole: up to a
 * ceiling in memory, beyond it in an unlinked temporary file.
 */
#ifndef RDB_ARG_SPOOL_H
#define RDB_ARG_SPOOL_H

#include <stddef.h>
#include <stdint.h>

struct arg_spool;
struct err;

/* What servers before Redis 7.0 take of one command, about. */
#define ARG_SPOOL_MAX ((size_t)1000 << 10)

struct arg_spool *arg_spool_new(size_t memory_max);
void arg_spool_free(struct arg_spool *);

/* Forgets all arguments; also right after a failure. */
int arg_spool_clear(struct arg_spool *, struct err *);

/* Bytes of the argument at hand; and it is whole.  Over ARG_SPOOL_MAX of them:
 * ERR_UNSUPPORTED. */
int arg_spool_add(struct arg_spool *, const void *, size_t, struct err *);
int arg_spool_end(struct arg_spool *, struct err *);

size_t arg_spool_count(const struct arg_spool *);   /* whole ones */
uint64_t arg_spool_bytes(const struct arg_spool *); /* of all, so far */
/* So far, of the one at hand. */
uint64_t arg_spool_at_hand(const struct arg_spool *);
/* Of a whole one. */
uint64_t arg_spool_length(const struct arg_spool *, size_t i);

/* The bytes of a whole one, in pieces; put failing ends the walk. */
int arg_spool_each(const struct arg_spool *, size_t i,
    int (*put)(void *arg, const void *, size_t, struct err *), void *arg,
    struct err *);

#endif
