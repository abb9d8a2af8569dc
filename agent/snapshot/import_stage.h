/*
 * import_stage.h -- a snapshot as files that an Azure Redis can import.
 *
 * Parts that are such files already, plain gzip and one for each dump, are
 * given as they lie in the store, when all of it was read and proved.  All
 * else is written anew, as it is proved, into a container of its own beside
 * the store: as gzip, or as plain RDB where the service takes nothing else.
 */
#ifndef AGENT_SNAPSHOT_IMPORT_STAGE_H
#define AGENT_SNAPSHOT_IMPORT_STAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct lent_places;
struct manifest;
struct scope;
struct secret;
struct snapshot_env;
struct store;

struct import_files {
	struct secret *urls; /* one for each dump */
	size_t n;
	struct store *place; /* of those that were written; NULL: none was */
};

struct import_stage {
	struct store *store; /* of the snapshot */
	const struct manifest *m;
	const struct lent_places *places; /* beside it */
	bool gzip;			  /* the service takes it */
	bool by_identity;		  /* which reads them, without a SAS */
	int64_t work_ms;		  /* for which the URLs must be good */
};

/* After a failure nothing is left that was written. */
int import_stage(const struct import_stage *, const struct scope *,
    const struct snapshot_env *, struct import_files *, struct err *);

/* Forgets the URLs; the place stays. */
void import_files_release(struct import_files *);

#endif
