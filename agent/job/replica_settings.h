/*
 * replica_settings.h -- what the settings say of a replication of blobs.
 */
#ifndef AGENT_JOB_REPLICA_SETTINGS_H
#define AGENT_JOB_REPLICA_SETTINGS_H

#include <stdbool.h>

#include "storage/replica_filter.h"
#include "storage/replicate.h"

#include "agent/job/day_window.h"

struct err;
struct settings;

struct replica_settings {
	struct replicate_opts opts; /* its filter is the one below */
	struct replica_filter filter;
	bool create; /* the destination's container */
	bool has_window;
	struct day_window window;
	char **lists[3]; /* what the filter's lists point to */
};

/* ERR_USAGE names the option.  Release also after a failure. */
int replica_settings_read(
    struct replica_settings *, const struct settings *, struct err *);
void replica_settings_release(struct replica_settings *);

#endif
