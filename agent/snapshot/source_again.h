/* source_again.h -- the host that a dump came from, asked once more. */
#ifndef AGENT_SNAPSHOT_SOURCE_AGAIN_H
#define AGENT_SNAPSHOT_SOURCE_AGAIN_H

struct redis_conn;
struct redis_opts;
struct redis_target;
struct scope;

/* host is a redis_conn_name() of one of the target's.  NULL when it cannot be
 * had: what is asked after a dump is worth having, and no reason to fail. */
struct redis_conn *source_connect_again(const struct redis_target *,
    const struct redis_opts *, const char *host, const struct scope *);

#endif
