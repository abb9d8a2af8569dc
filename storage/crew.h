/*
 * crew.h -- a few threads that carry out requests, the oldest first.
 *
 * For requests that wait on a peer or a disk (CPU work belongs in base/pool).
 * When one fails, those that have not begun are dropped and every later call
 * fails with its error; crew_free() then ends those that still run.  A request
 * must end when the scope it is given ends, so waiting for one needs no other
 * limit.
 */
#ifndef STORAGE_CREW_H
#define STORAGE_CREW_H

#include <stdbool.h>

struct crew;
struct err;
struct scope;

/* Embedded in the request; the fields below run are the crew's. */
struct crew_job {
	int (*run)(struct crew_job *, const struct scope *, struct err *);
	struct crew_job *next;
	bool busy;
};

/* Borrows scope.  Threads start as they are needed, at most this many. */
struct crew *crew_new(const struct scope *, unsigned threads);

/* Cancels what runs, joins; jobs may be freed afterwards. */
void crew_free(struct crew *);

int crew_submit(struct crew *, struct crew_job *, struct err *);

/* Until that one is done. */
int crew_wait(struct crew *, const struct crew_job *, struct err *);

/* Until fewer than n are waiting or running. */
int crew_wait_below(struct crew *, unsigned n, struct err *);

/* Submitted and not done. */
bool crew_busy(struct crew *, const struct crew_job *);

/* False, or true and the first error. */
bool crew_failed(struct crew *, struct err *);

#endif
