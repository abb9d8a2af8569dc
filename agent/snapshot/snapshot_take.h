/*
 * snapshot_take.h -- from a source to a snapshot in a store.
 *
 * One dump (dump_take.h), or one for each shard of a cluster (shards_take.h);
 * their parts are committed only after each one's end was proved, and the
 * manifest after the parts: before that nothing is listed.
 */
#ifndef AGENT_SNAPSHOT_SNAPSHOT_TAKE_H
#define AGENT_SNAPSHOT_SNAPSHOT_TAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/codec.h"

struct err;
struct key_filter;
struct manifest;
struct scope;
struct snapshot_env;
struct source;
struct store;

struct snapshot_take_opts {
	const char *job;
	enum codec codec;
	int level;
	bool seal;		 /* with env->cipher_key */
	uint64_t part_max;	 /* bytes in a part; 0: what the store takes */
	unsigned forks_per_host; /* of a cluster, at once; 0: 1 */
	const struct key_filter *filter; /* NULL: all is taken */
};

/* The manifest of the snapshot that now exists; NULL and err else. */
struct manifest *snapshot_take(struct source *, struct store *,
    const struct scope *, const struct snapshot_env *,
    const struct snapshot_take_opts *, struct err *);

#endif
