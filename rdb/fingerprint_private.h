/*
 * fingerprint_private.h -- the inside of a fingerprint, for its three files:
 * fingerprint.c sums up a dump, fingerprint_compare.c compares two sums, and
 * fingerprint_json.c writes them down.
 */
#ifndef RDB_FINGERPRINT_PRIVATE_H
#define RDB_FINGERPRINT_PRIVATE_H

#include "rdb/fingerprint.h"
#include "rdb/key_digest.h"
#include "rdb/library_set.h"

#define FP_MINUTES 360
#define FP_HOURS   170
#define FP_DAYS	   402
#define FP_BUCKETS (1 + FP_MINUTES + FP_HOURS + FP_DAYS + 1)

struct fingerprint {
	struct digest_visitor visitor;
	int64_t anchor_ms;
	bool with_times; /* as they were first defined */
	struct fp_sum persistent;
	struct fp_sum functions; /* libraries, by their source, each once */
	struct library_set libraries;
	struct fp_bucket *buckets; /* FP_BUCKETS of them, mostly empty */
	struct fp_bucket *used;	   /* those that are, made when asked for */
	uint64_t modules;	   /* keys */
	uint32_t stream_types;	   /* type bytes seen, as bits */
	struct key_digester *digester;
};

/* The bucket of an expiry, and its bound; the header says where they lie. */
size_t fp_bucket_of(int64_t anchor_ms, int64_t at_ms, int64_t *until_ms);

bool fp_sum_is_empty(const struct fp_sum *);

void fp_with_times(struct fingerprint *);

void fp_put64(unsigned char *, uint64_t);

#endif
