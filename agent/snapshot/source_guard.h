/*
 * source_guard.h -- whether a server may be asked for a snapshot.
 *
 * What will hurt it (fork_check.h) refuses the snapshot, what may hurt it is
 * told; PROTECT_REFUSE refuses both, PROTECT_OFF does not look.
 */
#ifndef AGENT_SNAPSHOT_SOURCE_GUARD_H
#define AGENT_SNAPSHOT_SOURCE_GUARD_H

#include "rdb/fork_check.h"

struct err;
struct progress;
struct redis_conn;
struct redis_info;
struct scope;

enum protect { PROTECT_WARN, PROTECT_REFUSE, PROTECT_OFF };

struct source_guard {
	enum protect policy;
	struct fork_limits limits;
};

int protect_parse(const char *, enum protect *, struct err *);

/* ERR_REFUSED with what was found; warnings are notes of the snapshot. */
int source_guard_admit(const struct source_guard *, struct redis_conn *,
    const struct redis_info *, const struct scope *, struct progress *,
    struct err *);

#endif
