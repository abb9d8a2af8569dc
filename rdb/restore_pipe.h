/*
 * restore_pipe.h -- one connection with commands under way, all to be good.
 *
 * What was queued for each command is remembered until its reply, so that a
 * refusal names the key it is about.  The server keeps replies in its own
 * memory, so writing much before reading cannot lock both sides up.
 */
#ifndef RDB_RESTORE_PIPE_H
#define RDB_RESTORE_PIPE_H

#include <stddef.h>
#include <stdint.h>

#include "rdb/restore_command.h"

struct err;
struct redis_conn;
struct restore_pipe;
struct scope;

/* Takes the connection. */
struct restore_pipe *restore_pipe_new(struct redis_conn *take);
void restore_pipe_free(struct restore_pipe *);
/* The same, but for the connection, which is the caller's again. */
struct redis_conn *restore_pipe_close(struct restore_pipe *);

/* Queues it; restore_pipe_select() comes before that of a key. */
int restore_pipe_put(struct restore_pipe *, const struct scope *,
    const struct restore_command *, struct err *);

/* One of the commands that write a value, piece by piece; what it is for is
 * known at its end. */
void restore_pipe_begin(struct restore_pipe *, const struct restore_subject *);
int restore_pipe_add(struct restore_pipe *, const struct scope *, const void *,
    size_t, struct err *);
void restore_pipe_end(struct restore_pipe *, enum restore_what);

/*
 * A SELECT, when db is not the one that was selected last.  Waits for all
 * replies: what is put behind a SELECT that fails would land in the database
 * before.
 */
int restore_pipe_select(
    struct restore_pipe *, const struct scope *, uint32_t db, struct err *);

int
restore_pipe_flush(struct restore_pipe *, const struct scope *, struct err *);

/* On one that has been silent: something that a server with a `timeout` takes
 * for a sign of life.  Does not wait for its answer, but for those before. */
int
restore_pipe_ping(struct restore_pipe *, const struct scope *, struct err *);

/* RESTORE_KEYs and RESTORE_SHOWs that were answered by OK. */
uint64_t restore_pipe_keys(const struct restore_pipe *);
/* RESTORE_SHOW_EXPIRINGs that found their key expired. */
uint64_t restore_pipe_gone(const struct restore_pipe *);
/* RESTORE_CLAIMs of entries that the server does not take for pending. */
uint64_t restore_pipe_unclaimed(const struct restore_pipe *);

/* Bytes of whole commands since the last flush, and without a reply. */
size_t restore_pipe_unsent(const struct restore_pipe *);
uint64_t restore_pipe_unanswered(const struct restore_pipe *);

/*
 * Flushed before: read replies until at most this many bytes are unanswered.
 * A refusal is as restore_subject_refused() has it.
 */
int restore_pipe_settle(struct restore_pipe *, const struct scope *,
    uint64_t unanswered_max, struct err *);

/*
 * The same, and as redis_conn_renew(), which has to wait for all replies when
 * it is time.
 */
int restore_pipe_keep(struct restore_pipe *, const struct scope *,
    uint64_t unanswered_max, struct err *);

#endif
