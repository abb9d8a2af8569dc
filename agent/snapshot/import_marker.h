/*
 * import_marker.h -- a key that says: what is here is half of an import.
 *
 * Set in the emptied target before RESTORE begins and removed when all keys
 * have arrived, and will last (a primary may be lost with what its replicas
 * have not yet), it tells a later run that the data of an import that was cut
 * short may be nobody's: import_half.h tells whether somebody wrote since.
 * Somebody who empties the target removes it too.  (The way 'replica' needs
 * none: a target holds the old data, all of the dump, or nothing.)
 */
#ifndef AGENT_SNAPSHOT_IMPORT_MARKER_H
#define AGENT_SNAPSHOT_IMPORT_MARKER_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/snapshot/snapshot_id.h"

#define IMPORT_MARKER_SIZE (24 + JOB_NAME_MAX)

struct err;
struct redis_conn;
struct scope;

int import_marker_set(struct redis_conn *, const char *job,
    const char *snapshot, const struct scope *, struct err *);
int import_marker_clear(
    struct redis_conn *, const char *job, const struct scope *, struct err *);
/* The snapshot that it names; "" when there is none, or a key of the user's. */
int import_marker_get(struct redis_conn *, const char *job,
    char snapshot[SNAPSHOT_ID_SIZE], const struct scope *, struct err *);

void import_marker_key(const char *job, char out[IMPORT_MARKER_SIZE]);

/* Whether a key is the mark of some job, or a value of an import's. */
bool import_marker_is(const unsigned char *name, size_t len);

/* What the names begin with under which the import writes values that are not
 * whole: they are nobody's data. */
void import_marker_values(const char *job, char out[IMPORT_MARKER_SIZE]);

#endif
