/*
 * held_clock.h -- time that stands still, for threads that sleep by it.
 *
 * Unlike fake_clock.h a sleep blocks, until the test has let the time pass.
 */
#ifndef TESTS_SIM_HELD_CLOCK_H
#define TESTS_SIM_HELD_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/monitor.h"
#include "base/scope.h"

struct held_clock {
	struct clock base;
	struct monitor monitor;
	int64_t now_ms;
	unsigned asleep;
	bool open;
};

/* A scope on the clock. */
struct scope held_clock_init(struct held_clock *);
void held_clock_release(struct held_clock *);

/* Until a thread sleeps; and let time pass, which wakes whose time came. */
void held_clock_wait_asleep(struct held_clock *);
void held_clock_pass(struct held_clock *, int64_t ms);

/* From here on nobody sleeps any more, so that threads can be joined. */
void held_clock_open(struct held_clock *);

#endif
