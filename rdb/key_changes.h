/*
 * key_changes.h -- the keys that differ, counted by database, and some of them.
 */
#ifndef RDB_KEY_CHANGES_H
#define RDB_KEY_CHANGES_H

#include <stddef.h>
#include <stdint.h>

#include "rdb/rdb_reader.h"

struct key_changes;
struct key_record;
struct slot_set;

/* The order in which they are read, which need not be the user's. */
enum diff_side { DIFF_FIRST, DIFF_SECOND };

/* In what a key differs; a value and an expiry may both. */
enum key_change {
	KEY_ONLY_FIRST,
	KEY_ONLY_SECOND,
	KEY_TYPE,
	KEY_VALUE,
	KEY_TTL,
	KEY_CHANGES
};

struct key_facts {
	enum rdb_kind kind;
	uint64_t bytes; /* of the value, decoded */
	uint64_t elements;
	int64_t expires_ms;
};

struct key_difference {
	uint32_t db;
	unsigned changes;	   /* bit 1 << enum key_change */
	unsigned char *name;	   /* the first KEY_NAME_KEPT bytes */
	size_t name_len;	   /* of all of it */
	struct key_facts sides[2]; /* by enum diff_side; of those it is on */
};

struct key_change_count {
	uint32_t db;
	uint64_t keys;		       /* that differ */
	uint64_t changes[KEY_CHANGES]; /* in what; their sum may be more */
};

/* At most limit differences are kept, of all that are counted. */
struct key_changes *key_changes_new(size_t limit);
void key_changes_free(struct key_changes *);

/* Either record is NULL for a key that is not on that side. */
void key_changes_add(struct key_changes *, unsigned changes,
    const struct key_record *first, const struct key_record *second,
    const unsigned char *name);

/* By database, ascending; NULL past the last. */
const struct key_change_count *
key_changes_count(const struct key_changes *, size_t i);

/* Where keys differ. */
const struct slot_set *key_changes_slots(const struct key_changes *);

/*
 * The differences kept, by database and name; each way in which keys differ
 * has its part of them.
 */
const struct key_difference *key_changes_list(struct key_changes *, size_t *n);

#endif
