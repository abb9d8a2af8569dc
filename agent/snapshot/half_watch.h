/*
 * half_watch.h -- is the source itself half of an import?
 *
 * A Redis that an import is being loaded into, or was when the import was cut
 * short, holds the import's mark (import_marker.h).  A snapshot of it would be
 * of a part of the data, and nothing else would tell.
 *
 * A visitor: the reading ends with ERR_REFUSED at such a key.
 */
#ifndef AGENT_SNAPSHOT_HALF_WATCH_H
#define AGENT_SNAPSHOT_HALF_WATCH_H

struct rdb_reader;

void half_watch_add(struct rdb_reader *);

#endif
