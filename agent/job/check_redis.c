/* The source: the host that a snapshot would be taken from, and the others. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "rdb/redis_conn.h"
#include "rdb/sync_host.h"

#include "agent/job/agent.h"
#include "agent/job/check_private.h"
#include "agent/job/settings.h"

#define PASSED_OVER_MAX ((size_t)32 << 10) /* each has an err.text */

enum leave { LEAVE_YES, LEAVE_NO, LEAVE_NO_COMMAND, LEAVE_UNKNOWN };

/* An error reply has a code, a broken connection has none. */
static bool
was_answered(const redisReply *r, const struct err *err)
{
	return r != NULL || err->code[0] != '\0';
}

/* Since Redis 2.8.13; nil for a command that is renamed away. */
static int
command_exists(struct checking *c, struct redis_conn *conn, const char *command,
    enum leave *leave, struct err *err)
{
	redisReply *r = redis_command(
	    conn, &c->scope, err, "COMMAND INFO %s", command);
	bool answered = was_answered(r, err);

	*leave = LEAVE_UNKNOWN;
	if (r != NULL && r->type == REDIS_REPLY_ARRAY && r->elements == 1 &&
	    r->element[0]->type != REDIS_REPLY_ARRAY)
		*leave = LEAVE_NO_COMMAND;
	if (r != NULL)
		freeReplyObject(r);
	return answered ? 0 : -1;
}

/*
 * Redis 7.0 on can tell by ACL DRYRUN, without doing it; that answers an
 * error for a command that does not exist, and where it is not to be had.
 */
static int
may_use(struct checking *c, struct redis_conn *conn, const char *user,
    const char *command, enum leave *leave, struct err *err)
{
	redisReply *r;
	bool answered, refused, allowed;

	if (command_exists(c, conn, command, leave, err) != 0)
		return -1;
	if (*leave == LEAVE_NO_COMMAND || user == NULL)
		return 0;
	*err = (struct err){0};
	r = strcmp(command, "PSYNC") == 0
	    ? redis_command(
		  conn, &c->scope, err, "ACL DRYRUN %s PSYNC ? -1", user)
	    : redis_command(
		  conn, &c->scope, err, "ACL DRYRUN %s %s", user, command);
	answered = was_answered(r, err);
	refused = r != NULL && r->type == REDIS_REPLY_STRING;
	allowed = r != NULL && r->type == REDIS_REPLY_STATUS;
	if (r != NULL)
		freeReplyObject(r);
	*leave = refused ? LEAVE_NO : allowed ? LEAVE_YES : LEAVE_UNKNOWN;
	return answered ? 0 : -1;
}

/* PSYNC, and SYNC for a server that does not know it: as sync_client.h. */
static int
judge_sync(struct checking *c, struct redis_conn *conn, const char *user,
    const char **detail, struct err *err)
{
	const char *command = "PSYNC";
	enum leave leave;

	if (may_use(c, conn, user, "PSYNC", &leave, err) != 0)
		return -1;
	if (leave == LEAVE_NO_COMMAND) {
		command = "SYNC";
		if (may_use(c, conn, user, "SYNC", &leave, err) != 0)
			return -1;
	}
	*err = (struct err){0};
	switch (leave) {
	case LEAVE_NO_COMMAND:
		return err_set(err, ERR_UNSUPPORTED,
		    "'%s' knows neither PSYNC nor SYNC: they are renamed, or "
		    "the service does not offer replication",
		    redis_conn_name(conn));
	case LEAVE_NO:
		return err_set(err, ERR_AUTH,
		    "'%s': user '%.100s' may not use %s", redis_conn_name(conn),
		    user, command);
	case LEAVE_YES:
		*detail = strcmp(command, "PSYNC") == 0 ? "PSYNC allowed"
							: "SYNC allowed";
		return 0;
	case LEAVE_UNKNOWN:
		*detail = "whether PSYNC is allowed cannot be told beforehand";
		return 0;
	}
	return 0;
}

static int
judge_leave(struct checking *c, struct redis_conn *conn, const char **detail,
    struct err *err)
{
	redisReply *who = redis_command(conn, &c->scope, err, "ACL WHOAMI");
	const char *user = NULL; /* before Redis 6.0 there are no ACLs */
	int rc;

	if (!was_answered(who, err))
		return -1;
	*err = (struct err){0};
	if (who != NULL && who->type == REDIS_REPLY_STRING)
		user = who->str;
	rc = judge_sync(c, conn, user, detail, err);
	if (who != NULL)
		freeReplyObject(who);
	return rc;
}

/* Those of which none would be taken, each with its reason. */
static void
tell_passed_over(struct checking *c, const struct redis_target *all,
    const struct redis_opts *redis, struct buf *out)
{
	for (size_t i = 0; i < all->nhosts && all->nhosts > 1; i++) {
		struct redis_target one = *all;
		struct sync_host host;
		struct err why = {0};

		one.hosts = &all->hosts[i];
		one.nhosts = 1;
		if (sync_host_choose(&one, redis, &c->scope, &host, &why) == 0)
			redis_conn_free(host.conn);
		else
			buf_addf(out, "; passed over: %s", why.text);
	}
}

static void
describe(struct checking *c, const struct sync_host *host, const char *leave,
    const struct buf *passed_over)
{
	const struct redis_info *info = &host->info;

	if (info->version[0] == '\0')
		snprintf(c->detail, sizeof(c->detail),
		    "%s: it hides INFO; %s%s", redis_conn_name(host->conn),
		    leave, passed_over->data);
	else
		snprintf(c->detail, sizeof(c->detail),
		    "%s: %s %s, %s, %" PRIu64 " keys, %" PRIu64
		    " MiB used%s; %s%s",
		    redis_conn_name(host->conn),
		    info->valkey ? "valkey" : "redis", info->version,
		    info->is_replica ? "replica" : "primary", info->keys,
		    info->used_memory >> 20,
		    info->bgsave_running ? ", saving at the moment" : "", leave,
		    passed_over->data);
}

int
check_source_redis(struct checking *c, struct err *err)
{
	const struct redis_opts *redis;
	const struct redis_target *target;
	const char *leave = "";
	struct sync_host host;
	struct buf passed_over;
	int rc;

	if (settings_str(c->settings, OPT_SOURCE_REDIS) == NULL)
		return check_skip(c, "not set");
	target = agent_redis(c->agent, REGION_SOURCE, &redis, err);
	if (target == NULL ||
	    sync_host_choose(target, redis, &c->scope, &host, err) != 0)
		return -1;
	rc = judge_leave(c, host.conn, &leave, err);
	if (rc == 0) {
		buf_init(&passed_over, PASSED_OVER_MAX);
		tell_passed_over(c, target, redis, &passed_over);
		describe(c, &host, leave, &passed_over);
		buf_release(&passed_over);
		c->source = host.info;
	}
	redis_conn_free(host.conn);
	return rc;
}
