/*
 * restore_pipes.h -- connections to one server, which take turns.
 *
 * Batches of commands go to one connection, the next batch to the next, so
 * that each write(2) is large and several requests are always under way.
 */
#ifndef RDB_RESTORE_PIPES_H
#define RDB_RESTORE_PIPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct redis_conn;
struct redis_info;
struct redis_opts;
struct redis_target;
struct restore_command;
struct restore_pipe;
struct restore_pipes;
struct scope;

/* Connects n times.  window: of bytes unanswered on each.  Borrows scope. */
struct restore_pipes *
restore_pipes_new(const struct redis_target *, const struct redis_opts *,
    const struct scope *, unsigned n, size_t window, struct err *);
void restore_pipes_free(struct restore_pipes *);

const struct redis_info *restore_pipes_info(const struct restore_pipes *);
/* Of the first, for questions before the first command. */
struct redis_conn *restore_pipes_conn(struct restore_pipes *);

/* Queues it, behind a SELECT where it is a key's. */
int restore_pipes_put(
    struct restore_pipes *, const struct restore_command *, struct err *);

/*
 * For commands of the caller's own: the pipe whose turn it is, with this
 * database selected, and which one that is.  The turn is over with
 * restore_pipes_turn(), which sends a batch that is large by now.
 */
struct restore_pipe *restore_pipes_take(
    struct restore_pipes *, uint32_t db, unsigned *number, struct err *);
int restore_pipes_turn(struct restore_pipes *, struct err *);

/*
 * Often: pings those that have been silent for half a second, so that a server
 * with a `timeout` does not close them.  busy: but not the one whose turn it is.
 */
int restore_pipes_tend(struct restore_pipes *, bool busy, struct err *);

struct restore_pipes_sums {
	uint64_t keys, gone, unclaimed; /* as restore_pipe.h counts them */
};

/* Until every command was answered well. */
int restore_pipes_finish(
    struct restore_pipes *, struct restore_pipes_sums *, struct err *);

#endif
