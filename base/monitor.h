/*
 * monitor.h -- a lock and a condition whose waits end with a scope.
 *
 *	monitor_lock(m);
 *	while (nothing to do)
 *		if (monitor_wait(m, scope, err) != 0)
 *			break;
 *	...
 *	monitor_unlock(m);
 *
 * A scope's deadline is turned into time left when a wait begins and then
 * measured by CLOCK_MONOTONIC, so that a test's clock which stands still
 * cannot make a wait endless.
 */
#ifndef BASE_MONITOR_H
#define BASE_MONITOR_H

#include <pthread.h>
#include <stdint.h>

struct err;
struct scope;

/* Embedded in what it guards. */
struct monitor {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	uint64_t changes; /* counts monitor_broadcast() */
};

void monitor_init(struct monitor *);
void monitor_release(struct monitor *);

void monitor_lock(struct monitor *);
void monitor_unlock(struct monitor *);

/* The lock is held: something that others wait for has changed. */
void monitor_broadcast(struct monitor *);

/*
 * The lock is held, is given up in between, and is held again afterwards.
 * Returns 0 after a broadcast, or for no reason at all: look again.  Fails
 * like scope_check() when the scope ends.  With a NULL scope it waits for as
 * long as it takes, which is only for what is known to end.
 */
int monitor_wait(struct monitor *, const struct scope *, struct err *);

#endif
