/*
 * empty_watch.h -- keys that hold nothing, which no RESTORE takes.
 *
 * Bugs of older servers have left lists, sets, hashes and sorted sets without
 * an element in their dumps.  A server that loads such a file passes them over;
 * sent as a RESTORE each is an error, which would end a load in its midst.
 *
 * A visitor: the reading ends with ERR_UNSUPPORTED at such a key.
 */
#ifndef AGENT_SNAPSHOT_EMPTY_WATCH_H
#define AGENT_SNAPSHOT_EMPTY_WATCH_H

#include <stdbool.h>

#include "rdb/rdb_reader.h"

struct empty_watch {
	struct rdb_visitor visitor;
	bool may_be_empty;
	char name[128]; /* cut short, of the key that is being read */
};

void empty_watch_init(struct empty_watch *);

#endif
