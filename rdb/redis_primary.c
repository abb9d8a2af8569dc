#include <stdbool.h>

#include "base/err.h"
#include "rdb/redis_conn.h"
#include "rdb/redis_info.h"

#include "rdb/redis_primary.h"

/* A primary's connection; NULL with err otherwise. */
static struct redis_conn *
try_host(const struct redis_target *t, size_t host,
    const struct redis_opts *opts, const struct scope *scope,
    struct redis_info *info, struct err *err)
{
	struct redis_conn *c = redis_connect(
	    &t->hosts[host], t->user, opts, scope, err);

	if (c == NULL)
		return NULL;
	if (redis_info_get(c, scope, info, err) != 0)
		goto fail;
	if (!info->is_replica)
		return c;
	/* A Sentinel named it a moment ago, and names another one soon. */
	err_set(err, t->master != NULL ? ERR_TRANSIENT : ERR_REFUSED,
	    "'%s' is a replica of '%.200s:%d': %s", redis_conn_name(c),
	    info->master_host, info->master_port,
	    t->master != NULL ? "a failover may be going on"
			      : "name its primary, or promote it first");
fail:
	redis_conn_free(c);
	return NULL;
}

struct redis_conn *
redis_primary_connect(const struct redis_target *t,
    const struct redis_opts *opts, const struct scope *scope,
    struct redis_info *info, size_t *host, struct err *err)
{
	struct redis_info unasked;
	struct err first = {0};

	if (info == NULL)
		info = &unasked;
	for (size_t i = 0; i < t->nhosts; i++) {
		struct redis_conn *c = try_host(t, i, opts, scope, info, err);

		if (c != NULL) {
			if (host != NULL)
				*host = i;
			return c;
		}
		if (err->kind == ERR_CANCELLED)
			return NULL;
		/* That a replica answered says more than that another host
		 * is down. */
		if (first.kind == ERR_NONE ||
		    (err->kind == ERR_REFUSED && first.kind != ERR_REFUSED))
			first = *err;
	}
	*err = first;
	return NULL;
}

int
redis_primary_pin(const struct redis_target *target,
    const struct redis_opts *opts, const struct scope *scope,
    struct redis_target *pinned, struct err *err)
{
	struct redis_conn *conn;
	size_t host;

	conn = redis_primary_connect(target, opts, scope, NULL, &host, err);
	if (conn == NULL)
		return -1;
	redis_conn_free(conn);
	*pinned = redis_target_pin(target, host);
	return 0;
}
