/*
 * fake_clock.h -- time that passes when a test says so, or when code sleeps.
 */
#ifndef TESTS_FAKE_CLOCK_H
#define TESTS_FAKE_CLOCK_H

#include <stdint.h>

#include "base/scope.h"

struct fake_clock {
	struct clock base;
	_Atomic int64_t mono_ms; /* threads may sleep at once */
	_Atomic int64_t wall_ms;
	unsigned char random;	  /* every byte asked for */
	_Atomic int64_t slept_ms; /* in all */
	_Atomic unsigned sleeps;
};

/* A scope on the clock, which starts at 1,000,000 ms. */
struct scope fake_clock_init(struct fake_clock *);
void fake_clock_pass(struct fake_clock *, int64_t ms);

#endif
