/*
 * spool.h -- a stage that never holds its writer up, by spilling to disk.
 *
 * What follows it runs on a thread of its own; when that is slower than the
 * writer, chunks beyond a few in memory go to an unlinked file and are read
 * back in order.  The file has a ceiling: when it is full the next write
 * fails with ERR_REFUSED, which ends the run cleanly, rather than holding up
 * the Redis whose snapshot child waits at the other end.
 */
#ifndef STORAGE_SPOOL_H
#define STORAGE_SPOOL_H

#include <stddef.h>
#include <stdint.h>

struct budget;
struct err;
struct scope;
struct sink;

struct spool_opts {
	const char *dir;       /* NULL: TMPDIR, else /var/tmp */
	uint64_t max_bytes;    /* on disk; 0: 64 GiB */
	unsigned in_memory;    /* chunks kept before it spills; 0: 16 */
	struct budget *budget; /* to read back into */
};

struct sink *
spool_new(const struct scope *, const struct spool_opts *, struct err *);

/* The most bytes that lay on disk at once. */
uint64_t spool_peak(const struct sink *);

#endif
