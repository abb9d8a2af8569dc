/*
 * scan_value.h -- what DUMP answers, off a connection into an RDB file.
 *
 * A payload's CRC64 and version are checked.  A small one is written when
 * that was done, a large one as it comes, whatever its size: what is wrong
 * with it is known only after it was written.
 *
 * Facts: redis/src/cluster.c createDumpPayload().
 */
#ifndef RDB_SCAN_VALUE_H
#define RDB_SCAN_VALUE_H

#include <stdbool.h>
#include <stdint.h>

struct err;
struct rdb_key;
struct rdb_writer;
struct redis_conn;
struct scan_value;
struct scope;

/* Borrows both; no value may be of a newer RDB version. */
struct scan_value *
scan_value_new(struct redis_conn *, struct rdb_writer *, int rdb_version);
void scan_value_free(struct scan_value *);

/*
 * The payload's bytes, len of them as its head says, and the key that they are
 * the value of: its type is set from them.  ERR_CORRUPT for a CRC64 that is
 * wrong or a payload that is too short, ERR_UNSUPPORTED for a newer version.
 */
int scan_value_take(struct scan_value *, const struct scope *, struct rdb_key *,
    uint64_t len, struct err *);

/* Whether the last one may be a HyperLogLog, which is a string. */
bool scan_value_is_hyperloglog(const struct scan_value *);

#endif
