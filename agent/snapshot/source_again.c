#include <string.h>

#include "base/err.h"
#include "rdb/redis_conn.h"

#include "agent/snapshot/source_again.h"

struct redis_conn *
source_connect_again(const struct redis_target *target,
    const struct redis_opts *redis, const char *host, const struct scope *scope)
{
	for (size_t i = 0; i < target->nhosts; i++) {
		struct err ignored = {0};
		struct redis_conn *conn = redis_connect(
		    &target->hosts[i], target->user, redis, scope, &ignored);

		if (conn != NULL && strcmp(redis_conn_name(conn), host) == 0)
			return conn;
		redis_conn_free(conn);
	}
	return NULL;
}
