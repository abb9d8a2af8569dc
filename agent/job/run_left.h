/* run_left.h -- what goes on at Azure when a run was ended in its midst. */
#ifndef AGENT_JOB_RUN_LEFT_H
#define AGENT_JOB_RUN_LEFT_H

struct agent;
struct err;

/*
 * Adds to the error of a run that was cancelled, or whose time was up, which
 * export or import the journal has: neither ends with the run.
 */
void run_left_tell(struct agent *, struct err *);

#endif
