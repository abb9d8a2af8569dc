/* day_window.h -- hours of the day in which a job may work, by UTC. */
#ifndef AGENT_JOB_DAY_WINDOW_H
#define AGENT_JOB_DAY_WINDOW_H

#include <stdint.h>

struct err;

struct day_window {
	int from, to; /* minutes of the day; to before from: over midnight */
};

/* "22:00-06:00"; ERR_USAGE for what is none, and for one of no length. */
int day_window_parse(struct day_window *, const char *, struct err *);

/* How long it lasts yet at that Unix time; 0: it is not open. */
int64_t day_window_left_ms(const struct day_window *, int64_t now_ms);

#endif
