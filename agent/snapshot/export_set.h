/*
 * export_set.h -- what an Azure Redis left in a container of its own.
 *
 * Nobody tells what its files are called, or how many they are: whatever is
 * there when the export succeeded is the set, one file for each shard.
 */
#ifndef AGENT_SNAPSHOT_EXPORT_SET_H
#define AGENT_SNAPSHOT_EXPORT_SET_H

#include <stddef.h>

#include "storage/store.h"

struct err;
struct scope;

struct export_file {
	char *name;
	struct blob_props props;
};

struct export_set {
	struct store *store; /* borrowed; the container */
	struct export_file *files;
	size_t n;
};

/* ERR_CORRUPT for none, or more than a snapshot may have dumps. */
int export_set_read(
    struct export_set *, struct store *, const struct scope *, struct err *);

/*
 * Of one that nobody but its source's state tells the end of: what is there
 * once it has been the same, to the ETag, for still_ms.  ERR_UNREACHABLE when
 * that is not so within most_ms.
 */
struct export_patience {
	int64_t still_ms, most_ms;
};
int export_set_await(struct export_set *, struct store *,
    const struct export_patience *, const struct scope *, struct err *);

void export_set_release(struct export_set *);

#endif
