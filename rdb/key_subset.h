/*
 * key_subset.h -- whether all that one dataset holds is held by another, too.
 *
 * Keys count as the same by database, name, kind, expiry and value, fields of
 * hashes that expire each by itself, function libraries by their source
 * (key_digest.h).  Two readings make a pass: of the
 * part, digests are kept; those that the whole has as well are struck off.
 * Each pass is over a range of the digests that fits into memory, so a part of
 * any size takes no more than it was given, and more readings.
 */
#ifndef RDB_KEY_SUBSET_H
#define RDB_KEY_SUBSET_H

#include <stddef.h>
#include <stdint.h>

struct key_subset;
struct rdb_visitor;

struct key_subset_opts {
	uint64_t items; /* keys, such fields and libraries of the part */
	size_t memory_max;
	/* rdb_summary's, of the whole: streams of an encoding that it does
	 * not have are compared by what all encodings carry. */
	uint32_t types_seen;
	/* Keys of the part that do not count: one of database 0, and those
	 * of any that begin so; borrowed; or NULL. */
	const char *apart, *apart_prefix;
};

struct key_subset *key_subset_new(const struct key_subset_opts *);
void key_subset_free(struct key_subset *); /* NULL is fine */
unsigned key_subset_passes(const struct key_subset *);

/* From pass 0 on; then a reading of the part, then one of the whole. */
void key_subset_begin(struct key_subset *, unsigned pass);
struct rdb_visitor *key_subset_part(struct key_subset *);
struct rdb_visitor *key_subset_whole(struct key_subset *);

/* Of this pass: items of the part that the whole does not have. */
uint64_t key_subset_strangers(const struct key_subset *);

#endif
