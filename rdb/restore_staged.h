/*
 * restore_staged.h -- a large value into a cluster, by plain commands.
 *
 * It is written to a name of its own in the key's slot, and renamed at last.
 * Where the slot moves, or a connection breaks, it is begun again.
 */
#ifndef RDB_RESTORE_STAGED_H
#define RDB_RESTORE_STAGED_H

#include <stdbool.h>
#include <stdint.h>

struct dump_payload;
struct err;
struct rdb_key;
struct restore_cluster;
struct restore_staged;
struct scope;
struct value_server;

/* Borrows all but the server; prefix as in restore_values.h. */
struct restore_staged *restore_staged_new(struct restore_cluster *,
    const struct value_server *, const char *prefix, const struct scope *);
void restore_staged_free(struct restore_staged *);

/* What the dump's header says, before its first key. */
void restore_staged_dump(struct restore_staged *, int version, bool valkey);

/* A key with its name, and its whole value, finished; it is there at the
 * return. */
int restore_staged_put(struct restore_staged *, const struct rdb_key *,
    struct dump_payload *, struct err *);

/* Before restore_cluster_finish(): removes what tries that failed have left. */
int restore_staged_finish(struct restore_staged *, struct err *);

/* Keys that are there, and those whose time had come before. */
uint64_t restore_staged_keys(const struct restore_staged *);
uint64_t restore_staged_expired(const struct restore_staged *);
/* Bits of enum value_loss. */
uint32_t restore_staged_lost(const struct restore_staged *);

#endif
