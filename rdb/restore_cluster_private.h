/*
 * restore_cluster_private.h -- what the parts of restore_cluster.h share: that
 * which keeps many commands under way (restore_cluster.c), and that which has a
 * connection to itself (restore_cluster_use.c).
 */
#ifndef RDB_RESTORE_CLUSTER_PRIVATE_H
#define RDB_RESTORE_CLUSTER_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/scope.h"
#include "rdb/restore_answer.h"
#include "rdb/restore_routes.h"

struct err;
struct restore_lane;
struct restore_sent;

/* For one command that goes from server to server, or is put off. */
#define RESTORE_PATIENCE_MS 60000

struct restore_cluster {
	struct scope scope;
	struct restore_routes *routes;

	struct restore_sent *again, **again_end; /* have to be sent on */
	bool pause;				 /* before that */
	/* A slot has gone from its primary: why, is not asked yet. */
	bool moved;
	size_t window;
	struct restore_answer_sums sums;
	uint64_t redone; /* connections, since a command was answered by OK */
};

static inline struct restore_lane *
restore_cluster_lane(const struct restore_cluster *c, size_t i)
{
	return restore_routes_lane(c->routes, i);
}

/* After a failure of the lane: it goes on, or nothing does. */
int restore_cluster_recover(
    struct restore_cluster *, struct restore_lane *, struct err *);

/* At most so much is unanswered then. */
int restore_cluster_settle(
    struct restore_cluster *, size_t lane, size_t most, struct err *);

/*
 * One that another took the place of may stay connected, and answers by MOVED
 * or, when nothing more came for it, not at all.
 */
int restore_cluster_none_replaced(struct restore_cluster *, struct err *);

/* Where the slots are, a moment later; that the map cannot be had just now is
 * no more than it was before. */
int restore_cluster_pause(struct restore_cluster *, struct err *);

#endif
