/*
 * restore_pipe.h -- one connection with commands under way, all to be OK.
 *
 * Commands are queued byte by byte; what was queued for each is remembered
 * until its reply, so that a refusal names the key it is about.  The server
 * keeps replies in its own memory, so writing much before reading cannot lock
 * both sides up.
 */
#ifndef RDB_RESTORE_PIPE_H
#define RDB_RESTORE_PIPE_H

#include <stddef.h>
#include <stdint.h>

struct err;
struct redis_conn;
struct restore_pipe;
struct scope;

enum restore_what { RESTORE_SELECT, RESTORE_KEY, RESTORE_FUNCTION };

/* Takes the connection. */
struct restore_pipe *restore_pipe_new(struct redis_conn *take);
void restore_pipe_free(struct restore_pipe *);

/* Bytes of the command at hand. */
int restore_pipe_add(struct restore_pipe *, const struct scope *, const void *,
    size_t, struct err *);

/* Whose it is; before its end.  Only a part of a long key is kept. */
void restore_pipe_name(struct restore_pipe *, enum restore_what, uint32_t db,
    const void *key, size_t);
/* It is whole. */
void restore_pipe_end(struct restore_pipe *);

/*
 * A SELECT, when db is not the one that was selected last.  Waits for all
 * replies: what is put behind a SELECT that fails would land in the database
 * before.
 */
int restore_pipe_select(
    struct restore_pipe *, const struct scope *, uint32_t db, struct err *);

int
restore_pipe_flush(struct restore_pipe *, const struct scope *, struct err *);

/* RESTORE_KEYs that were answered by OK. */
uint64_t restore_pipe_keys(const struct restore_pipe *);

/* Bytes of whole commands since the last flush, and without a reply. */
size_t restore_pipe_unsent(const struct restore_pipe *);
uint64_t restore_pipe_unanswered(const struct restore_pipe *);

/*
 * Flushed before: read replies until at most this many bytes are unanswered.
 * A refusal is ERR_UNSUPPORTED for a payload that the server cannot read or a
 * key that is not its own (cluster), else as redis_error.h says.
 */
int restore_pipe_settle(struct restore_pipe *, const struct scope *,
    uint64_t unanswered_max, struct err *);

#endif
