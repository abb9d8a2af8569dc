/*
 * restore_cluster.h -- loads into a cluster: each key to the server that has
 * its slot.
 *
 * One connection to each primary.  What a server answers decides:
 *
 *	MOVED		goes where it says, as do all later ones of the slot
 *	ASK		this one goes where it says, behind ASKING
 *	TRYAGAIN, CLUSTERDOWN, LOADING and the like
 *			goes again after a pause, and the map is asked anew
 *	(nothing)	the connection broke: opened again, and what is
 *			unanswered is sent once more
 *
 * A primary that is another process then, or none any more, ends the load with
 * ERR_TRANSIENT: replication is behind, so a replica that took over may lack
 * what its primary had answered by OK.  The load has to begin again.  Each is
 * asked for that after a connection broke, after MOVED, and at the end.
 */
#ifndef RDB_RESTORE_CLUSTER_H
#define RDB_RESTORE_CLUSTER_H

#include <stddef.h>
#include <stdint.h>

struct err;
struct redis_conn;
struct redis_info;
struct redis_opts;
struct redis_target;
struct restore_cluster;
struct restore_command;
struct scope;

/* Of a pinned target, which with opts and scope is borrowed for its life. */
struct restore_cluster *restore_cluster_new(const struct redis_target *,
    const struct redis_opts *, const struct scope *, struct err *);
void restore_cluster_free(struct restore_cluster *);

/* Before the first command: each primary; -1 ends it. */
int restore_cluster_each(struct restore_cluster *,
    int (*each)(void *arg, struct redis_conn *, const struct redis_info *,
	struct err *),
    void *arg, struct err *);
size_t restore_cluster_primaries(const struct restore_cluster *);

/* What unanswered commands may take in memory, of each primary's. */
void restore_cluster_window(struct restore_cluster *, size_t bytes);

/* A key to its primary, a function library to all.  The payload is read before
 * the return. */
int restore_cluster_put(
    struct restore_cluster *, const struct restore_command *, struct err *);

/* Until every command was answered by OK, by servers that are primaries yet. */
int restore_cluster_finish(struct restore_cluster *, struct err *);

/* RESTOREs that were answered by OK. */
uint64_t restore_cluster_keys(const struct restore_cluster *);

#endif
