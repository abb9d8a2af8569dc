#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/scope.h"
#include "rdb/rdb_compat.h"
#include "rdb/redis_conn.h"
#include "rdb/redis_error.h"
#include "rdb/sync_host.h"
#include "rdb/sync_stream.h"

#include "rdb/sync_client.h"

#define STALL_TIMEOUT_MS 60000
#define LINE_MAX_BYTES	 4096
#define REPLID_LEN	 40

struct sync {
	struct redis_conn *conn;
	const struct scope *scope;
	struct sync_facts *facts;
	const char *announced; /* NULL: the server knows no such option */
	const char *instead;
	char line[LINE_MAX_BYTES];
};

static int
named(const struct sync *s, struct err *err)
{
	return err_in(err, "'%s'", redis_conn_name(s->conn));
}

/*
 * An option that an older server does not know, or that an ACL withholds, is
 * done without: whether replication is allowed is for PSYNC to tell.
 */
static int
replconf(struct sync *s, const char *option, bool *accepted, struct err *err)
{
	char request[64];
	redisReply *r;

	snprintf(request, sizeof(request), "REPLCONF %s", option);
	r = redis_command(s->conn, s->scope, err, request);
	*accepted = r != NULL;
	if (r != NULL) {
		freeReplyObject(r);
		return 0;
	}
	if (redis_error_is_refusal(err))
		return 0;
	return err_in(err, "REPLCONF");
}

/* The next line that is no keepalive. */
static int
next_line(struct sync *s, struct err *err)
{
	do {
		if (redis_conn_line(
			s->conn, s->scope, s->line, sizeof(s->line), err) != 0)
			return err_in(err, "waiting for the snapshot");
	} while (s->line[0] == '\0');
	return 0;
}

/* What a server says instead of a dump, with what to do about it. */
static int
refused(struct sync *s, struct err *err)
{
	redis_error_set(err, s->line + 1);
	/* A replica before Redis 4; a server that could not fork. */
	if (strstr(err->text, "not connected with my master") != NULL ||
	    strstr(err->text, "BGSAVE failed") != NULL)
		err->kind = ERR_TRANSIENT;
	if (err->kind == ERR_TRANSIENT || strcmp(err->code, "NOAUTH") == 0)
		return named(s, err);
	err->kind = strcmp(err->code, "NOPERM") == 0 ? ERR_AUTH
						     : ERR_UNSUPPORTED;
	err_in(err,
	    "the server refuses replication; grant +psync +sync +replconf to "
	    "the user%s%s",
	    s->instead != NULL ? ", or, where the service offers none, " : "",
	    s->instead != NULL ? s->instead : "");
	return named(s, err);
}

/* "+FULLRESYNC <40 hex digits> <offset>" */
static int
parse_fullresync(struct sync *s, struct err *err)
{
	char replid[REPLID_LEN + 1];
	long long offset;
	int end = 0;

	if (sscanf(s->line, "+FULLRESYNC %40[0-9a-zA-Z] %19lld%n", replid,
		&offset, &end) != 2 ||
	    s->line[end] != '\0' || strlen(replid) != REPLID_LEN ||
	    offset < 0) {
		err_set(
		    err, ERR_CORRUPT, "PSYNC was answered by '%.80s'", s->line);
		return named(s, err);
	}
	memcpy(s->facts->replid, replid, sizeof(replid));
	s->facts->offset = offset;
	s->facts->forked_ms = scope_wall_ms(s->scope);
	return 0;
}

static int
ask_by_sync(struct sync *s, struct err *err)
{
	static const char request[] = "*1\r\n$4\r\nSYNC\r\n";

	s->facts->by_sync = true;
	s->facts->asked_ms = s->facts->forked_ms = scope_wall_ms(s->scope);
	return redis_conn_write(
	    s->conn, s->scope, request, sizeof(request) - 1, err);
}

static bool
is_unknown_command(const struct sync *s)
{
	struct err why = {0};

	if (s->line[0] != '-')
		return false;
	redis_error_set(&why, s->line + 1);
	return why.kind == ERR_UNSUPPORTED;
}

static int
announce(struct sync *s, struct err *err)
{
	char option[40];

	if (s->announced == NULL)
		return 0;
	snprintf(option, sizeof(option), "version %s", s->announced);
	return replconf(s, option, &s->facts->negotiates, err);
}

/* Ends when the server has agreed to a full sync, or was asked by SYNC. */
static int
ask(struct sync *s, struct err *err)
{
	/* Never one argument more: "FAILOVER" there promotes the server. */
	static const char psync[] =
	    "*3\r\n$5\r\nPSYNC\r\n$1\r\n?\r\n$2\r\n-1\r\n";
	bool ignored;

	if (replconf(s, "capa eof capa psync2", &ignored, err) != 0 ||
	    replconf(s, "rdb-only 1", &s->facts->rdb_only, err) != 0 ||
	    announce(s, err) != 0)
		return -1;
	s->facts->asked_ms = scope_wall_ms(s->scope);
	if (redis_conn_write(
		s->conn, s->scope, psync, sizeof(psync) - 1, err) != 0 ||
	    next_line(s, err) != 0)
		return -1;
	if (is_unknown_command(s))
		return ask_by_sync(s, err);
	if (s->line[0] == '-')
		return refused(s, err);
	return parse_fullresync(s, err);
}

static int
take_dump(struct sync *s, const struct sync_opts *opts, struct sink *sink,
    struct err *err)
{
	struct sync_framing framing;

	if (ask(s, err) != 0 || next_line(s, err) != 0)
		return -1;
	if (s->line[0] == '-')
		return refused(s, err);
	if (sync_framing_parse(s->line, &framing, err) != 0)
		return named(s, err);
	return sync_stream_run(
	    s->conn, s->scope, &framing, opts, sink, s->facts, err);
}

/* Who hides INFO may be a Valkey; to a Redis the option is an error. */
static const char *
to_announce(const struct sync_host *h, const struct rdb_compat *compat)
{
	if (!h->info.valkey && h->info.version[0] != '\0')
		return NULL;
	if (compat == NULL)
		compat = rdb_compat_find("auto");
	return compat->announced;
}

static void
note_host(const struct sync_host *h, struct sync_facts *facts)
{
	snprintf(
	    facts->host, sizeof(facts->host), "%s", redis_conn_name(h->conn));
	memcpy(facts->version, h->info.version, sizeof(facts->version));
	facts->valkey = h->info.valkey;
	facts->from_replica = h->info.is_replica;
	facts->keys_before = h->info.keys;
	facts->before = fork_mark_of(&h->info);
}

int
sync_dump(const struct redis_target *target, const struct redis_opts *opts,
    const struct scope *scope, const struct sync_opts *sync_opts,
    struct sink *sink, struct sync_facts *facts, struct err *err)
{
	struct redis_opts patient = *opts;
	struct sync_host host;
	struct sync s = {
	    .scope = scope,
	    .facts = facts,
	    .instead = sync_opts->instead,
	};
	int rc;

	*facts = (struct sync_facts){.offset = -1};
	patient.reply_timeout_ms = sync_opts->stall_timeout_ms > 0
	    ? sync_opts->stall_timeout_ms
	    : STALL_TIMEOUT_MS;
	if (sync_host_choose(target, &patient, scope, &host, err) != 0)
		return -1;
	note_host(&host, facts);
	s.conn = host.conn;
	s.announced = to_announce(&host, sync_opts->compat);
	rc = 0;
	if (sync_opts->admit != NULL)
		rc = sync_opts->admit(
		    sync_opts->admit_arg, host.conn, &host.info, scope, err);
	if (rc == 0)
		rc = take_dump(&s, sync_opts, sink, err);
	redis_conn_free(host.conn);
	return rc;
}
