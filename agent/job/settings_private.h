/*
 * settings_private.h -- what settings.c (the values and their order) and
 * settings_file.c (the configuration file) share.
 */
#ifndef AGENT_JOB_SETTINGS_PRIVATE_H
#define AGENT_JOB_SETTINGS_PRIVATE_H

#include "base/json.h"

#include "agent/job/settings.h"

struct setting {
	char *value; /* NULL: not set */
	enum origin origin;
};

struct settings {
	struct setting values[OPTIONS];
	char *path;	     /* NULL: no file */
	cJSON *doc;	     /* of the file */
	const cJSON *levers; /* in doc; NULL: the job has none */
};

/* Checked, and put over what was there. */
int settings_put(struct settings *, enum option, const char *value, enum origin,
    struct err *);

/* The file at path: those of the process are put, those of jobs checked. */
int settings_read_file(struct settings *, struct err *);

/* A job of the file; one that is not in it is no error, unless its name is
 * nearly that of one which is. */
int settings_read_job(struct settings *, const char *job, struct err *);

#endif
