/*
 * dataset.h -- what is compared: a Redis, a snapshot or an RDB file.
 *
 * Each is read as one stream of keys, as often as asked; a Redis makes a new
 * dump for each reading.
 */
#ifndef AGENT_SNAPSHOT_DATASET_H
#define AGENT_SNAPSHOT_DATASET_H

#include <stdbool.h>
#include <stdint.h>

struct dataset;
struct err;
struct manifest;
struct rdb_visitor;
struct redis_opts;
struct redis_target;
struct scope;
struct snapshot_env;
struct source_sync_opts;
struct store;

/* Borrow what they are given but for the manifest, and the path. */
/* A server, or a pinned cluster.  opts are copied; NULL: the server is not
 * looked at before it forks. */
struct dataset *dataset_redis_new(const struct redis_target *,
    const struct redis_opts *, const struct source_sync_opts *opts);
struct dataset *dataset_snapshot_new(struct store *, struct manifest *take);
struct dataset *dataset_file_new(const char *path);
void dataset_free(struct dataset *);

/* "snapshot 'shop/2026...'", without secrets. */
const char *dataset_shown(const struct dataset *);

struct dataset_facts {
	char server[64];  /* "redis 7.0.15"; "" unknown */
	int64_t point_ms; /* the data stood for this instant; 0: unknown */
	bool part;	  /* a snapshot that left keys out by a filter */
};

/*
 * Show the visitor all of it, with progress as STEP_COMPARE.  ERR_UNSUPPORTED
 * for an RDB version that the reader does not know.
 */
int dataset_read(struct dataset *, struct rdb_visitor *, const struct scope *,
    const struct snapshot_env *, struct dataset_facts *, struct err *);

#endif
