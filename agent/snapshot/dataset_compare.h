/*
 * dataset_compare.h -- whether two datasets hold the same, and else where not.
 *
 * Each is read once and summed up by database and hash slot (slot_sums.h).
 * Where sums differ, both are read again, the one with fewer keys there first,
 * and the keys of those slots are compared (key_diff.h), as many of them as
 * memory holds.  A live Redis may be written between the readings: a key that
 * is told as different differed in the second ones.
 */
#ifndef AGENT_SNAPSHOT_DATASET_COMPARE_H
#define AGENT_SNAPSHOT_DATASET_COMPARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/snapshot/dataset.h"
#include "rdb/key_diff.h"
#include "rdb/slot_sums.h"

struct slot_set;

struct dataset_compare_opts {
	size_t limit;	/* differing keys told, of all that are counted */
	bool all;	/* read again until every key was looked into */
	bool sums_only; /* do not look for the keys */
};

enum dataset_verdict {
	DATASET_SAME,
	DATASET_DIFFERENT, /* keys or function libraries */
	DATASET_UNKNOWN	   /* the sums differ, and no key was found that does:
			    * not all of them were looked into */
};

struct dataset_comparison {
	enum dataset_verdict verdict;
	struct dataset_facts facts[2];
	struct slot_sums *sums[2];
	struct slot_set *slots; /* whose sums differ */
	bool same_functions;
	bool streams_compared; /* their counters; else an encoding lacks them */

	/* The keys of those slots; NULL: not looked for. */
	struct key_diff *diff;
	enum diff_side side[2]; /* which reading of diff each dataset was */
	uint64_t differing;	/* keys, of those looked into */
};

void dataset_comparison_release(struct dataset_comparison *);

/*
 * 0 whatever the verdict.  On failure out needs no release.  ERR_USAGE when
 * the memory given by env is too little to begin with.
 */
int dataset_compare(struct dataset *const sides[2],
    const struct dataset_compare_opts *, const struct scope *,
    const struct snapshot_env *, struct dataset_comparison *out, struct err *);

#endif
