/*
 * posing_wait.h -- until a target that got its last byte has loaded the dump.
 */
#ifndef RDB_POSING_WAIT_H
#define RDB_POSING_WAIT_H

struct err;
struct posing_hold;
struct posing_link;
struct redis_conn;
struct scope;

/*
 * Until the target follows our stream, up to its end.  It is kept alive by
 * PINGs, and asked over *conn, which may be NULL and is made anew whenever a
 * question stays without an answer; the caller frees it.
 *
 * ERR_TRANSIENT when it closes, ERR_CONFLICT when it follows us no more.
 */
int posing_wait_loaded(struct posing_hold *, struct posing_link *,
    struct redis_conn **conn, const struct scope *, struct err *);

#endif
