/*
 * replicate.h -- keep a place in one store as it is in another.
 *
 * Walks both listings side by side, and for each difference copies by the
 * ladder (blob_ladder.h), mends what a blob carries, or notes that the source
 * has it no more.  Memory does not grow with the number of blobs; resuming is
 * running again, which does only what is left.
 *
 * The run's thread lists, decides and hands out.  Small blobs go from it as
 * Put Blob From URL, many under way, their answers taken by the same thread;
 * whatever is larger, other, or did not work at once goes to a crew that
 * climbs the ladder.
 *
 * One blob that cannot be copied is counted and told, and the others go on; a
 * listing that fails, a store that is not there or lets nobody in ends the
 * run.  Nothing is deleted unless both listings came to their end in order.
 */
#ifndef STORAGE_REPLICATE_H
#define STORAGE_REPLICATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "storage/blob_diff.h"
#include "storage/blob_ladder.h"
#include "storage/listing.h"
#include "storage/pace.h"

struct budget;
struct replica_book;
struct replica_filter;
struct replicate_report;
struct scope;
struct store;

/* Names of ours in a store, which are neither copied nor missing. */
#define REPLICA_OWN_PREFIX "drsync.locks/"

struct replicate_delete {
	bool mirror;	  /* else never */
	uint64_t most;	  /* blobs in one run; 0: 1,000 */
	unsigned percent; /* of the copy's blobs, rounded up; 0: 10 */
	int64_t grace_ms; /* missing for so long; 0: at once */
};

enum replicate_verify {
	VERIFY_BY_SERVICE, /* sizes, MD5s and ETags that it tells */
	VERIFY_SAMPLE,	   /* and one in a hundred read back, the first too */
	VERIFY_ALL,
};

enum replicate_what {
	REPLICATE_COPY,
	REPLICATE_MEND,
	REPLICATE_SKIP,
	REPLICATE_DELETE,
	REPLICATE_KEEP, /* missing at the source, and not deleted: see why */
	REPLICATE_LOSS, /* copied, but for something: see why */
	REPLICATE_FAIL,
};

const char *replicate_what_name(enum replicate_what);

struct replicate_event {
	enum replicate_what what;
	const char *name;
	uint64_t bytes;
	enum rung rung;	       /* of a copy */
	const char *why;       /* NULL: nothing to say */
	const struct err *err; /* of REPLICATE_FAIL */
};

struct replicate_opts {
	const char *prefix; /* of both, below the stores' own; NULL: all */
	const struct replica_filter *filter; /* NULL: all */
	struct replicate_delete del;
	enum replicate_verify verify;
	unsigned traits;  /* enum trait_kind to keep equal; 0: all */
	unsigned history; /* of each replaced blob so many earlier ones are
			   * kept, see replicate_history.h; 0: none */
	bool take_archived;
	bool dry_run; /* list and decide; change nothing */
	struct pace_opts pace;
	size_t block_size; /* see struct ladder */
	unsigned blocks_in_flight;
	uint64_t put_max;
	int64_t copy_timeout_ms;
	bool abort_late;
	struct budget *budget;	   /* NULL: BUDGET_DEFAULT */
	struct replica_book *book; /* NULL: one in memory */
	int64_t run;		   /* its number in the book */

	/* On the run's thread, in no order; of what is the same nothing. */
	void (*event)(void *arg, const struct replicate_event *);
	void *event_arg;
	/* On the run's thread, now and then. */
	void (*progress)(void *arg, const struct replicate_report *);
	void *progress_arg;
};

struct replicate_report {
	struct listing_facts source, copy;
	uint64_t filtered;
	uint64_t same;		/* nothing to do */
	uint64_t same_by_etag;	/* of them, by no hash */
	uint64_t copied[RUNGS]; /* blobs */
	uint64_t bytes[RUNGS];
	uint64_t streamed; /* bytes that went through us */
	uint64_t mended;
	uint64_t skipped[SKIPS];
	uint64_t
	    changed;	/* sources that changed under their copy, taken again */
	uint64_t lossy; /* copied, but for something */
	uint64_t failed;
	uint64_t missing, deleted;
	uint64_t verified; /* blobs read back */
	uint64_t requests; /* as far as we made them; of a dry run those that
			    * it would take, but for big blobs' blocks */
	char why_streamed[160];
	char why_kept[160];   /* missing ones that were not deleted */
	struct err first;     /* the first failure; ERR_NONE without any */
	int64_t lag_ms;	      /* age of the oldest change of the source that
				  * the copy has not, at the end, of those
				  * that were tried; 0: none; -1: not all was
				  * seen */
	unsigned concurrency; /* that the pace came to */
	int64_t took_ms;
};

/*
 * 0: all that was to be done was done.  -1: err is what ended it, or, where
 * the listings were walked to their end, the first blob's failure, or else
 * ERR_REFUSED for deletions that a ceiling or an order forbade; the report is
 * filled as far as it came.
 */
int
replicate(struct store *from, struct store *to, const struct replicate_opts *,
    const struct scope *, struct replicate_report *, struct err *);

/* The id of two places: 16 hex digits of a digest of their URLs. */
void replicate_pair_id(
    const struct store *from, const struct store *to, char id[17]);

#endif
