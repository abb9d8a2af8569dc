/*
 * promotion.h -- the levers of a job, with what they need of the agent.
 *
 * It leads clients, and nothing else: the job's direction stays as it is.
 */
#ifndef AGENT_JOB_PROMOTION_H
#define AGENT_JOB_PROMOTION_H

#include "arm/lever_set.h"

struct agent;
struct err;
struct scope;

typedef void promotion_tell_fn(void *arg, const struct lever_report *);

struct promotion_opts {
	const char *job;
	enum lever_way way;
	bool for_real; /* else it is looked at and told, and nothing changed */
	bool settle;   /* what was pulled stays for good; then way is ignored */
	bool rights;   /* of a look: tries also whether changes are let in */
	promotion_tell_fn *tell;
	void *tell_arg;
};

/*
 * ERR_USAGE when the job has no levers.  For real it is a run in the ledger,
 * and holds the job's lease in the DR store, where one is set; another run
 * there is ERR_LOCKED.  See lever_set.h.
 */
int promotion_run(struct agent *, const struct promotion_opts *,
    const struct scope *, struct err *);

#endif
