/*
 * reader_tap.h -- an inline stage: an rdb_reader sees all that passes.
 *
 * The reader is borrowed.  What it refuses is not passed on; finish fails
 * when the file is not at its end.
 */
#ifndef AGENT_SNAPSHOT_READER_TAP_H
#define AGENT_SNAPSHOT_READER_TAP_H

#include <stdbool.h>

struct rdb_reader;
struct sink;

/*
 * With keep_newer, a dump of an RDB version that the reader does not know is
 * passed on unproved; reader_newer() tells afterwards.
 */
struct sink *reader_tap_new(struct rdb_reader *, bool keep_newer);

/* Whether the reader met a version that it does not know. */
bool reader_newer(const struct rdb_reader *);

#endif
