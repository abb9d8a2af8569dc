/*
 * deflater.h -- deflate (RFC 1951) one chunk by itself, ended by a full flush.
 *
 * What several of them made, laid one after the other, is one deflate stream
 * that lacks only its final block.  One deflater serves one thread at a time.
 */
#ifndef STORAGE_DEFLATER_H
#define STORAGE_DEFLATER_H

#include <stddef.h>

#include "base/chunk.h"

struct deflater;
struct err;

/*
 * Room for what CHUNK_SIZE bytes can become.  Data that does not shrink is
 * stored: by ISA-L in blocks of 64 KiB, by zlib of 16 KiB and up, each with a
 * header of 5 bytes, which makes 320 bytes at most.
 */
#define DEFLATE_ROOM (CHUNK_SIZE + 4096)

/* level as in struct codec_opts, within its range. */
struct deflater *deflater_new(int level);
void deflater_free(struct deflater *);

size_t deflater_cost(int level); /* bytes of memory that one takes */

/* From at most CHUNK_SIZE bytes to at most DEFLATE_ROOM. */
int deflater_run(struct deflater *, const struct chunk *, unsigned char *out,
    size_t *out_len, struct err *);

#endif
