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
 * A primary that is another process then, or none any more, or again, ends the
 * load with ERR_TRANSIENT: replication is behind, so a replica that took over
 * may lack what its primary had answered by OK.  The load has to begin again.  Each is
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
struct restore_batch;
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

/* What restore_cluster_batch() takes. */
#define RESTORE_BATCH_MAX ((size_t)64 << 10)

/* Of a key, in the same way; nothing of it may do harm when it is done twice.
 * Its bytes are copied. */
int restore_cluster_batch(
    struct restore_cluster *, const struct restore_batch *, struct err *);

/*
 * For what may not be done twice, or is not to be kept until it is answered:
 * use() has the connection to the slot's primary to itself.  When it fails by
 * what passes (a slot that is elsewhere or on its way, a connection that broke)
 * it is called again, on one where nothing is under way.
 */
int restore_cluster_use(struct restore_cluster *, uint16_t slot,
    int (*use)(void *arg, struct redis_conn *, struct err *), void *arg,
    struct err *);

/* Until every command was answered by OK, by servers that are primaries yet. */
int restore_cluster_finish(struct restore_cluster *, struct err *);

/* RESTOREs that were answered by OK, and RESTORE_BATCHes. */
uint64_t restore_cluster_keys(const struct restore_cluster *);
/* XCLAIMs in those of entries that the server does not take for pending. */
uint64_t restore_cluster_unclaimed(const struct restore_cluster *);

#endif
