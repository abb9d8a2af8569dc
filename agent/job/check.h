/*
 * check.h -- each thing that a job needs, tried for real.
 */
#ifndef AGENT_JOB_CHECK_H
#define AGENT_JOB_CHECK_H

struct agent;
struct err;
struct scope;

enum check_result { CHECK_GOOD, CHECK_SKIPPED, CHECK_FAILED };

struct check {
	const char *what; /* "source store" */
	enum check_result result;
	const char *detail;    /* what was seen */
	const char *advice;    /* what to do about a failure; "" else */
	const struct err *err; /* of a failure */
};

/*
 * Tries everything that is set, and goes on after a failure.  Writes, reads,
 * copies and removes one small blob in each store; changes no Redis.  0 when
 * nothing failed; else -1 and the first failure in err.
 */
int check_job(struct agent *, const char *job, const struct scope *,
    void (*tell)(void *arg, const struct check *), void *arg, struct err *);

#endif
