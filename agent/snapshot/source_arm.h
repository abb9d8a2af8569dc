/*
 * source_arm.h -- a Redis that Azure runs, and that exports itself.
 *
 * The export goes into a container of its own beside the store, to which the
 * service is given a SAS and nothing else; whatever is there when it ended
 * well is the dump (export_take.h).  An export destroys nothing, so one that
 * an earlier process began is followed and used, when it is not too old, and
 * else forgotten; but never are there two at once.
 *
 * The container is removed when the snapshot stands.  One whose files are no
 * dumps is kept for a person to look at, until the job's next snapshot; what
 * a killed run left is taken away then, too.
 */
#ifndef AGENT_SNAPSHOT_SOURCE_ARM_H
#define AGENT_SNAPSHOT_SOURCE_ARM_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/snapshot/export_count.h"

struct redis_resource;
struct source;

struct source_arm_opts {
	struct redis_resource *resource; /* borrowed */
	int64_t timeout_ms;		 /* of the export; 0: six hours */
	/* That what it wrote must stay the same, where the resource's state
	 * alone tells that it has ended; 0: a minute. */
	int64_t still_ms;
	struct export_counted counted;
	const char *permissions; /* of the SAS; NULL: the documented ones */
	/* Premium: it writes by its own identity, without a SAS; into an
	 * account of that subscription, NULL: its own. */
	bool by_identity;
	const char *storage_subscription;
};

struct source *source_arm_new(const struct source_arm_opts *);

#endif
