/*
 * key_diff.h -- which keys of two datasets differ, and in what.
 *
 * One dataset is read, and of its keys in the slots that are looked into a
 * record is kept; then the other is read, and each of its keys is compared as
 * it passes.  What was not seen by then is missing there.  When the records do
 * not fit into the memory given, keys are looked into whose name's digest has
 * one more bit that says so, half as many, on both sides: a round covers a
 * share of the keys by name, the same in each slot, and other rounds can cover
 * the rest.  A slot that holds a whole dataset, by a hash tag, is no exception.
 *
 * A key that has expired is not there, whether or not its server has dropped
 * it, and so with a field of a hash.  A hash that differs in nothing but
 * fields that expire, of which one has meanwhile, is left out.
 */
#ifndef RDB_KEY_DIFF_H
#define RDB_KEY_DIFF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rdb/key_changes.h"

struct err;
struct key_diff;
struct scope;
struct slot_set;

struct key_diff_opts {
	const struct slot_set *slots; /* those that are looked into */
	size_t max_bytes;	      /* of records; KEY_TABLE_LEAST at least */
	size_t limit;	    /* differences kept, of all that are counted */
	bool streams;	    /* the streams' counters are compared too */
	int64_t gone_by_ms; /* what expired by then is on neither side */
	const struct scope *scope; /* tells the time; borrowed */
};

struct key_diff *key_diff_new(const struct key_diff_opts *);
void key_diff_free(struct key_diff *);

/*
 * A round: begin, feed all of the first side, then all of the second, and end.
 * The first looks into as many keys as fit, the next into what was left;
 * counts and differences are added up.
 */
void key_diff_begin(struct key_diff *);
struct rdb_visitor *key_diff_visitor(struct key_diff *, enum diff_side);
void key_diff_end(struct key_diff *);

/* The part of the keys that was looked into, by name; exactly 1 for all. */
double key_diff_looked_into(const struct key_diff *);

/* What all rounds found; valid as long as the key_diff. */
struct key_changes *key_diff_changes(struct key_diff *);
uint64_t key_diff_expiring(const struct key_diff *); /* left out */

#endif
