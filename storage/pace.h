/*
 * pace.h -- how many at once, how many a second, how many bytes a second.
 *
 * The number at once begins at a few and goes up while more a second get done,
 * comes down a step when more brought nothing, and by a half when the service
 * says it is too busy (429, 503), at most once for what was under way then
 * (climb.h).  Rates are spread evenly: over any second no more than 1.05 times
 * the ceiling and one that began; what takes more than a second's share goes
 * when its turn comes, and the next waits for so much longer.
 */
#ifndef STORAGE_PACE_H
#define STORAGE_PACE_H

#include <stdbool.h>
#include <stdint.h>

struct err;
struct pace;
struct scope;

struct pace_opts {
	unsigned least, most;	    /* 0: 4, 256 */
	uint64_t requests_a_second; /* 0: no ceiling */
	uint64_t bytes_a_second;
};

/* opts NULL: the defaults. */
struct pace *pace_new(const struct scope *, const struct pace_opts *);
void pace_free(struct pace *);

/* Waits until one more may begin that takes so much; ERR_CANCELLED and
 * ERR_UNREACHABLE by the scope. */
int pace_begin(struct pace *, unsigned requests, uint64_t bytes, struct err *);

/* The same without waiting: false when it may not, and then *wait_ms is when
 * to ask again by the rates, or -1 when one must end first. */
bool
pace_try(struct pace *, unsigned requests, uint64_t bytes, int64_t *wait_ms);

/* One that began has ended; busy: the service said so. */
void pace_end(struct pace *, bool busy);

unsigned pace_limit(const struct pace *); /* at once, by now */

#endif
