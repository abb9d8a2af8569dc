/*
 * settings_check.h -- settings that are right each by itself and wrong
 * together.
 *
 * Told before anything is contacted, locked or written.
 */
#ifndef AGENT_JOB_SETTINGS_CHECK_H
#define AGENT_JOB_SETTINGS_CHECK_H

struct err;
struct settings;

/* ERR_USAGE names the settings that do not go together; when several do not,
 * those of the first. */
int settings_check(const struct settings *, struct err *);

#endif
