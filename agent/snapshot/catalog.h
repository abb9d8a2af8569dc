/*
 * catalog.h -- the snapshots of a job in a store, read from the store itself.
 */
#ifndef AGENT_SNAPSHOT_CATALOG_H
#define AGENT_SNAPSHOT_CATALOG_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/snapshot/snapshot_id.h"

struct err;
struct key_filter;
struct manifest;
struct scope;
struct store;

#define CATALOG_MAX 100000

struct catalog {
	char (*ids)[SNAPSHOT_ID_SIZE]; /* with a manifest, oldest first */
	size_t n;
	size_t broken; /* folders without a manifest: runs that ended
				 * early, or are still going on */
};

void catalog_release(struct catalog *);

/* ERR_SYSTEM beyond CATALOG_MAX.  Asks for each folder's manifest. */
int catalog_read(struct store *, const struct scope *, const char *job,
    struct catalog *, struct err *);

/* The jobs that have a folder in the store; each name to be freed. */
int catalog_jobs(struct store *, const struct scope *, char ***names, size_t *n,
    struct err *);

/*
 * The manifest of one snapshot.  id may be NULL or "latest" (the newest that
 * is verified and has all its parts; the newest unverified one when there is
 * none), or the beginning of one id.  What "latest" passes over, damaged or
 * unverified and newer, is logged; a damaged one that is asked for by its id
 * is ERR_CORRUPT.
 * A part of the keys is never the latest; by the second function, which takes
 * no beginnings, only one that this filter took is (NULL: no filter).
 * ERR_MISSING when there is none, ERR_USAGE when several begin so.
 */
struct manifest *catalog_get(struct store *, const struct scope *,
    const char *job, const char *id, struct err *);
struct manifest *catalog_get_latest(struct store *, const struct scope *,
    const char *job, const struct key_filter *, struct err *);

/* Whether id asks for the latest. */
bool catalog_is_latest(const char *id);

/* "JOB/ID/NAME" into a buffer of BLOB_NAME_MAX + 1. */
void catalog_blob(char *out, const char *job, const char *id, const char *name);

#endif
