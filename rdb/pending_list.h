/*
 * pending_list.h -- the pending entries of a consumer group, found by id.
 *
 * An RDB file has a group's entries once, with the time and the count of their
 * delivery, and behind them each consumer's ids alone.  A group may have any
 * number of them: all but the last few thousand wait in an unlinked file.
 */
#ifndef RDB_PENDING_LIST_H
#define RDB_PENDING_LIST_H

#include <stdint.h>

#include "rdb/rdb_reader.h"

struct err;
struct pending_list;

struct pending_entry {
	struct rdb_stream_id id;
	uint64_t count; /* how often it was delivered, */
	int64_t ms;	/* and when last: Unix time */
};

struct pending_list *pending_list_new(void);
void pending_list_free(struct pending_list *);
void pending_list_clear(struct pending_list *);

/* Ids ascend, as Redis keeps them: ERR_CORRUPT for one that does not. */
int pending_list_add(
    struct pending_list *, const struct pending_entry *, struct err *);

/* ERR_CORRUPT for one that is not there.  Fast for ids that ascend. */
int pending_list_find(struct pending_list *, struct rdb_stream_id,
    struct pending_entry *, struct err *);

#endif
