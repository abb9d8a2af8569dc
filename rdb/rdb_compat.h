/*
 * rdb_compat.h -- which RDB version a server is asked to write.
 *
 * A Valkey from 9.0 on writes for a replica what the replica can load, by the
 * version that it tells with REPLCONF: RDB 11, which Redis 7.2 loads, to one
 * that tells none.  What that version cannot hold (fields of hashes that
 * expire) makes it end the connection once it has forked; nothing is left out.
 * Redis writes its own version for everybody and knows no such option.  Read
 * in Valkey's source (replication.c, replicaRdbVersion; rdb.c,
 * rdbGetObjectType), and seen with Valkey 9.1.
 */
#ifndef RDB_RDB_COMPAT_H
#define RDB_RDB_COMPAT_H

struct err;

struct rdb_compat {
	const char *name;
	const char *announced; /* as REPLCONF version tells it */
	int most; /* the RDB version that is wanted at most; 0: any */
};

/*
 * "auto", the newest that the reader can prove; "newest", whatever the server
 * has; "redis-7.2".  NULL for another name.
 */
const struct rdb_compat *rdb_compat_find(const char *name);

#endif
