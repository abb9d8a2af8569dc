/*
 * target_check.h -- which ways can load this dump into this server, found out
 * before anything is written.
 *
 * 'replica' (posing_master.h) is judged strictly: a dump that the server
 * cannot load ends its process after its old data are gone (seen with Redis
 * 7.0: a database above `databases`, a module that is not loaded).  'restore'
 * (restore_loader.h) fails cleanly at the first key that is refused, so what
 * cannot be found out is left to the server.  Two are not loaded by 'replica'
 * at all: a server of a cluster, which follows only those of its cluster, and
 * one that Sentinel watches: a primary that turns into a replica is taken for
 * failed, and another one is promoted while it loads.
 */
#ifndef RDB_TARGET_CHECK_H
#define RDB_TARGET_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rdb/target_probe.h"

struct err;
struct rdb_summary;
struct redis_conn;
struct redis_info;
struct scope;

struct target_dump {
	const struct rdb_summary *rdb;
	/* Nobody could parse it, so rdb says little of it. */
	bool unproved;
	size_t shards; /* of a cluster, each a dump of its own; 0: one dump */
	uint64_t size; /* raw bytes */
	uint64_t used_memory; /* of its source; 0: not known */
	/* The modules its data need, as in MODULE LIST; n 0: not known. */
	const char *const *modules;
	size_t nmodules;
};

struct target_verdict {
	bool replica_ok;
	char replica_why[200]; /* not; "" when ok */
	bool restore_ok;
	char restore_why[200];
};

/* The memory that its data take, at least and about. */
uint64_t target_memory_need(const struct target_dump *);

/* Whether 'restore' brings some of its values by plain commands, as far as
 * the dump's facts tell. */
bool target_needs_plain(const struct redis_info *, const struct restore_limit *,
    const struct target_dump *);

void target_judge(const struct redis_info *, const struct target_probe *,
    const struct target_dump *, struct target_verdict *);

/* target_probe() and target_judge(). */
int target_check(struct redis_conn *, const struct scope *,
    const struct redis_info *, const struct target_dump *,
    struct target_verdict *, struct err *);

/* Of a target that was found by Sentinel, whether or not it tells so. */
void target_forbid_replica(struct target_verdict *);

#endif
