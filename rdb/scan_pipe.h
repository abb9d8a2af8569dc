/*
 * scan_pipe.h -- values off a live server by DUMP, several keys under way.
 *
 * Keys are asked for in groups, each one in a MULTI, so that a key's value and
 * its expiry are of one moment.  A value is written as it arrives, whatever
 * its size: none has to fit into memory.  What a group asks for at once is
 * bounded by what values took so far, since the server keeps answers in its
 * own memory until they are fetched.
 *
 * Facts: redis/src/cluster.c dumpCommand(), expire.c, object.c.
 */
#ifndef RDB_SCAN_PIPE_H
#define RDB_SCAN_PIPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct rdb_writer;
struct redis_conn;
struct scan_changes;
struct scan_pipe;
struct scope;

/* What the server tells of how keys are used, by its eviction policy. */
enum scan_usage { SCAN_USAGE_NONE, SCAN_USAGE_IDLE, SCAN_USAGE_FREQ };

struct scan_pipe_opts {
	int rdb_version;  /* of the file: no value may be newer */
	bool expire_time; /* PEXPIRETIME is there (Redis 7.0); else PTTL, by */
	bool server_time; /* its TIME of the same moment, or by our clock */
	enum scan_usage usage;
	bool single; /* one key in a MULTI: a cluster */
	/* Told of the keys that may change in silence; NULL: nobody is. */
	struct scan_changes *changes;
};

struct scan_name {
	const char *data;
	size_t len;
};

struct scan_pipe_facts {
	uint64_t keys; /* written */
	uint64_t gone; /* deleted or expired before their turn came */
};

/* Borrows both; the connection is nobody else's meanwhile. */
struct scan_pipe *scan_pipe_new(
    struct redis_conn *, struct rdb_writer *, const struct scan_pipe_opts *);
void scan_pipe_free(struct scan_pipe *);

/* How many keys may be asked for now: a group. */
size_t scan_pipe_group(const struct scan_pipe *);

/* Ask for the first n of these (at most a group), in database db, which is
 * selected; the names are borrowed until they were taken. */
int scan_pipe_ask(struct scan_pipe *, const struct scope *, uint32_t db,
    const struct scan_name *, size_t n, struct err *);

/* Groups that were asked for and not taken. */
size_t scan_pipe_asked(const struct scan_pipe *);

#define SCAN_PIPE_GROUPS_MAX 16

/*
 * Take the oldest group's answers, and write them.  ERR_AUTH or
 * ERR_UNSUPPORTED for a server that refuses MULTI, DUMP or PEXPIRETIME;
 * ERR_CORRUPT for a payload whose CRC64 is wrong.
 */
int scan_pipe_take(struct scan_pipe *, const struct scope *, struct err *);

struct scan_pipe_facts scan_pipe_facts(const struct scan_pipe *);

#endif
