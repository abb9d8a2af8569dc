/*
 * target_whole.h -- a target as a whole, be it one server or the primaries of
 * a cluster: what it holds, and which ways can load it.
 */
#ifndef RDB_TARGET_WHOLE_H
#define RDB_TARGET_WHOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rdb/redis_info.h"
#include "rdb/target_check.h"
#include "rdb/target_save.h"

struct err;
struct redis_conn;
struct redis_opts;
struct redis_target;
struct scope;

struct target_whole {
	struct redis_info info; /* the first one's, but for the sums: */
	uint64_t keys, used_memory;
	char name[300];	   /* of the one, or of the cluster */
	char local_ip[64]; /* ours, as the first one's socket has it */
	size_t primaries;
	struct target_verdict verdict; /* what all of them can take */
};

/*
 * target_check() of each; of a cluster with the share of the dump that its
 * slots will have when keys are spread evenly.  A reason names the server that
 * has it.
 */
int target_whole_check(const struct redis_target *, const struct redis_opts *,
    const struct scope *, const struct target_dump *, struct target_whole *,
    struct err *);

/* target_save() of each, one after the other; the worst of what became of
 * it. */
int target_whole_save(const struct redis_target *, const struct redis_opts *,
    const struct scope *, enum target_save *, char why[200], struct err *);

#endif
