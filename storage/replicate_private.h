/*
 * replicate_private.h -- what the parts of a replication share; see
 * replicate.h.
 *
 *	replicate.c		the run, its walk, what each name asks for
 *	replicate_work.c	one blob that is to be copied or mended
 *	replicate_hand.c	handing works out, and taking back what ended
 *	replicate_small.c	those that go as one request
 *	replicate_settle.c	those that an earlier run left half done
 *	replicate_crew.c	those that take more than that
 *	replicate_delete.c	what the source has no more
 *	replicate_verify.c	reading back
 *	replicate_history.c	what was replaced
 *	replicate_report.c	counts and events
 *
 * Only the run's thread touches struct run and what is under way; a work is
 * its own too, but for the time in which a put or the crew has it.  What
 * others read of the run is not written while they may.
 */
#ifndef STORAGE_REPLICATE_PRIVATE_H
#define STORAGE_REPLICATE_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/monitor.h"
#include "base/scope.h"
#include "storage/blob_diff.h"
#include "storage/blob_ladder.h"
#include "storage/blob_traits.h"
#include "storage/crew.h"
#include "storage/replicate.h"
#include "storage/store.h"

struct book_copy;
struct budget;
struct gone_spool;
struct list_item;
struct open_copy;
struct pace;
struct replica_book;

/* Threads that climb the ladder, each of which waits on requests. */
#define CREW_MOST 16

/* How often one blob is decided about anew, before what stands in its way is
 * its failure. */
#define LOOKS_MOST 3

struct run {
	struct store *from, *to;
	const struct replicate_opts *o;
	struct replicate_report *report;
	struct scope scope;
	int64_t began_ms; /* Unix time */
	int64_t began_mono_ms;
	unsigned with; /* enum list_with, of both listings */
	struct listing *source, *copy;
	struct diff_opts diff;
	char pair[17], back_pair[17];
	uint64_t own_source, own_copy; /* names of ours, seen in them */

	/*
	 * Three, so that none is changed while the crew reads it: as the run
	 * began, as the probe found the way to be, and without the single
	 * request, which the destination's service was seen not to know.
	 */
	struct ladder unprobed, probed, below_put;
	bool is_probed, put_is_closed;
	unsigned probes;
	struct ladder history; /* within the destination */
	struct replica_book *book;
	struct budget *budget;

	struct pace *pace;
	struct crew *crew;
	unsigned puts, crewed; /* under way */
	struct work *again;    /* did not work at once; for the crew */
	bool put_worked;       /* and so the service knows it */
	struct err no_grant;   /* the source can be read by no one any more */
	bool no_grant_told;
	uint64_t copies; /* handed out; for the sample */

	struct open_copy *open; /* by name */
	size_t nopen;
	struct arena open_arena;
	struct gone_spool *missing;
	int64_t oldest_ms; /* change of the source that is not copied; 0 */
	int64_t told_ms;   /* when progress was */
	bool was_cut;	   /* something ended because the scope did */
	bool has_begun;	   /* a name was decided about */

	struct monitor mon; /* guards what follows */
	struct work *ended; /* the crew or a put is done with them */
};

enum work_what { WORK_COPY, WORK_MEND, WORK_DELETE };

enum work_end {
	WORK_FAILED,
	WORK_COPIED,
	WORK_MENDED,
	WORK_SAME, /* by now */
	WORK_GONE, /* the source is */
	WORK_SKIPPED,
	WORK_DELETED,
	WORK_KEPT, /* the source has it again, or still */
};

struct work {
	struct crew_job job; /* first */
	struct run *run;
	struct work *next;
	enum work_what what;
	struct arena arena; /* of all text */
	const char *name;
	const struct ladder *ladder;
	struct budget *budget; /* carved for it while the crew has it */

	struct blob_props src;
	struct blob_traits traits; /* as the copy is to have them */
	struct blob_props copy;	   /* what is replaced, mended or deleted */
	struct blob_traits copy_traits;
	bool replaces;
	unsigned mend;	     /* enum trait_kind */
	char left[160];	     /* of what was to go, and stays; "" nothing */
	char loss[160];	     /* of what cannot be kept; "" nothing */
	const char *version; /* the copy's, of WORK_DELETE; "" none */

	bool is_small;	 /* goes as one request */
	bool look_first; /* what was known may not hold any more */
	bool was_sent;	 /* an answer was lost: it may stand */
	bool was_put;	 /* it stands, but was not seen yet */
	bool read_back;
	struct put_call *put;
	const struct book_copy *settle; /* first; NULL: nothing */

	enum work_end end;
	enum diff_skip skip;
	struct ladder_result result;
	unsigned changed; /* sources that were found to be others */
	unsigned requests;
	bool verified;
	struct err err; /* of WORK_FAILED */
};

/* replicate_work.c.  copy NULL: there is none. */
struct work *work_new(struct run *, enum work_what, const char *name);
void work_free(struct work *);

/* What is to be done, of what is known of both sides now; text is copied. */
void work_set(struct work *, const struct list_item *source,
    const struct list_item *copy, unsigned mend);

/* The source as the copy can hold it: traits are of the arena where they
 * differ from the source's.  loss takes what is left out. */
void work_wanted(const struct run *, struct arena *, const struct list_item *,
    struct list_item *wanted, struct blob_traits *, char loss[160]);

/* replicate.c: for what is handed out now. */
const struct ladder *run_ladder(const struct run *);

/* replicate_hand.c */

/* Waits for room; takes the work.  Fails only as the scope does. */
int run_hand_out(struct run *, struct work *take, struct err *);

/* What ended is counted, told and freed, or put by for the crew. */
void run_take_back(struct run *);

/* Until nothing is under way any more.  Of a scope that has ended all ends
 * soon; nothing new begins then. */
int run_await_all(struct run *, struct err *);

/* From whatever thread a work ended on; must be its last word. */
void work_ended(struct work *);

/* replicate_small.c */
bool small_is(const struct run *, const struct work *);
void small_begin(struct run *, struct work *);

/* True: it is done, well or ill; else it is the crew's to go on with. */
bool small_end(struct run *, struct work *);

/* replicate_settle.c */
int run_find_open(struct run *, struct err *);

/* Handed out, when that name was left half done: then that is all that is to
 * be done of it. */
int run_settle(struct run *, const char *name, bool *was_open, struct err *);

/* Those of which the source has told nothing. */
int run_settle_rest(struct run *, struct err *);
int work_settle(struct work *, const struct scope *);

/* replicate_crew.c */
int crew_copy(struct crew_job *, const struct scope *, struct err *);

/* replicate_delete.c */
int run_miss(struct run *, const struct list_item *copy, struct err *);

/* After the walk came to its end and all copies ended. */
int run_delete(struct run *, struct err *);
void work_delete(struct work *, const struct scope *);

/* replicate_verify.c.  Fails with ERR_CORRUPT for what is not the same, of
 * which the copy then says no more that it is. */
int work_verify(struct work *, const struct scope *, struct err *);

/* replicate_report.c */
void run_tell(struct run *, const struct replicate_event *);
void run_count(struct run *, const struct work *);
void run_count_skip(
    struct run *, enum diff_skip, const char *name, const struct blob_props *);
void run_plan(struct run *, const struct work *); /* of a dry run */
void run_progress(struct run *);
void run_report(struct run *, bool walked);

#endif
