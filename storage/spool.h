/*
 * spool.h -- a stage that never holds its writer up, by spilling to disk.
 *
 * What follows it runs on a thread of its own; when that is slower than the
 * writer, chunks beyond a few in memory go to an unlinked file and are read
 * back in order.  The file has a ceiling: when it is full the next write
 * fails with ERR_SYSTEM, which ends the run cleanly, rather than holding up
 * the Redis whose snapshot child waits at the other end.  What passes through
 * lies on the disk as it is: a cipher belongs before the spool.
 *
 * Memory: the chunks it keeps are charged to the stages that made them, which
 * have to count spool_held() of them in their own held; read back, they are
 * charged to spool_cost().  Bytes keep their order, not their chunks.
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
	struct budget *budget; /* spool_cost() is carved, to read back into */
	unsigned held;	       /* chunks that what follows keeps at once */
};

/*
 * When what follows fails, the scope's cancel is triggered, and the next
 * write or finish reports the failure.
 */
struct sink *
spool_new(const struct scope *, const struct spool_opts *, struct err *);

/* Bytes carved from opts->budget. */
size_t spool_cost(const struct spool_opts *);

/* Chunks of the stage before it that it and what follows keep at once. */
unsigned spool_held(const struct spool_opts *);

/* The most bytes that lay on disk at once, so far. */
uint64_t spool_peak(const struct sink *);

#endif
