/*
 * job_state.h -- JOB/state.json in the DR store: direction, epoch, imports.
 *
 * Read before every import, and changed only by conditional writes, so that
 * two agents cannot both believe they were first.  A job without the blob is
 * at epoch 0, in the forward direction, and has imported nothing.
 */
#ifndef AGENT_SNAPSHOT_JOB_STATE_H
#define AGENT_SNAPSHOT_JOB_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "storage/store.h"

struct err;
struct scope;

#define JOB_STATE_BYTES_MAX ((size_t)1 << 20)
#define JOB_IMPORTS_MAX	    64 /* targets remembered */

struct job_state {
	int64_t epoch;
	bool promoted;	     /* the DR side has become the primary */
	cJSON *doc;	     /* the whole document, never NULL */
	char etag[ETAG_MAX]; /* "" when the blob is absent */
};

int job_state_read(struct store *, const struct scope *, const char *job,
    struct job_state *, struct err *);
void job_state_release(struct job_state *);

/* The snapshot that an import into target brought, when it ended and nothing
 * began since; NULL else.  Valid as long as the state. */
const char *job_state_import(const struct job_state *, const char *target);

/* Whether an import into target began and did not end. */
bool job_state_import_begun(const struct job_state *, const char *target);

/* Whether one began that a service carries out, which goes on when nobody is
 * there, and its end was not noted. */
bool job_state_service_begun(const struct job_state *, const char *target);

/* Whether it was noted by that id. */
bool job_state_begun_by(
    const struct job_state *, const char *target, const char *begin_id);

/*
 * Snapshots of which the target may be an exact copy: the one whose import
 * began or ended last, and, when it did not end, the one before it.  NULL
 * past the last.
 */
const char *
job_state_may_hold(const struct job_state *, const char *target, int i);

struct job_import {
	const char *target, *snapshot;
	bool ended;
	bool by_service;      /* see job_state_service_begun() */
	const char *begin_id; /* of one that begins so; NULL: none */
	int64_t at_ms;
};

/* Note in the document; job_state_write() makes it last. */
void job_state_set_import(struct job_state *, const struct job_import *);

/* ERR_CONFLICT when somebody else wrote since it was read. */
int job_state_write(struct store *, const struct scope *, const char *job,
    struct job_state *, struct err *);

#endif
