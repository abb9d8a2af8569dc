/*
 * manifest_target.h -- what a manifest says of its dump, in the words in which
 * a target is asked whether it can take it.
 */
#ifndef AGENT_SNAPSHOT_MANIFEST_TARGET_H
#define AGENT_SNAPSHOT_MANIFEST_TARGET_H

#include "rdb/rdb_reader.h"
#include "rdb/target_check.h"

struct manifest;

/* Points into itself, and to the names in the manifest, which it borrows. */
struct manifest_target {
	struct rdb_summary rdb;
	struct target_dump dump;
	const char *modules[TARGET_MODULES_MAX];
};

void manifest_target(const struct manifest *, struct manifest_target *);

#endif
