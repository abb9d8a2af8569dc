/*
 * restore_way.h -- where the commands of a load go: to one server on several
 * connections, or to the primaries of a cluster.
 *
 * A value that no RESTORE can bring goes by plain commands (value_commands.h).
 * To one server they are sent as the value is read; a server of a cluster may
 * pass a slot on or be lost, so there the value is had whole first, up to 1 MiB
 * of it in memory and the rest in an unlinked file, and begun again where that
 * happens.
 */
#ifndef RDB_RESTORE_WAY_H
#define RDB_RESTORE_WAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rdb/redis_info.h"
#include "rdb/restore_limit.h"

struct budget;
struct err;
struct rdb_key;
struct redis_conn;
struct redis_opts;
struct redis_target;
struct restore_command;
struct restore_facts;
struct restore_way;
struct scope;
struct value_server;

struct restore_way_ops {
	/* A key's, or a function library's; read before the return. */
	int (*put)(
	    struct restore_way *, const struct restore_command *, struct err *);

	/* What the dump's header says, before its first key. */
	void (*dump)(struct restore_way *, int version, bool valkey);
	/* A key with its name, then its bytes from behind the type on, and
	 * that they were all. */
	int (*value_begin)(
	    struct restore_way *, const struct rdb_key *, struct err *);
	int (*value_add)(
	    struct restore_way *, const void *, size_t, struct err *);
	int (*value_end)(struct restore_way *, struct err *);

	/* Before the first: that values of so many bytes can be had whole; NULL
	 * where they need not. */
	int (*reserve)(struct restore_way *, uint64_t bytes, struct err *);

	/* Often, while the dump is read: NULL where nothing is to be done so
	 * that connections stay. */
	int (*tend)(struct restore_way *, struct err *);

	/* Until all was answered well.  Adds to keys, which counts what was
	 * answered by OK, to expired what commands had no need to write, and
	 * tells by_commands and lost. */
	int (*finish)(
	    struct restore_way *, struct restore_facts *, struct err *);
	void (*free)(struct restore_way *);
};

struct restore_way {
	const struct restore_way_ops *ops;
	/* Of the oldest server, and of the one that takes least. */
	struct redis_info info;
	struct restore_limit limit;
};

struct restore_way_opts {
	const struct redis_opts *redis;
	const struct scope *scope;
	unsigned connections; /* to one server */
	size_t window;	      /* of bytes unanswered on each of those */
	/* What the names of values that are not whole begin with. */
	const char *temp_prefix;
	struct budget *budget; /* NULL: nothing is accounted */
};

/*
 * Connect.  target and what opts point to are borrowed for the way's life.
 * ERR_UNSUPPORTED for a server of a cluster by the first, or one before 3.0
 * (REPLACE).
 */
struct restore_way *restore_way_server(
    const struct redis_target *, const struct restore_way_opts *, struct err *);
struct restore_way *restore_way_cluster(
    const struct redis_target *, const struct restore_way_opts *, struct err *);

/* For these two: a server that commands will go to, as it is. */
int restore_way_judge(struct restore_way *, struct redis_conn *,
    const struct redis_info *, const struct scope *, struct err *);
/* By what was judged: of values by plain commands. */
struct value_server restore_way_values(const struct restore_way *);

#endif
