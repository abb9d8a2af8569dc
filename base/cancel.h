/*
 * cancel.h -- one "stop" that every wait of a run can hear.
 *
 * Cancels form a tree: triggering one triggers all below it.  A wait that
 * polls adds cancel_fd(), which turns readable for good; a wait on a condition
 * variable registers a watch, whose wake function broadcasts it.  All
 * functions may be called from any thread, but not from a signal handler:
 * signals are taken by a thread that waits for them.
 */
#ifndef BASE_CANCEL_H
#define BASE_CANCEL_H

#include <stdbool.h>

struct cancel;
struct err;

/* Embedded in whatever waits; its fields belong to this module. */
struct cancel_watch {
	void (*wake)(void *arg);
	void *arg;
	struct cancel_watch *prev, *next;
};

/* Child of parent, which must outlive it; a root when parent is NULL. */
struct cancel *cancel_new(struct cancel *parent);
void cancel_free(struct cancel *);

void cancel_trigger(struct cancel *);

/* A NULL cancel is one that never triggers. */
bool cancel_triggered(const struct cancel *);
int cancel_fd(const struct cancel *); /* -1 for NULL */

/*
 * wake runs once, on the triggering thread (at once, on this one, when the
 * trigger came first) and must only lock, broadcast and unlock.  Do not hold
 * the lock that wake takes while triggering, or adding or dropping the watch;
 * a wait that is woken by a condition is monitor_wait()'s to do.  After
 * cancel_unwatch() returns wake is not running and will not run.
 */
void cancel_watch(
    struct cancel *, struct cancel_watch *, void (*wake)(void *arg), void *arg);
void cancel_unwatch(struct cancel *, struct cancel_watch *);

#endif
