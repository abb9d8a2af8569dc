/*
 * posing_take.h -- from a target of its own to one that asks us for its sync.
 */
#ifndef RDB_POSING_TAKE_H
#define RDB_POSING_TAKE_H

#include <stdbool.h>

struct err;
struct posing_hold;
struct posing_link;
struct posing_opts;
struct redis_conn;
struct scope;

/*
 * Listens, has the hold change the target and send it REPLICAOF, and waits for
 * its PSYNC; a target that is to be streamed to is then looked at once more.
 * by_tls: the connection is, so the dump must travel so too.  The opts' strings
 * live as long as the link.
 *
 * NULL as posing_master_new() says; the target may then be taken already, and
 * is the caller's to put back.
 */
struct posing_link *
posing_take(struct posing_hold *, struct redis_conn *, bool by_tls,
    const struct posing_opts *, const struct scope *, struct err *);

#endif
