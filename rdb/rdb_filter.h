/*
 * rdb_filter.h -- from a dump that is read, the part that a filter takes.
 *
 * A visitor that writes a dump: header, AUX fields, libraries and the keys
 * that are wanted, with expiry, idle time and frequency; values are copied as
 * they stand, whatever their size.  The hints of sizes (RESIZEDB) stay behind,
 * and two things that would not be true of a part:
 *
 * - where in a replication's history the dump stands (repl-id, repl-offset,
 *   repl-stream-db): a server that loaded it would go on from there with all
 *   other keys missing;
 * - module data outside of keys, which a reader does not tell: counted.
 *
 * What is written is well-formed whatever was read: only when the reader has
 * proved the end (rdb_reader_finish) may rdb_filter_finish() be called.
 */
#ifndef RDB_RDB_FILTER_H
#define RDB_RDB_FILTER_H

#include <stdint.h>

struct budget;
struct err;
struct key_filter;
struct rdb_filter;
struct rdb_visitor;
struct scope;
struct sink;

struct rdb_filter_opts {
	const struct key_filter *filter;
	/* What TTLs are counted from when the dump does not tell its time. */
	int64_t at_ms;
	struct budget *budget; /* as rdb_writer_opts' */
};

struct rdb_left_out {
	uint64_t keys;
	uint64_t module_data; /* pieces outside of keys */
};

/* All is borrowed; the sink is never finished here. */
struct rdb_filter *rdb_filter_new(
    struct sink *, const struct scope *, const struct rdb_filter_opts *);
void rdb_filter_free(struct rdb_filter *);

struct rdb_visitor *rdb_filter_visitor(struct rdb_filter *);

int rdb_filter_finish(struct rdb_filter *, struct err *);

const struct rdb_left_out *rdb_filter_left_out(const struct rdb_filter *);

#endif
