/*
 * run_show.h -- what the commands that run a job share: their call and report.
 */
#ifndef AGENT_CMD_RUN_SHOW_H
#define AGENT_CMD_RUN_SHOW_H

#include "agent/cmd/cmd.h"
#include "agent/job/run.h"

/* Run the job and tell what it did, also as far as a failed one came. */
int run_and_show(
    struct cmd_call *, enum run_command, const struct run_opts *, struct err *);

#endif
