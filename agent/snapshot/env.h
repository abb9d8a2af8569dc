/* env.h -- what every operation on snapshots borrows from the process. */
#ifndef AGENT_SNAPSHOT_ENV_H
#define AGENT_SNAPSHOT_ENV_H

#include <stdint.h>

struct budget;
struct detour;
struct err;
struct journal;
struct pool;
struct progress;
struct secret;

struct snapshot_env {
	struct budget *budget;
	struct pool *pool;
	struct journal *journal;
	struct progress *progress;	 /* NULL: nobody watches */
	struct detour *adopted;		 /* of exported files; or NULL */
	const struct secret *cipher_key; /* NULL: neither seal nor open */
	const char *spool_dir;		 /* NULL: the default */
	uint64_t spool_max;		 /* bytes; 0: the default */
	/*
	 * Asked right before a request that destroys what a Redis holds: fails
	 * when the run has lost, or is about to lose, its leave to do so.
	 * NULL: nobody can take it away.
	 */
	int (*still_ours)(void *arg, struct err *);
	void *still_ours_arg;
	unsigned in_flight; /* blocks or ranges; 0: 4 */
};

#endif
