/*
 * import_trace.h -- what is noted with an import that a service carries out,
 * so that the data may tell later whether it did.
 *
 * An answer that was lost says nothing.  A target that is an exact copy of the
 * snapshot has imported it, unless it may have been such a copy before: so
 * what it held is noted before the import is asked for.
 */
#ifndef AGENT_SNAPSHOT_IMPORT_TRACE_H
#define AGENT_SNAPSHOT_IMPORT_TRACE_H

#include <stdbool.h>

#include "agent/snapshot/snapshot_id.h"

struct err;
struct guard_answer;
struct guard_request;
struct manifest;
struct scope;
struct snapshot_env;

struct import_trace {
	char job[JOB_NAME_MAX + 1];
	char snapshot[SNAPSHOT_ID_SIZE];
	bool differed; /* the target held something else, or nothing */
	/* Else: of which snapshot it was an exact copy; "" is not known. */
	char held[SNAPSHOT_ID_SIZE];
};

/* Of m into what the guard has seen; to be freed. */
char *import_trace_format(const struct manifest *, const struct guard_answer *);

/* ERR_CORRUPT for what is no trace. */
int import_trace_parse(struct import_trace *, const char *, struct err *);

/*
 * Whether the data prove that it was done; false also where nothing can be
 * told.  The request is of the trace's job.
 */
int import_trace_proves(const struct import_trace *,
    const struct guard_request *, const struct scope *,
    const struct snapshot_env *, bool *done, struct err *);

#endif
