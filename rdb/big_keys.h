/*
 * big_keys.h -- the biggest of the keys that pass, by memory where it is
 * estimated, else by bytes.
 */
#ifndef RDB_BIG_KEYS_H
#define RDB_BIG_KEYS_H

#include <stddef.h>
#include <stdint.h>

#include "rdb/rdb_reader.h"

struct big_keys;

struct big_key {
	uint32_t db;
	enum rdb_kind kind;
	uint64_t bytes, memory, elements;
	int64_t expires_ms;
	char *name; /* cut to RDB_KEY_SHOWN_MAX, escaped */
};

struct big_keys *big_keys_new(size_t most); /* at least one */
void big_keys_free(struct big_keys *);

/* All but the name, which may be cut beyond what is shown. */
void big_keys_note(struct big_keys *, const struct big_key *,
    const unsigned char *name, size_t name_len);

/* The biggest first; valid until freed.  Nothing can be noted any more. */
const struct big_key *big_keys_told(struct big_keys *, size_t *n);

/* The order of two by memory and bytes, the smaller first: as of strcmp(). */
int
big_order(uint64_t memory, uint64_t bytes, uint64_t memory2, uint64_t bytes2);

#endif
