/*
 * pieces.h -- a stream's digest piece by piece, and a gate that asks for it.
 *
 * A digest of the whole proves a stream when its last byte has passed.  Who
 * cannot take back what he was given (a server that loads while it receives)
 * must be given nothing that is not proved: the tap writes down XXH3-128 of
 * every PIECE_BYTES, and the gate passes a piece on when it has all of it and
 * its digest is the one that was written down.  That finds what decays, not
 * what somebody forged: the digest of the whole does.
 */
#ifndef STORAGE_PIECES_H
#define STORAGE_PIECES_H

#include <stddef.h>
#include <stdint.h>

struct budget;
struct err;
struct pieces;
struct scope;
struct sink;

#define PIECE_BYTES	   ((size_t)4 << 20)
#define PIECE_DIGEST_BYTES 16

/* 2 TiB; the digests of a longer stream are not kept. */
#define PIECES_MAX ((size_t)512 << 10)

struct pieces *pieces_new(void);

/* From what pieces_digests() gave; len is a multiple of a digest's. */
struct pieces *pieces_from(const void *digests, size_t len);
void pieces_free(struct pieces *); /* NULL is fine */

/* All of them in order, the last one's piece being shorter; canonical, big
 * endian.  NULL when there were too many. */
const unsigned char *pieces_digests(const struct pieces *, size_t *len);

/* How many a stream of so many bytes has. */
uint64_t pieces_of(uint64_t bytes);

/* An inline stage that writes down; the pieces are borrowed. */
struct sink *pieces_tap_new(struct pieces *);

/*
 * An inline stage that passes on, as one chunk, each piece that agrees; the
 * first that does not is ERR_CORRUPT.  The pieces are borrowed; PIECE_BYTES
 * are carved from the budget.
 */
struct sink *pieces_gate_new(
    const struct pieces *, struct budget *, const struct scope *, struct err *);

#endif
