/*
 * replicas_wait.h -- until the replicas have what was written to a cluster.
 *
 * Replication is behind: what a primary has, and its replica has not yet, is
 * lost when the replica takes over.
 */
#ifndef RDB_REPLICAS_WAIT_H
#define RDB_REPLICAS_WAIT_H

struct err;
struct redis_opts;
struct redis_target;
struct scope;

/*
 * Of a pinned target: all replicas that follow a primary acknowledge all that
 * it has by now, within ten minutes; else ERR_TRANSIENT.  One that is cut off
 * meanwhile, or is sent all anew, is not waited for.  Nothing to do for a
 * target that is no cluster.
 */
int replicas_wait(const struct redis_target *, const struct redis_opts *,
    const struct scope *, struct err *);

#endif
