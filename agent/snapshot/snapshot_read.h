/*
 * snapshot_read.h -- the raw dump of a snapshot, proved while it is read.
 *
 *	parts -> digest -> open? -> decoder -> digest -> reader -> out
 *
 * Every byte that the manifest vouches for is checked: each part's size and
 * SHA-256, the dump's, its structure, CRC64, counts and fingerprint.  What all
 * of that proves is known at the end; by_piece is for visitors, or an out, that
 * cannot take back what they were given.
 *
 * The dumps of a cluster's shards are read one after the other, as if they
 * were one: a visitor is told each function library once.  They cannot be
 * written out as one: out is NULL then, unless a single one is asked for.
 */
#ifndef AGENT_SNAPSHOT_SNAPSHOT_READ_H
#define AGENT_SNAPSHOT_SNAPSHOT_READ_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/snapshot/progress.h"

struct err;
struct manifest;
struct rdb_summary;
struct rdb_visitor;
struct scope;
struct sink;
struct snapshot_env;
struct store;

#define SNAPSHOT_VISITORS_MAX 2

struct snapshot_read_opts {
	enum step step;					     /* for progress */
	struct rdb_visitor *visitors[SNAPSHOT_VISITORS_MAX]; /* or NULL */
	struct sink *out; /* raw bytes, not finished here; or NULL */
	/*
	 * Nothing is given on but pieces that the manifest vouches for (it must
	 * have some); their digests are in the place of the whole dump's and of
	 * the fingerprint.
	 */
	bool by_piece;
	struct rdb_summary *summary; /* of it, once it is read; or NULL */
	/* Of the shards this one alone, from 1 on, without what is proved of
	 * all of them (the fingerprint); 0: all. */
	size_t shard;
	bool parts_only; /* sizes and SHA-256 of the parts, no more */
};

/*
 * 0: all of it was delivered and every proof agrees.  ERR_CORRUPT names the
 * part or the proof; ERR_AUTH a cipher key that is missing or another.
 */
int snapshot_read(struct store *, const struct manifest *, const struct scope *,
    const struct snapshot_env *, const struct snapshot_read_opts *,
    struct err *);

#endif
