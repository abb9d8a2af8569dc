#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/random.h>
#include <time.h>

#include "base/cancel.h"
#include "base/err.h"

#include "base/scope.h"

static int64_t
read_ms(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Goes on while the machine sleeps, as leases held elsewhere do. */
static int64_t
system_mono_ms(const struct clock *clock)
{
	(void)clock;
	return read_ms(CLOCK_BOOTTIME);
}

static int64_t
system_wall_ms(const struct clock *clock)
{
	(void)clock;
	return read_ms(CLOCK_REALTIME);
}

static void
system_random(const struct clock *clock, void *out, size_t len)
{
	unsigned char *p = out;

	(void)clock;
	while (len > 0) {
		ssize_t n = getrandom(p, len, 0);

		if (n == -1) {
			assert(errno == EINTR);
			continue;
		}
		p += n;
		len -= (size_t)n;
	}
}

const struct clock clock_system = {
    .mono_ms = system_mono_ms,
    .wall_ms = system_wall_ms,
    .random = system_random,
};

struct scope
scope_root(struct cancel *cancel)
{
	return (struct scope){
	    .clock = &clock_system,
	    .cancel = cancel,
	    .deadline_ms = INT64_MAX,
	};
}

struct scope
scope_within(const struct scope *parent, int64_t timeout_ms)
{
	struct scope s = *parent;
	int64_t now_ms = scope_mono_ms(parent);

	if (timeout_ms < 0)
		timeout_ms = 0;
	if (timeout_ms < INT64_MAX - now_ms &&
	    now_ms + timeout_ms < s.deadline_ms)
		s.deadline_ms = now_ms + timeout_ms;
	return s;
}

struct scope
scope_under(const struct scope *parent, struct cancel *cancel)
{
	struct scope s = *parent;

	s.cancel = cancel;
	return s;
}

static int
cancelled(struct err *err)
{
	return err_set(err, ERR_CANCELLED, "cancelled");
}

static int
timed_out(struct err *err)
{
	return err_set(err, ERR_UNREACHABLE, "timed out");
}

int
scope_check(const struct scope *s, struct err *err)
{
	if (cancel_triggered(s->cancel))
		return cancelled(err);
	if (scope_left_ms(s) == 0)
		return timed_out(err);
	return 0;
}

int64_t
scope_left_ms(const struct scope *s)
{
	int64_t now_ms;

	if (s->deadline_ms == INT64_MAX)
		return INT64_MAX;
	now_ms = scope_mono_ms(s);
	return now_ms < s->deadline_ms ? s->deadline_ms - now_ms : 0;
}

int64_t
scope_mono_ms(const struct scope *s)
{
	return s->clock->mono_ms(s->clock);
}

int64_t
scope_wall_ms(const struct scope *s)
{
	return s->clock->wall_ms(s->clock);
}

void
scope_random(const struct scope *s, void *out, size_t len)
{
	s->clock->random(s->clock, out, len);
}

/*
 * Poll both for at most ms of real time, whatever the scope's clock does.
 * 1: an event at fd; 0: the time is over; -1: cancelled, or poll failed.
 */
static int
poll_for(
    const struct scope *s, int fd, short events, int64_t ms, struct err *err)
{
	struct pollfd p[2] = {
	    {.fd = fd, .events = events},
	    {.fd = cancel_fd(s->cancel), .events = POLLIN},
	};
	int64_t start_ms = read_ms(CLOCK_BOOTTIME);
	int64_t left_ms = ms;
	int rc;

	do {
		bool whole = left_ms <= INT_MAX;

		rc = poll(p, 2, whole ? (int)left_ms : INT_MAX);
		if (rc == -1 && errno != EINTR)
			return err_sys(err, "poll");
		if (rc == 0 && whole)
			return 0;
		if (ms != INT64_MAX)
			left_ms = ms - (read_ms(CLOCK_BOOTTIME) - start_ms);
		if (left_ms < 0)
			left_ms = 0;
	} while (rc <= 0);
	return p[1].revents != 0 ? cancelled(err) : 1;
}

int
scope_sleep(const struct scope *s, int64_t ms, struct err *err)
{
	int64_t left_ms = scope_left_ms(s);
	int64_t pause_ms = ms < left_ms ? ms : left_ms;

	if (scope_check(s, err) != 0)
		return -1;
	if (s->clock->sleep != NULL)
		s->clock->sleep(s->clock, pause_ms);
	else if (pause_ms > 0 && poll_for(s, -1, 0, pause_ms, err) != 0)
		return -1;
	if (cancel_triggered(s->cancel))
		return cancelled(err);
	return ms < left_ms ? 0 : timed_out(err);
}

int
scope_wait_fd(const struct scope *s, int fd, short events, struct err *err)
{
	int rc;

	if (scope_check(s, err) != 0)
		return -1;
	rc = poll_for(s, fd, events, scope_left_ms(s), err);
	if (rc == 0)
		return timed_out(err);
	return rc == 1 ? 0 : -1;
}
