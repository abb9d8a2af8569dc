/*
 * rdb_record.h -- what an RDB reader tells, as text to compare.
 *
 * One event a line, pieces of one element joined, so that the text is the
 * same however the dump was cut.  The raw bytes of each value are in its
 * key_end line as a CRC64.
 */
#ifndef TESTS_SIM_RDB_RECORD_H
#define TESTS_SIM_RDB_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "rdb/rdb_reader.h"

struct rdb_record {
	struct rdb_visitor visitor;
	struct buf text;
	bool in_part;
	uint64_t raw_crc, raw_len;
	uint64_t elements; /* of all keys */
	uint64_t calls;
	uint64_t fail_at; /* the call that fails; 0: none */
};

void rdb_record_init(struct rdb_record *);
void rdb_record_release(struct rdb_record *);

/*
 * Reads a dump in pieces of the given sizes (the last one goes on for the
 * rest) with a record of its own.  Returns the text for the caller to free,
 * ended by the error if there was one, else by the summary.
 */
char *rdb_record_cut(const void *, size_t len, size_t first, size_t then);

#endif
