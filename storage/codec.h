/*
 * codec.h -- compression stages: gzip, zstd, none.
 *
 * gzip makes one standard member (RFC 1952) out of independent 1 MiB chunks,
 * each ended by a full flush, so that chunks are deflated in parallel on the
 * pool and any gunzip reads the result; the trailer's CRC is combined from
 * the chunks'.  Level "fast" is ISA-L's 3, 1 to 9 are zlib's.
 *
 * zstd writes a frame for every seek_every raw bytes, with a checksum and a
 * window of at most 8 MiB.
 *
 * Memory: a stage carves encoder_cost() or decoder_cost() when it is made,
 * and charges its scratch and the chunks that it makes to it.  A later stage
 * that keeps chunks beyond its write (a spool, a handoff, a gzip encoder) has
 * to be counted in held, or this one waits for it.
 */
#ifndef STORAGE_CODEC_H
#define STORAGE_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct budget;
struct err;
struct pool;
struct scope;
struct sink;

enum codec { CODEC_NONE, CODEC_GZIP, CODEC_ZSTD };

#define CODEC_LEVEL_FAST 0 /* gzip: ISA-L; zstd: 1 */

/* Where a decoder may start afresh: a raw offset and a coded one. */
struct seek_point {
	uint64_t raw;
	uint64_t coded;
};

struct codec_opts {
	int level;	       /* CODEC_LEVEL_FAST, or 1 to 9 (zstd 1 to 19) */
	struct pool *pool;     /* borrowed; NULL: on the writer's thread */
	struct budget *budget; /* a share is carved */
	uint64_t seek_every;   /* raw bytes between points; 0: 64 MiB */
	unsigned held;	       /* chunks that what follows keeps at once */
	unsigned units;	       /* chunks that gzip works at, at most; 0: 16 */
};

const char *codec_name(enum codec);   /* "none", "gzip", "zstd" */
const char *codec_suffix(enum codec); /* "", ".gz", ".zst" */

/* ERR_USAGE when there is no codec of that name. */
int codec_parse(const char *name, enum codec *, struct err *);

/*
 * Compresses what is written.  NULL with ERR_USAGE for a level that the codec
 * does not have, or when its cost is more than the budget has left.
 */
struct sink *encoder_new(
    enum codec, const struct scope *, const struct codec_opts *, struct err *);

/* Bytes that encoder_new() carves from opts->budget. */
size_t encoder_cost(enum codec, const struct codec_opts *);

/* Chunks of the stage before it that an encoder keeps at once. */
unsigned encoder_held(enum codec, const struct codec_opts *);

/* What went in so far, and, after finish, the seek points (encoder's own,
 * valid until it is freed; n may be 0).  A gzip point is where a deflate
 * block that refers to nothing before it begins, for a raw inflate; a zstd
 * one, where a frame does.  The stream's beginning is not among them. */
uint64_t encoder_raw_size(const struct sink *);
const struct seek_point *encoder_seek_points(const struct sink *, size_t *n);

/*
 * Expands what is written.  finish fails with ERR_CORRUPT when the stream is
 * cut short or empty, and write for bad data, a wrong CRC or trailing
 * garbage; zero bytes after the end (page blobs) are ignored.  Several gzip
 * members or zstd frames in a row are one stream, as everywhere.  A zstd
 * window over 128 MiB is ERR_UNSUPPORTED; one over 8 MiB is carved from the
 * budget when it shows itself, and ERR_USAGE if it does not fit.  What has
 * been passed on before a failure is not proved: a CRC comes at the end.
 */
struct sink *decoder_new(
    enum codec, const struct scope *, const struct codec_opts *, struct err *);

/* Bytes that decoder_new() carves from opts->budget. */
size_t decoder_cost(enum codec, const struct codec_opts *);

/* By the first bytes: CODEC_GZIP, CODEC_ZSTD, or CODEC_NONE. */
enum codec codec_sniff(const void *, size_t);

#endif
