/* snapshot_find.h -- the snapshot that a job's user means. */
#ifndef AGENT_JOB_SNAPSHOT_FIND_H
#define AGENT_JOB_SNAPSHOT_FIND_H

struct err;
struct manifest;
struct scope;
struct settings;
struct store;

/*
 * catalog_get(), where the latest is the newest of what the job takes: with a
 * filter in its settings, of those that it took; else of those of all keys.
 */
struct manifest *snapshot_find(struct store *, const struct scope *,
    const struct settings *, const char *job, const char *id, struct err *);

#endif
