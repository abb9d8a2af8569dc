/*
 * direct_io.h -- large reads and writes past the page cache.
 *
 * A backup is written once and seldom read again soon, and the memory that its
 * pages would take belongs to the Redis on this host.  What is read back so
 * comes from the disk itself, and not from what this host believes is there.
 *
 * Not every file system can do it, and only for memory and places at multiples of
 * CHUNK_ALIGN: so these take what they can from the front, and the usual way
 * does the rest, meets every failure again, and tells it.
 */
#ifndef STORAGE_DIRECT_IO_H
#define STORAGE_DIRECT_IO_H

#include <stddef.h>
#include <stdint.h>

/* The file of fd once more, for O_RDONLY or O_WRONLY; -1 when it cannot be. */
int direct_open(int fd, int mode);

/* How many bytes from off on were read or written: 0 with a direct of -1. */
size_t direct_read(int direct, uint64_t off, void *, size_t len);
size_t direct_write(int direct, uint64_t off, const void *, size_t len);

#endif
