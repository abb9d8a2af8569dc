/*
 * codec.h -- compression stages: gzip, zstd, none.
 *
 * gzip makes one standard member (RFC 1952) out of independent 1 MiB chunks,
 * each ended by a full flush, so that chunks are deflated in parallel on the
 * pool and any gunzip reads the result; the trailer's CRC is combined from
 * the chunks'.  Level "fast" is ISA-L's 2, 1 to 9 are zlib's.
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
	struct pool *pool;     /* borrowed */
	struct budget *budget; /* a share is carved */
	uint64_t seek_every;   /* raw bytes between points; 0: 64 MiB */
};

const char *codec_name(enum codec);   /* "none", "gzip", "zstd" */
const char *codec_suffix(enum codec); /* "", ".gz", ".zst" */
int codec_parse(const char *name, enum codec *, struct err *);

/* Compresses what is written; NULL and err on failure. */
struct sink *encoder_new(
    enum codec, const struct scope *, const struct codec_opts *, struct err *);

/* What went in so far, and, after finish, the seek points (encoder's own,
 * valid until it is freed; n may be 0). */
uint64_t encoder_raw_size(const struct sink *);
const struct seek_point *encoder_seek_points(const struct sink *, size_t *n);

/*
 * Expands what is written.  finish fails with ERR_CORRUPT when the stream is
 * cut short, and write for bad data, a wrong CRC or trailing garbage; zero
 * bytes after the end (page blobs) are ignored.  Several gzip members or zstd
 * frames in a row are one stream, as everywhere.
 */
struct sink *decoder_new(
    enum codec, const struct scope *, const struct codec_opts *, struct err *);

/* By the first bytes: CODEC_GZIP, CODEC_ZSTD, or CODEC_NONE. */
enum codec codec_sniff(const void *, size_t);

#endif
