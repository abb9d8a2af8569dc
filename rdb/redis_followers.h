/*
 * redis_followers.h -- how far the replicas have come that follow a primary.
 *
 * By the offsets that INFO tells.  Not by WAIT, which waits for what its own
 * connection wrote (Valkey 9.1.2; with Redis 7.0.15 any command will do): on
 * one that wrote nothing it waits for nothing.
 */
#ifndef RDB_REDIS_FOLLOWERS_H
#define RDB_REDIS_FOLLOWERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct redis_conn;
struct scope;

struct redis_followers {
	bool marked;
	uint64_t mark;	/* where the primary was at the first look */
	size_t online;	/* follow it by now; not those that are sent all anew */
	size_t arrived; /* and are at the mark, or beyond it */
};

/*
 * In zeros at the first look; all looks by one connection, since another
 * process counts anew.  ERR_TRANSIENT when it is a replica by now.
 */
int redis_followers_look(struct redis_conn *, const struct scope *,
    struct redis_followers *, struct err *);

#endif
