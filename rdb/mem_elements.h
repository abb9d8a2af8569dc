/*
 * mem_elements.h -- what a list, set, hash or zset takes that a dump tells
 * element by element, in the encoding that Redis 7.0 gives it on loading.
 *
 * Both encodings are summed up while it may still be either.
 *
 * Facts: redis/src/rdb.c (rdbLoadObject()), config.c (the thresholds),
 * quicklist.h, server.h (zset, zskiplist), dict.h, t_zset.c of 7.0.
 */
#ifndef RDB_MEM_ELEMENTS_H
#define RDB_MEM_ELEMENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "rdb/rdb_reader.h"

/* sizeof() on 64 bit. */
#define MEM_DICT_ENTRY	   24
#define MEM_QUICKLIST	   40
#define MEM_QUICKLIST_NODE 40

struct mem_elements {
	unsigned quantum;
	double skiplist_node; /* given for one, on average */
	enum rdb_kind kind;
	uint64_t n;	     /* as a user counts them */
	uint64_t strings;    /* bytes, each element by itself */
	uint64_t packed;     /* bytes, all of them in one listpack */
	bool loose;	     /* too many, too long or not integers */
	int64_t least, most; /* of a set of integers */
	uint64_t node;	     /* bytes in a list's last node */
};

void mem_elements_init(struct mem_elements *, unsigned quantum);

/* A value of this kind comes. */
void mem_elements_begin(struct mem_elements *, enum rdb_kind);

/* An item, field, value or member; text may be NULL beyond DECIMAL_INT_MAX. */
void mem_elements_add(
    struct mem_elements *, enum rdb_part, const char *text, uint64_t len);

/* Of the member before. */
void mem_elements_score(struct mem_elements *, double);

/* Bytes given for the value, without its robj. */
uint64_t mem_elements_bytes(struct mem_elements *);

#endif
