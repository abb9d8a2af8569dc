/*
 * restore_loader.h -- loads a dump with RESTORE, pipelined on connections.
 *
 * An rdb_visitor: each key becomes RESTORE key ttl payload REPLACE ABSTTL,
 * its payload re-stamped with the lowest RDB version that owns its type, so
 * that older servers take it.  IDLETIME and FREQ go along where the dump has
 * them.  Functions go by FUNCTION RESTORE, a library replacing one of its
 * name.  Replies are all read; the first refusal ends the load, naming the
 * key.
 *
 * A value that is larger than the server takes in a RESTORE, or of a type that
 * it does not load, is written by plain commands (value_commands.h) where that
 * can be done: not modules'.  Else it ends the load with ERR_UNSUPPORTED.
 * Module data outside of keys is not carried, but counted.
 *
 * Into a cluster (a pinned target's, redis_primary_pin()) each key goes to the
 * primary of its slot, and functions to all (restore_way.h).
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

/* So many values at most are under way under a name of their own. */
#define RESTORE_TEMPS_MAX 64

struct restore_opts {
	unsigned connections;  /* 0: 4; a cluster: one to each primary */
	size_t pipeline_bytes; /* unanswered per connection; 0: 1 MiB */
	/* Of a value, in memory; larger ones wait in an unlinked file while
	 * their length is found out; 0: 16 MiB. */
	size_t value_bytes;
	/* The dump's biggest value, as in rdb_summary: what it needs of the
	 * disk is looked for before the first key; 0: not known. */
	uint64_t value_max;
	/* Payloads over this become plain commands (value_commands.h), as do
	 * those over the server's limits; 0: 256 MiB. */
	uint64_t commands_over;
	/* What the names of values that are not whole begin with; borrowed;
	 * NULL: "drsync:value:". */
	const char *temp_prefix;
	/* restore_loader_new() takes value_bytes, 2 MiB a connection and 2 MiB
	 * for plain commands (of a cluster 5) off it; NULL: nothing is
	 * accounted. */
	struct budget *budget;
};

struct restore_facts {
	/* Together as many as RESTOREs were answered by OK; expired are those
	 * whose time had passed by our clock: the server stores none of them. */
	uint64_t keys, expired;
	uint64_t functions;
	uint64_t bytes;	      /* of payloads */
	uint64_t left_out;    /* module data outside of keys */
	uint64_t by_commands; /* keys that became plain commands, and what */
	uint32_t lost;	      /* these did not carry: bits of value_loss */
};

/*
 * Connects.  target, redis_opts and scope's cancel are borrowed for the
 * loader's life.  ERR_SYSTEM when there is no room for a temporary file that
 * will be needed; ERR_REFUSED for a replica; ERR_UNSUPPORTED for a server of a
 * cluster that is not pinned as one, or before 3.0 (REPLACE).
 */
struct restore_loader *
restore_loader_new(const struct redis_target *, const struct redis_opts *,
    const struct scope *, const struct restore_opts *, struct err *);
void restore_loader_free(struct restore_loader *);
struct rdb_visitor *restore_loader_visitor(struct restore_loader *);

/*
 * Wait for every reply.  Only then is the dump loaded; after any failure the
 * target holds a part of it.
 */
int restore_loader_finish(
    struct restore_loader *, struct restore_facts *, struct err *);

#endif
