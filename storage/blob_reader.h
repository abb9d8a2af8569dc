/*
 * blob_reader.h -- the start of a stream: read a blob by parallel ranges.
 *
 * Ranges are fetched ahead on threads of the reader's own, each bound to the
 * ETag that the caller gives, and written to the sink in order.
 */
#ifndef STORAGE_BLOB_READER_H
#define STORAGE_BLOB_READER_H

#include <stddef.h>
#include <stdint.h>

struct budget;
struct err;
struct scope;
struct sink;
struct store;

struct blob_reader_opts {
	size_t range_size;  /* bytes a request; 0: at most 4 MiB, see lanes.h */
	unsigned in_flight; /* 0: 4 */
	/* What the ranges take is carved from it: in all at most a quarter of
	 * it, fewer of them if need be, unless range_size is given. */
	struct budget *budget;
	/* Called with the bytes delivered so far, on the caller's thread. */
	void (*progress)(void *arg, uint64_t done);
	void *progress_arg;
};

/*
 * Reads [off, off + len) of the blob that has this etag into sink, blocking
 * until all was delivered; does not finish the sink.
 */
int blob_read(struct store *, const char *name, const char *etag, uint64_t off,
    uint64_t len, const struct scope *, const struct blob_reader_opts *,
    struct sink *, struct err *);

#endif
