#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "rdb/redis_conn.h"
#include "rdb/sync_host.h"

#include "rdb/scan_server.h"

static int
check_same(const struct scan_server *s, struct redis_conn *conn,
    const struct scope *scope, struct err *err)
{
	redisReply *r = redis_command(conn, scope, err, "INFO server");
	char run_id[sizeof(s->info.run_id)] = "";

	if (r == NULL)
		return -1;
	if (r->type == REDIS_REPLY_STRING)
		redis_info_text(r->str, "run_id", run_id, sizeof(run_id));
	freeReplyObject(r);
	if (strcmp(run_id, s->info.run_id) == 0)
		return 0;
	return err_set(err, ERR_TRANSIENT,
	    "'%s' is another server each time it is connected to; name the "
	    "server itself",
	    redis_conn_name(s->walk));
}

struct redis_conn *
scan_server_connect(const struct scan_server *s, const struct redis_opts *redis,
    const struct scope *scope, struct err *err)
{
	struct redis_conn *conn = redis_connect(
	    &s->address, s->user, redis, scope, err);

	if (conn == NULL || check_same(s, conn, scope, err) == 0)
		return conn;
	redis_conn_free(conn);
	return NULL;
}

static int
prepare_fetch(struct scan_server *s, const struct scope *scope, struct err *err)
{
	struct err ignored = {0};
	redisReply *r;

	/* A replica of a cluster answers of its keys to who asks for that. */
	if (s->info.cluster && s->info.is_replica) {
		r = redis_command(s->fetch, scope, err, "READONLY");
		freeReplyObject(r);
		if (r == NULL)
			return -1;
	}
	/* A word of 7.2. */
	r = redis_command(s->fetch, scope, &ignored, "CLIENT NO-TOUCH ON");
	freeReplyObject(r);
	return 0;
}

int
scan_server_open(struct scan_server *s, const struct redis_target *target,
    const struct redis_opts *redis, const struct scope *scope, struct err *err)
{
	struct sync_host host;

	if (sync_host_choose(target, redis, scope, &host, err) != 0)
		return -1;
	s->walk = host.conn;
	s->info = host.info;
	s->address = target->hosts[host.index];
	s->address.db = 0;
	s->user = target->user;
	if (s->info.version[0] == '\0')
		return err_set(err, ERR_UNSUPPORTED,
		    "'%s' does not tell its version by INFO, which says what "
		    "its values are written in",
		    redis_conn_name(s->walk));
	s->fetch = scan_server_connect(s, redis, scope, err);
	return s->fetch != NULL ? prepare_fetch(s, scope, err) : -1;
}

void
scan_server_close(struct scan_server *s)
{
	redis_conn_free(s->walk);
	redis_conn_free(s->fetch);
}

enum scan_usage
scan_server_usage(const struct scan_server *s, const struct scope *scope)
{
	enum scan_usage usage = SCAN_USAGE_NONE;
	struct err ignored = {0};
	redisReply *r = redis_command(s->walk, scope, &ignored, "INFO memory");
	char *policy;

	if (r == NULL)
		return usage;
	policy = r->type == REDIS_REPLY_STRING
	    ? redis_info_field(r->str, "maxmemory_policy")
	    : NULL;
	if (policy != NULL && strstr(policy, "lfu") != NULL)
		usage = SCAN_USAGE_FREQ;
	else if (policy != NULL && strstr(policy, "lru") != NULL)
		usage = SCAN_USAGE_IDLE;
	free(policy);
	freeReplyObject(r);
	return usage;
}

bool
scan_server_tells_time(const struct scan_server *s, const struct scope *scope)
{
	struct err ignored = {0};
	redisReply *r = redis_command(s->fetch, scope, &ignored, "TIME");
	bool tells = r != NULL && r->type == REDIS_REPLY_ARRAY &&
	    r->elements == 2;

	freeReplyObject(r);
	return tells;
}
