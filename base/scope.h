/*
 * scope.h -- how long a call may wait, what stops it early, what time it is.
 *
 * Every call that can block takes a scope.  It is a small value: derive a
 * narrower one with scope_within() and pass its address down.  Time and
 * randomness come from its clock, so that tests can hold both.
 */
#ifndef BASE_SCOPE_H
#define BASE_SCOPE_H

#include <stddef.h>
#include <stdint.h>

struct cancel;
struct err;

struct clock {
	int64_t (*mono_ms)(const struct clock *); /* CLOCK_BOOTTIME */
	int64_t (*wall_ms)(const struct clock *); /* Unix time */
	void (*random)(const struct clock *, void *, size_t);

	/* NULL: sleep for real.  A test's clock may jump ahead instead. */
	void (*sleep)(const struct clock *, int64_t ms);
};

/* The machine's own clocks and the kernel's randomness. */
extern const struct clock clock_system;

struct scope {
	const struct clock *clock;
	struct cancel *cancel; /* borrowed; NULL: never cancelled */
	int64_t deadline_ms;   /* of mono_ms; INT64_MAX: none */
};

/* No deadline; cancel may be NULL. */
struct scope scope_root(struct cancel *);

/* The parent's, ended after timeout_ms at the latest. */
struct scope scope_within(const struct scope *parent, int64_t timeout_ms);

/* The parent's, stopped by cancel, which must descend from the parent's. */
struct scope scope_under(const struct scope *parent, struct cancel *);

/* Fails with ERR_CANCELLED or, past the deadline, ERR_UNREACHABLE. */
int scope_check(const struct scope *, struct err *);

/* At least 0; INT64_MAX without a deadline. */
int64_t scope_left_ms(const struct scope *);

int64_t scope_mono_ms(const struct scope *);
int64_t scope_wall_ms(const struct scope *);
void scope_random(const struct scope *, void *, size_t);

/* Fails like scope_check() when the scope ends first. */
int scope_sleep(const struct scope *, int64_t ms, struct err *);

/*
 * Wait until fd is ready for events (POLLIN, POLLOUT) or has failed, which
 * the next read or write then tells.
 */
int scope_wait_fd(const struct scope *, int fd, short events, struct err *);

#endif
