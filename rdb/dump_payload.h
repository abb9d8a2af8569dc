/*
 * dump_payload.h -- gathers one value as RESTORE takes it.
 *
 * A DUMP payload is the bytes of an RDB file from the type on, and a footer:
 * RDB version (2 bytes) and CRC64 of all before it (8 bytes), little endian.
 * RESTORE must be told its length first, so the value has to be had whole:
 * up to a ceiling in memory, beyond it in an unlinked temporary file (TMPDIR,
 * else /var/tmp).
 */
#ifndef RDB_DUMP_PAYLOAD_H
#define RDB_DUMP_PAYLOAD_H

#include <stddef.h>
#include <stdint.h>

struct dump_payload;
struct err;

#define DUMP_FOOTER_BYTES 10

/* memory_max is taken from the address space at once, from RAM as needed. */
struct dump_payload *dump_payload_new(size_t memory_max);
void dump_payload_free(struct dump_payload *);

/* That a payload of so many bytes can be gathered: where memory is too small
 * for it the file is made, and has room for it on the disk, now.  ERR_SYSTEM. */
int dump_payload_reserve(struct dump_payload *, uint64_t bytes, struct err *);

/* Forgets the value before; also right after a failure. */
int dump_payload_begin(struct dump_payload *, struct err *);
/* ERR_SYSTEM when the temporary file cannot be made or written. */
int dump_payload_add(struct dump_payload *, const void *, size_t, struct err *);
int dump_payload_end(struct dump_payload *, int rdb_version, struct err *);

/* A function library as FUNCTION RESTORE takes it, from begin to end. */
int dump_payload_function(struct dump_payload *, const unsigned char *source,
    size_t len, struct err *);

/* So far; with the footer from end on. */
uint64_t dump_payload_size(const struct dump_payload *);

/* All bytes in order, in pieces; each failing ends the walk.  After end. */
int dump_payload_each(struct dump_payload *,
    int (*each)(void *arg, const void *, size_t, struct err *), void *arg,
    struct err *);
/* But for its first byte, the type, and the footer. */
int dump_payload_value(struct dump_payload *,
    int (*each)(void *arg, const void *, size_t, struct err *), void *arg,
    struct err *);

#endif
