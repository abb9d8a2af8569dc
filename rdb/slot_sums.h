/*
 * slot_sums.h -- a dataset summed up by database and cluster hash slot.
 *
 * Each sum is that of the keys' canonical digests (key_digest.h), so that two
 * datasets are equal slot by slot whatever their encodings and servers, and
 * what differs is narrowed down to a few slots by reading each side once.
 * Keys that had expired by a time given are left out and counted, fields of
 * hashes that had are left out: a server may or may not have dropped them.
 *
 * A visitor: add slot_sums_visitor() to an rdb_reader.
 */
#ifndef RDB_SLOT_SUMS_H
#define RDB_SLOT_SUMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rdb_visitor;
struct slot_set;
struct slot_sums;

struct slot_sum {
	uint64_t keys;
	uint64_t value[2];  /* everything that is compared, low half first */
	uint64_t stream[2]; /* what only newer stream encodings carry */
};

struct slot_sums_facts {
	uint64_t keys;	    /* in the sums */
	uint64_t gone;	    /* left out */
	uint64_t modules;   /* keys whose values are not compared */
	uint64_t functions; /* libraries */
};

/* Reading fails with ERR_USAGE when the sums take more than max_bytes:
 * 640 KiB for each database with a key in every slot. */
struct slot_sums *slot_sums_new(int64_t gone_by_ms, size_t max_bytes);
void slot_sums_free(struct slot_sums *);
struct rdb_visitor *slot_sums_visitor(struct slot_sums *);

void slot_sums_facts(const struct slot_sums *, struct slot_sums_facts *);
size_t slot_sums_bytes(const struct slot_sums *); /* of memory */

/* Databases with keys in the sums, ascending; false past the last. */
bool slot_sums_db(const struct slot_sums *, size_t i, uint32_t *db);

/* Of the slots from one to the other, both included. */
struct slot_sum slot_sums_add_up(
    const struct slot_sums *, uint32_t db, unsigned from, unsigned to);

void slot_sum_add(struct slot_sum *, const struct slot_sum *);

/* 32 hex digits of what is compared, for people. */
void slot_sum_text(const struct slot_sum *, char out[33]);

/*
 * Whether the streams' counters can be compared: both sides write them, in
 * one encoding.
 */
bool slot_sums_same_streams(const struct slot_sums *, const struct slot_sums *);
bool
slot_sums_same_functions(const struct slot_sums *, const struct slot_sums *);

/* Adds the slots whose sums are not the same. */
void slot_sums_compare(
    const struct slot_sums *, const struct slot_sums *, struct slot_set *);

#endif
