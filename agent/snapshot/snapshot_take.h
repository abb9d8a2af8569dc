/*
 * snapshot_take.h -- from a source to a snapshot in a store.
 *
 *	source -> reader (structure, CRC64, counts, fingerprint)
 *	      \-> spool <- seal? <- encoder -> digest -> parts
 *
 * The parts are committed only after the source's end was proved, and the
 * manifest after the parts: before that nothing is listed.
 */
#ifndef AGENT_SNAPSHOT_SNAPSHOT_TAKE_H
#define AGENT_SNAPSHOT_SNAPSHOT_TAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/codec.h"

struct err;
struct manifest;
struct scope;
struct snapshot_env;
struct source;
struct store;

struct snapshot_take_opts {
	const char *job;
	enum codec codec;
	int level;
	bool seal;	   /* with env->cipher_key */
	uint64_t part_max; /* bytes in a part; 0: what the store takes */
};

/* The manifest of the snapshot that now exists; NULL and err else. */
struct manifest *snapshot_take(struct source *, struct store *,
    const struct scope *, const struct snapshot_env *,
    const struct snapshot_take_opts *, struct err *);

#endif
