/*
 * replica_show.h -- a replication of blobs: its call, its lines, its report.
 */
#ifndef AGENT_CMD_REPLICA_SHOW_H
#define AGENT_CMD_REPLICA_SHOW_H

#include <stdbool.h>

struct cmd_call;
struct err;

/*
 * Runs the job's and tells what it did, also as far as a failed one came.  Of a
 * dry run every blob is told, else those that were not copied as they should
 * have been.
 */
int replica_run_and_show(
    struct cmd_call *, const char *command, bool dry_run, struct err *);

#endif
