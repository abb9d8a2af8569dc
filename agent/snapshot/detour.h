/*
 * detour.h -- what came through this host, since the storage service did not
 * copy it by itself: counted over files that are taken side by side, so that
 * it is told once.
 */
#ifndef AGENT_SNAPSHOT_DETOUR_H
#define AGENT_SNAPSHOT_DETOUR_H

#include <pthread.h>
#include <stdint.h>

struct detour {
	pthread_mutex_t lock;
	uint64_t files, bytes;
	char why[160]; /* of the first of them */
};

void detour_init(struct detour *);
void detour_release(struct detour *);

/* Accepts NULL. */
void detour_add(struct detour *, uint64_t bytes, const char *why);

#endif
