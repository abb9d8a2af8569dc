/*
 * target_check.h -- whether a Redis can take a dump, before anything is sent.
 *
 * Asks the target what it is (version, modules, databases, memory, cluster,
 * what its user may do) and tells for each way whether it would work, and why
 * not.  Changes nothing.
 */
#ifndef RDB_TARGET_CHECK_H
#define RDB_TARGET_CHECK_H

#include <stdbool.h>
#include <stdint.h>

struct err;
struct redis_conn;
struct redis_info;
struct scope;

/* What the dump asks of a server that loads it. */
struct target_needs {
	int rdb_version;
	bool valkey;
	uint32_t types_seen; /* bit t: type byte t occurs; rdb_reader.h */
	uint32_t db_max;
	uint64_t raw_bytes;
	bool has_functions;
	bool has_modules; /* module values, or data outside of keys */
	bool verified;	  /* false: nothing but the version is known */
};

struct target_verdict {
	bool replica_ok, restore_ok;
	char replica_why[240]; /* why not; "" when it is */
	char restore_why[240];
};

/* info is what redis_primary_connect() or redis_info_get() told of conn. */
int target_check(struct redis_conn *, const struct redis_info *,
    const struct target_needs *, const struct scope *, struct target_verdict *,
    struct err *);

#endif
