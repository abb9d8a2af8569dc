/*
 * target_check.h -- which ways can load this dump into this server, found out
 * before anything is written.
 *
 * 'replica' (posing_master.h) is judged strictly: a dump that the server
 * cannot load ends its process after its old data are gone (seen with Redis
 * 7.0: a database above `databases`, a module that is not loaded).  'restore'
 * (restore_loader.h) fails cleanly at the first key that is refused, so what
 * cannot be found out is left to the server.
 */
#ifndef RDB_TARGET_CHECK_H
#define RDB_TARGET_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct rdb_summary;
struct redis_conn;
struct redis_info;
struct scope;

struct target_dump {
	const struct rdb_summary *rdb;
	uint64_t size;	      /* raw bytes */
	uint64_t used_memory; /* of its source; 0: not known */
	/* The modules its data need, as in MODULE LIST; n 0: not known. */
	const char *const *modules;
	size_t nmodules;
};

#define TARGET_MODULES_MAX 64

/* What the server was asked beyond INFO. */
struct target_probe {
	bool config;	     /* CONFIG answers */
	char replicaof[120]; /* why it refuses REPLICAOF; "" if not known to
				 * refuse */
	bool modules_known;  /* MODULE LIST answered */
	size_t nmodules;
	char modules[TARGET_MODULES_MAX][64];
};

struct target_verdict {
	bool replica_ok;
	char replica_why[200]; /* not; "" when ok */
	bool restore_ok;
	char restore_why[200];
};

/* Questions that a server refuses or does not know are no failure: -1 is for
 * a connection that broke. */
int target_probe(struct redis_conn *, const struct scope *,
    struct target_probe *, struct err *);

void target_judge(const struct redis_info *, const struct target_probe *,
    const struct target_dump *, struct target_verdict *);

/* Both. */
int target_check(struct redis_conn *, const struct scope *,
    const struct redis_info *, const struct target_dump *,
    struct target_verdict *, struct err *);

#endif
