/*
 * script_primaries.h -- a cluster of two primaries, as far as a load asks it.
 *
 * Each has a half of the slots.  What commands that write are answered by is
 * set before they come; they are recorded.
 */
#ifndef TESTS_SIM_SCRIPT_PRIMARIES_H
#define TESTS_SIM_SCRIPT_PRIMARIES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "rdb/redis_target.h"

struct script_server;

#define SCRIPT_CLOSE   "" /* instead of an answer */
#define SCRIPT_ANSWERS 24

struct script_primary {
	struct script_primaries *all;
	struct script_server *server;
	/* In their turn, then OK; "PORT" is the other one's. */
	const char *answers[SCRIPT_ANSWERS];
	atomic_uint asked;
	bool restarts;		/* when it closes: another process then */
	bool demoted;		/* when it closes: a replica then */
	bool closes_at_the_end; /* when asked by INFO, once */
	unsigned demoted_after; /* so many commands, if any: it stays there */
	/* After so many commands, if any: a primary again, that was none. */
	unsigned back_after;
	bool alone; /* but its history began anew because nobody follows */
	atomic_uint closed;
};

struct script_primaries {
	struct script_primary nodes[2];
	struct redis_target target;
	/* Bytes of a command's words behind its first; 0: 4. */
	size_t recorded;
};

void script_primaries_up(struct script_primaries *);
void script_primaries_down(struct script_primaries *);

#endif
