/*
 * climb.h -- uphill in the number of requests at once, while it helps.
 *
 * Told of each request that began or ended, it measures how many end well in
 * a second, over a few rounds of as many as may be under way, and moves the
 * limit by what it saw: doubled from the start on, until that brings little;
 * then up or down a quarter now and then, to see whether that is better, or
 * no worse.  What fails twice is taken back, and tried ever less often.  Where
 * the service was too busy the limit is halved, and comes near to where that
 * was only after a rest.
 *
 * Arithmetic only: no lock, no clock of its own.
 */
#ifndef STORAGE_CLIMB_H
#define STORAGE_CLIMB_H

#include <stdbool.h>
#include <stdint.h>

enum climb_way { CLIMB_DOUBLE, CLIMB_UP, CLIMB_DOWN, CLIMB_REST };

struct climb {
	unsigned least, most;
	unsigned limit; /* at once, by now */

	enum climb_way way;
	unsigned from;	  /* the limit that this trial is compared with */
	double rate_from; /* and what it got done, a ms */
	bool is_second;	  /* the trial failed once */
	bool was_down;	  /* the last trial after a rest */
	unsigned rests;	  /* measures until the next trial */
	unsigned rest_length;
	unsigned wall; /* the limit at which it was busy; 0: none */

	/* The measure that goes on. */
	unsigned settling; /* ends that are of earlier ones */
	unsigned ended, good, needed;
	int64_t since_ms;
	bool was_full;

	unsigned excused; /* ends whose "busy" has halved it already */
};

void climb_init(struct climb *, unsigned least, unsigned most);

/* under_way: with the one that began, and without the one that ended. */
void climb_began(struct climb *, unsigned under_way);
void climb_ended(struct climb *, unsigned under_way, bool busy, int64_t now_ms);

#endif
