/*
 * source_filtered.h -- a source of which only a part is taken.
 *
 * The source is read and proved whole, but for what it can leave unread by the
 * filter itself; what the filter takes goes into a dump of its own, which the
 * call's reader and sink see instead.  So every way of taking a dump can be
 * filtered, and what the manifest says of the data is said of the part.
 */
#ifndef AGENT_SNAPSHOT_SOURCE_FILTERED_H
#define AGENT_SNAPSHOT_SOURCE_FILTERED_H

#include <stddef.h>

struct err;
struct key_filter;
struct rdb_left_out;
struct scope;
struct sink;
struct source;
struct source_call;
struct source_facts;

/* As the source's cost() and dump(); ERR_UNSUPPORTED, too, for a dump that is
 * newer than the reader. */
size_t source_filtered_cost(const struct source *, const struct source_call *);
int source_filtered_dump(struct source *, const struct key_filter *,
    const struct scope *, const struct source_call *, struct sink *,
    struct source_facts *, struct rdb_left_out *, struct err *);

#endif
