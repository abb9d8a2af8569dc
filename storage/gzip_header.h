/*
 * gzip_header.h -- a gzip member's header (RFC 1952, 2.3), a byte at a time.
 *
 * ISA-L 2.30 has a reader of its own, but it computes a wrong header CRC when
 * the header comes in pieces.
 */
#ifndef STORAGE_GZIP_HEADER_H
#define STORAGE_GZIP_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

/* All zero: at the beginning. */
struct gzip_header {
	unsigned field;
	unsigned skip; /* bytes left of this field */
	unsigned flags;
	unsigned value; /* of a two-byte field so far */
	uint32_t crc;
};

/*
 * Takes one byte of it.  *done tells that it was the last; the fields are
 * checked and passed over.
 */
int
gzip_header_byte(struct gzip_header *, unsigned char, bool *done, struct err *);

#endif
