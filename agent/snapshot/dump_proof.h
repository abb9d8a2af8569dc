/*
 * dump_proof.h -- what proves a dump while it passes, and then stands for it
 * in the manifest: structure, CRC64, counts, fingerprint, and the raw bytes'
 * digests, whole and piece by piece.
 */
#ifndef AGENT_SNAPSHOT_DUMP_PROOF_H
#define AGENT_SNAPSHOT_DUMP_PROOF_H

#include <stdbool.h>
#include <stdint.h>

struct err;
struct fingerprint;
struct flow;
struct keystats;
struct manifest;
struct pieces;
struct rdb_reader;
struct sink;

struct dump_proof {
	struct rdb_reader *reader; /* to be fed by the caller's chain */
	struct keystats *stats;
	struct fingerprint *fingerprint;
	struct sink *raw_digest; /* the flow's */
	struct pieces *pieces;
};

/* anchor_ms is the fingerprint's. */
void dump_proof_init(struct dump_proof *, int64_t anchor_ms);
void dump_proof_release(struct dump_proof *);

/* The stages that digest the raw dump. */
void dump_proof_append(struct dump_proof *, struct flow *);

/*
 * When all has passed and the chain is finished: whether it is a dump, and
 * what it holds, into m.  Of one that is newer than the reader only what its
 * bytes tell.
 */
int dump_proof_finish(
    struct dump_proof *, bool newer, struct manifest *m, struct err *);

#endif
