/* By which way the source would be read, and whether its user may. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "rdb/redis_conn.h"

#include "agent/job/check_private.h"
#include "agent/job/settings.h"

enum leave { LEAVE_YES, LEAVE_NO, LEAVE_NO_COMMAND, LEAVE_UNKNOWN };

/* A question that may be refused: *r is NULL then; -1 when the connection
 * broke. */
static int
ask(struct checking *c, struct redis_conn *conn, redisReply **r,
    struct err *err, const char *format, const char *a, const char *b)
{
	struct err why = {0};

	*r = redis_command(conn, &c->scope, &why, format, a, b);
	/* An error reply has a code, a broken connection has none. */
	if (*r != NULL || why.code[0] != '\0')
		return 0;
	*err = why;
	return -1;
}

/* Nil for a command that is renamed away; since Redis 2.8.13. */
static int
ask_command_info(struct checking *c, struct redis_conn *conn,
    const char *command, bool *unknown, struct err *err)
{
	redisReply *r;

	if (ask(c, conn, &r, err, "COMMAND INFO %s", command, NULL) != 0)
		return -1;
	*unknown = r != NULL && r->type == REDIS_REPLY_ARRAY &&
	    r->elements == 1 && r->element[0]->type != REDIS_REPLY_ARRAY;
	if (r != NULL)
		freeReplyObject(r);
	return 0;
}

/* What it has to be called with. */
static const char *
arguments_of(const char *command)
{
	static const char *const some[][2] = {
	    {"PSYNC", "? -1"}, {"SCAN", "0"}, {"DUMP", "key"}};

	for (size_t i = 0; i < sizeof(some) / sizeof(some[0]); i++)
		if (strcmp(command, some[i][0]) == 0)
			return some[i][1];
	return "";
}

/*
 * Redis 7.0 on can tell by ACL DRYRUN, without doing it: OK, or why not.  It
 * answers an error for a command that does not exist, so that is asked first.
 */
static int
may_use(struct checking *c, struct redis_conn *conn, const char *user,
    const char *command, enum leave *leave, struct err *err)
{
	char format[64];
	bool unknown;
	redisReply *r;

	*leave = LEAVE_UNKNOWN;
	if (ask_command_info(c, conn, command, &unknown, err) != 0)
		return -1;
	if (unknown)
		*leave = LEAVE_NO_COMMAND;
	if (unknown)
		return 0;
	snprintf(format, sizeof(format), "ACL DRYRUN %%s %%s %s",
	    arguments_of(command));
	if (ask(c, conn, &r, err, format, user, command) != 0)
		return -1;
	if (r != NULL && r->type == REDIS_REPLY_STRING)
		*leave = LEAVE_NO;
	if (r != NULL && r->type == REDIS_REPLY_STATUS)
		*leave = LEAVE_YES;
	if (r != NULL)
		freeReplyObject(r);
	return 0;
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

/* As scan_client.h. */
static int
judge_scan(struct checking *c, struct redis_conn *conn, const char *user,
    const char **detail, struct err *err)
{
	static const char *const commands[] = {"SCAN", "DUMP"};
	enum leave leave;

	*detail = "by 'scan', no point in time: SCAN and DUMP allowed";
	for (size_t i = 0; i < 2; i++) {
		if (may_use(c, conn, user, commands[i], &leave, err) != 0)
			return -1;
		if (leave == LEAVE_NO_COMMAND)
			return err_set(err, ERR_UNSUPPORTED,
			    "'%s' does not know %s", redis_conn_name(conn),
			    commands[i]);
		if (leave == LEAVE_NO)
			return err_set(err, ERR_AUTH,
			    "'%s': user '%.100s' may not use %s",
			    redis_conn_name(conn), user, commands[i]);
		if (leave == LEAVE_UNKNOWN)
			*detail = "by 'scan', no point in time; whether that "
				  "is allowed cannot be told beforehand";
	}
	return 0;
}

static bool
is_set_to(const struct checking *c, enum option o, const char *value)
{
	return strcmp(settings_str(c->settings, o), value) == 0;
}

int
check_source_way(struct checking *c, struct redis_conn *conn, const char *user,
    bool *forks, const char **detail, struct err *err)
{
	struct err why = {0};

	*forks = !is_set_to(c, OPT_SOURCE_WAY, "scan");
	if (*forks) {
		if (judge_sync(c, conn, user, detail, &why) == 0)
			return 0;
		*forks = is_set_to(c, OPT_SOURCE_WAY, "sync") ||
		    !is_set_to(c, OPT_ALLOW_INCONSISTENT, "yes") ||
		    (why.kind != ERR_UNSUPPORTED && why.kind != ERR_AUTH);
	}
	if (!*forks)
		return judge_scan(c, conn, user, detail, err);
	*err = why;
	return -1;
}
