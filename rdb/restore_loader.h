/*
 * restore_loader.h -- loads a dump with RESTORE, pipelined on connections.
 *
 * An rdb_visitor: each key becomes RESTORE key ttl payload REPLACE ABSTTL,
 * its payload re-stamped with the lowest RDB version that owns its type, so
 * that older servers take it.  Functions go by FUNCTION RESTORE.  Replies are
 * all read; the first refusal ends the load, naming the key.
 */
#ifndef RDB_RESTORE_LOADER_H
#define RDB_RESTORE_LOADER_H

#include <stddef.h>
#include <stdint.h>

struct budget;
struct err;
struct rdb_visitor;
struct redis_opts;
struct redis_target;
struct restore_loader;
struct scope;

struct restore_opts {
	unsigned connections;  /* 0: 4 */
	size_t pipeline_bytes; /* unanswered per connection; 0: 1 MiB */
	struct budget *budget;
};

struct restore_facts {
	uint64_t keys;	  /* stored */
	uint64_t expired; /* whose time had passed: not stored */
	uint64_t functions;
	uint64_t bytes; /* of payloads */
};

struct restore_loader *
restore_loader_new(const struct redis_target *, const struct redis_opts *,
    const struct scope *, const struct restore_opts *, struct err *);
void restore_loader_free(struct restore_loader *);
struct rdb_visitor *restore_loader_visitor(struct restore_loader *);

/* Wait for every reply.  Only then is the dump loaded. */
int restore_loader_finish(
    struct restore_loader *, struct restore_facts *, struct err *);

/* FLUSHALL and FUNCTION FLUSH: an import never makes a union. */
int restore_empty_target(const struct redis_target *, const struct redis_opts *,
    const struct scope *, struct err *);

#endif
