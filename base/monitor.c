#include <errno.h>
#include <stdbool.h>
#include <time.h>

#include "base/cancel.h"
#include "base/err.h"
#include "base/scope.h"

#include "base/monitor.h"

/* The longest single wait; a longer one goes round. */
#define WAIT_MAX_MS ((int64_t)3600 * 1000)

void
monitor_init(struct monitor *m)
{
	pthread_condattr_t attr;

	pthread_mutex_init(&m->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&m->changed, &attr);
	pthread_condattr_destroy(&attr);
	m->changes = 0;
}

void
monitor_release(struct monitor *m)
{
	pthread_cond_destroy(&m->changed);
	pthread_mutex_destroy(&m->lock);
}

void
monitor_lock(struct monitor *m)
{
	pthread_mutex_lock(&m->lock);
}

void
monitor_unlock(struct monitor *m)
{
	pthread_mutex_unlock(&m->lock);
}

void
monitor_broadcast(struct monitor *m)
{
	m->changes++;
	pthread_cond_broadcast(&m->changed);
}

static void
wake(void *arg)
{
	struct monitor *m = arg;

	monitor_lock(m);
	monitor_broadcast(m);
	monitor_unlock(m);
}

/* False when left_ms passed without a broadcast. */
static bool
wait_change(struct monitor *m, uint64_t seen, int64_t left_ms)
{
	struct timespec until;
	int rc = 0;

	if (left_ms > WAIT_MAX_MS)
		left_ms = WAIT_MAX_MS;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += left_ms / 1000;
	until.tv_nsec += left_ms % 1000 * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	while (m->changes == seen && rc != ETIMEDOUT)
		rc = pthread_cond_timedwait(&m->changed, &m->lock, &until);
	return m->changes != seen;
}

int
monitor_wait(struct monitor *m, const struct scope *scope, struct err *err)
{
	struct cancel_watch watch;
	uint64_t seen = m->changes;
	int64_t left_ms;
	bool changed;

	if (scope == NULL) {
		pthread_cond_wait(&m->changed, &m->lock);
		return 0;
	}
	if (scope_check(scope, err) != 0)
		return -1;

	/*
	 * A watch may not be added or dropped under the lock that its wake
	 * takes.  What is broadcast while the lock is open shows in changes.
	 */
	monitor_unlock(m);
	cancel_watch(scope->cancel, &watch, wake, m);
	monitor_lock(m);
	left_ms = scope_left_ms(scope);
	changed = wait_change(m, seen, left_ms);
	monitor_unlock(m);
	cancel_unwatch(scope->cancel, &watch);
	monitor_lock(m);

	if (!changed && left_ms <= WAIT_MAX_MS)
		return err_set(err, ERR_UNREACHABLE, "timed out");
	return scope_check(scope, err);
}
