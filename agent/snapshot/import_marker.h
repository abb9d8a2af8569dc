/*
 * import_marker.h -- a key that says: what is here is half of an import.
 *
 * Set in the emptied target before RESTORE begins and removed when all keys
 * have arrived, it tells a later run that the data of an import that was cut
 * short are nobody's.  Somebody who empties the target removes it too.  (The
 * way 'replica' needs none: a target holds the old data, all of the dump, or
 * nothing.)
 */
#ifndef AGENT_SNAPSHOT_IMPORT_MARKER_H
#define AGENT_SNAPSHOT_IMPORT_MARKER_H

#include <stdbool.h>

struct err;
struct redis_conn;
struct scope;

int import_marker_set(struct redis_conn *, const char *job,
    const char *snapshot, const struct scope *, struct err *);
int import_marker_clear(
    struct redis_conn *, const char *job, const struct scope *, struct err *);
int import_marker_stands(struct redis_conn *, const char *job,
    const char *snapshot, const struct scope *, bool *stands, struct err *);

#endif
