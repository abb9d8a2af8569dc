/*
 * client_fence.h -- ends what an earlier load has left open at a server.
 *
 * A load that was killed, or given up by its client, may have commands under
 * way: in a tunnel, a balancer, or this machine's own TCP, whence they can
 * reach the server minutes later and write over what a later load has brought.
 * So the connections of a load have a name (redis_opts.client_name), and
 * before the next one's first write all that have such a name, but not its
 * own, are closed by the server: what it has not read of them is gone, and
 * what comes afterwards is answered by a reset.
 */
#ifndef RDB_CLIENT_FENCE_H
#define RDB_CLIENT_FENCE_H

#include <stdbool.h>

struct err;
struct redis_opts;
struct redis_target;
struct scope;

struct client_fence {
	unsigned ended; /* connections of earlier loads */
	/* A server does not show its connections, or does not let them be
	 * closed: nothing is known then.  Why; "" else. */
	char blind[200];
};

/*
 * Of each primary of a pinned target: connections whose names begin with
 * prefix and are not opts->client_name.
 */
int client_fence_raise(const struct redis_target *, const struct redis_opts *,
    const char *prefix, const struct scope *, struct client_fence *,
    struct err *);

#endif
