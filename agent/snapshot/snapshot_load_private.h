/*
 * snapshot_load_private.h -- what a load's two ways into the target share with
 * the choice between them (snapshot_load.c).
 */
#ifndef AGENT_SNAPSHOT_SNAPSHOT_LOAD_PRIVATE_H
#define AGENT_SNAPSHOT_SNAPSHOT_LOAD_PRIVATE_H

#include "rdb/rdb_reader.h"
#include "rdb/redis_conn.h"

#include "agent/snapshot/import_guard.h"
#include "agent/snapshot/snapshot_load.h"

struct target_verdict;

struct loading {
	struct store *store;
	const struct manifest *m;
	const struct scope *scope;
	const struct snapshot_env *env;
	const struct snapshot_load_opts *opts; /* with own.redis */
	struct snapshot_load_facts *facts;
	struct {
		struct snapshot_load_opts opts;
		struct redis_opts redis;
		char client[40]; /* what its connections are called */
	} own;
	struct guard_request guard;
	struct guard_answer answer;
	uint64_t value_max;	 /* as in rdb_summary, */
	struct rdb_sizes sizes;	 /* and so are these */
	struct rdb_summary part; /* of what a filter takes */
};

/* Whether the run's leases last. */
int loading_still_ours(const struct loading *, struct err *);

/* The state says "begun" from here on. */
int loading_note_begin(struct loading *, struct err *);

/* Right before the target's data may go. */
int loading_last_look(struct loading *, struct err *);

/* Which ways it can take, as far as the sizes tell. */
int loading_ask_target(struct loading *, struct target_verdict *, struct err *);

/* With a filter: the copy proved, and what is to be loaded of it. */
int loading_prove_part(struct loading *, struct err *);

/* ERR_UNSUPPORTED, and the target as it was, when it cannot reach us. */
int loading_by_replica(struct loading *, struct err *);
int loading_by_restore(struct loading *, struct err *);

/* With the guard's leave and all notes: the whole of it. */
int loading_by_arm(struct loading *, struct err *);

/* Whether what is there by now will last. */
int loading_settle(const struct loading *, struct err *);

/* After the latter: what it brought will last, so it is no half any more. */
int loading_unmark(struct loading *, struct err *);

#endif
