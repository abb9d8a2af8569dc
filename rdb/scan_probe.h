/*
 * scan_probe.h -- whether a server tells of changes, seen by a key of ours.
 *
 * The key is made and deleted as each type in turn, in one transaction, so
 * that nobody ever sees it: what its server tells of it is that it tells of
 * each class of commands.  It goes to the server's replicas and its log, and
 * whoever listens to such events hears of it.  Not shown are what expires or
 * is evicted, and what modules tell.
 *
 * Facts: redis/src/notify.c; the events of a transaction are queued when it is
 * executed, before its answer.
 */
#ifndef RDB_SCAN_PROBE_H
#define RDB_SCAN_PROBE_H

#include <stdbool.h>
#include <stddef.h>

struct err;
struct redis_conn;
struct scope;

#define SCAN_PROBE_KEY_MAX 64

struct scan_probe {
	char key[SCAN_PROBE_KEY_MAX];
	unsigned seen; /* bits of what was told of it */
};

/* A name that nobody else has; of a cluster's server, in a slot of its own. */
int scan_probe_init(struct scan_probe *, struct redis_conn *, bool cluster,
    const struct scope *, struct err *);

/* The transaction; what was seen before does not count any more.  ERR_AUTH,
 * ERR_SERVER for a user who may not, or a server that does not write. */
int scan_probe_send(struct scan_probe *, struct redis_conn *,
    const struct scope *, struct err *);

/* An event of a key: true when that is the probe's. */
bool scan_probe_take(struct scan_probe *, const char *key, size_t key_len,
    const char *event, size_t event_len);

/* All were told; else ERR_UNSUPPORTED names what was not. */
int scan_probe_check(const struct scan_probe *, struct err *);

#endif
