/* filter_settings.h -- the filter that a job's settings ask for. */
#ifndef AGENT_JOB_FILTER_SETTINGS_H
#define AGENT_JOB_FILTER_SETTINGS_H

struct err;
struct key_filter;
struct settings;

/* *out: to be freed; NULL when none is set.  ERR_USAGE names the option. */
int
filter_settings(const struct settings *, struct key_filter **out, struct err *);

#endif
