/*
 * target_probe.h -- what a server would refuse of a load, asked without
 * writing anything.
 *
 * A command that is refused half-way leaves a target that was emptied and not
 * loaded.  SELECT, RESTORE and FUNCTION RESTORE are tried for real, the latter
 * two with a payload that is none: rights are looked at before it.  What
 * cannot be tried is asked of ACL DRYRUN (since 7.0), which servers may refuse.
 */
#ifndef RDB_TARGET_PROBE_H
#define RDB_TARGET_PROBE_H

#include <stdbool.h>
#include <stddef.h>

#include "rdb/restore_limit.h"

struct err;
struct redis_conn;
struct redis_info;
struct scope;
struct target_dump;

#define TARGET_MODULES_MAX 64

enum target_command {
	TARGET_REPLICAOF,
	TARGET_CONFIG_SET,
	TARGET_FLUSHALL,
	TARGET_FUNCTION_FLUSH,
	TARGET_MULTI,  /* in which both of these are done */
	TARGET_SELECT, /* of the dump's highest database */
	TARGET_RESTORE,
	TARGET_FUNCTION_RESTORE,
	TARGET_PLAIN, /* where target_needs_plain() */
	TARGET_COMMANDS
};

struct target_probe {
	bool config;  /* CONFIG answers */
	bool watched; /* a Sentinel listens to it */
	/* Why it refuses a command, which the text names; "" when it is not
	 * known to. */
	char refused[TARGET_COMMANDS][160];
	struct restore_limit limit; /* bytes 0: not asked */
	bool modules_known;	    /* MODULE LIST answered */
	size_t nmodules;
	char modules[TARGET_MODULES_MAX][64];
};

/*
 * Questions that a server refuses or does not know are no failure: -1 is for
 * a connection that broke.  Leaves database 0 selected.
 */
int target_probe(struct redis_conn *, const struct scope *,
    const struct redis_info *, const struct target_dump *,
    struct target_probe *, struct err *);

#endif
