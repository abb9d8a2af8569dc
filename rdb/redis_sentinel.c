#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/scope.h"
#include "base/xalloc.h"
#include "rdb/redis_conn.h"
#include "rdb/redis_info.h"

#include "rdb/redis_sentinel.h"

#define ASK_MS	    5000 /* of one Sentinel, and of the primary it names */
#define REASONS_MAX 4096
#define NAMES_MAX   200
#define HOST_MAX    253

/* One Sentinel's answer. */
struct finding {
	const struct redis_target *target;
	struct redis_conn *conn; /* to the Sentinel */
	const struct scope *scope;
	struct redis_address hosts[REDIS_HOSTS_MAX];
	size_t n;
};

static void
clear(struct finding *f)
{
	for (size_t i = 0; i < f->n; i++)
		free(f->hosts[i].host);
	f->n = 0;
}

static bool
is_text(const redisReply *r)
{
	return r->type == REDIS_REPLY_STRING;
}

/* False for what is no address, which nobody could connect to. */
static bool
add_host(struct finding *f, const char *host, const char *port)
{
	long n = strtol(port, NULL, 10);
	size_t len = strlen(host);

	if (len == 0 || len > HOST_MAX || n <= 0 || n > 65535)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!isgraph((unsigned char)host[i]))
			return false;
	f->hosts[f->n++] = (struct redis_address){
	    .host = xstrdup(host),
	    .port = (int)n,
	    .tls = f->target->sentinels[0].tls,
	    .db = f->target->db,
	};
	return true;
}

/* The value of name in a list of names and values; "" when it is not there. */
static const char *
field(const redisReply *r, const char *name)
{
	for (size_t i = 0; r->type == REDIS_REPLY_ARRAY && i + 1 < r->elements;
	     i += 2)
		if (is_text(r->element[i]) && is_text(r->element[i + 1]) &&
		    strcmp(r->element[i]->str, name) == 0)
			return r->element[i + 1]->str;
	return "";
}

static int
senseless(const struct finding *f, struct err *err)
{
	return err_set(err, ERR_CORRUPT, "'%s' answered what no Sentinel does",
	    redis_conn_name(f->conn));
}

/* What it does know, for who misspelt a name. */
static void
list_names(struct finding *f, struct buf *names)
{
	struct err ignored = {0};
	redisReply *r = redis_command(
	    f->conn, f->scope, &ignored, "SENTINEL MASTERS");

	if (r == NULL)
		return;
	for (size_t i = 0; r->type == REDIS_REPLY_ARRAY && i < r->elements; i++)
		buf_addf(names, "%s%s", i > 0 ? ", " : "",
		    field(r->element[i], "name"));
	freeReplyObject(r);
}

static int
no_such_name(struct finding *f, struct err *err)
{
	struct buf names;

	buf_init(&names, NAMES_MAX);
	list_names(f, &names);
	err_set(err, ERR_MISSING,
	    "'%s' knows no primary named '%.100s'%s%.100s",
	    redis_conn_name(f->conn), f->target->master,
	    names.overflowed || names.len == 0 ? "" : ", but ",
	    names.overflowed ? "" : names.data);
	buf_release(&names);
	return -1;
}

static int
ask_primary(struct finding *f, struct err *err)
{
	redisReply *r = redis_command(f->conn, f->scope, err,
	    "SENTINEL GET-MASTER-ADDR-BY-NAME %s", f->target->master);
	int rc = 0;

	if (r == NULL && err->kind == ERR_UNSUPPORTED)
		return err_set(err, ERR_UNSUPPORTED,
		    "'%s' is no Sentinel, but a server itself; name it by "
		    "redis://",
		    redis_conn_name(f->conn));
	if (r == NULL)
		return -1;
	if (r->type == REDIS_REPLY_NIL)
		rc = no_such_name(f, err);
	else if (r->type != REDIS_REPLY_ARRAY || r->elements != 2 ||
	    !is_text(r->element[0]) || !is_text(r->element[1]) ||
	    !add_host(f, r->element[0]->str, r->element[1]->str))
		rc = senseless(f, err);
	freeReplyObject(r);
	return rc;
}

/*
 * Not "s_down" and "o_down" ones.  That Sentinel is disconnected from one just
 * now is no reason: it cuts its own connection to the one that it promotes.
 * Which it names for a while as a replica still.
 */
static void
add_replica(struct finding *f, const redisReply *r)
{
	const char *ip = field(r, "ip"), *port = field(r, "port");
	const struct redis_address *primary = &f->hosts[0];

	if (f->n == REDIS_HOSTS_MAX ||
	    strstr(field(r, "flags"), "_down") != NULL ||
	    (strcmp(ip, primary->host) == 0 &&
		strtol(port, NULL, 10) == primary->port))
		return;
	add_host(f, ip, port);
}

/* REPLICAS came with Redis 5, and SLAVES is what it was called before. */
static int
ask_replicas(struct finding *f, struct err *err)
{
	static const char *const formats[] = {
	    "SENTINEL REPLICAS %s", "SENTINEL SLAVES %s"};
	redisReply *r = NULL;
	int rc = 0;

	for (size_t i = 0; i < 2 && r == NULL; i++) {
		r = redis_command(
		    f->conn, f->scope, err, formats[i], f->target->master);
		if (r == NULL && err->code[0] == '\0')
			return -1; /* the connection broke */
	}
	if (r == NULL)
		return -1;
	if (r->type != REDIS_REPLY_ARRAY)
		rc = senseless(f, err);
	for (size_t i = 0; rc == 0 && i < r->elements; i++)
		add_replica(f, r->element[i]);
	freeReplyObject(r);
	return rc;
}

/* A Sentinel that was cut off may name one that is not it any more. */
static int
confirm(struct finding *f, const struct redis_opts *servers, struct err *err)
{
	struct redis_info info;
	struct redis_conn *c = redis_connect(
	    &f->hosts[0], f->target->user, servers, f->scope, err);
	int rc;

	if (c == NULL)
		return err_in(err, "the primary that '%s' names",
		    redis_conn_name(f->conn));
	rc = redis_info_get(c, f->scope, &info, err);
	if (rc == 0 && info.is_replica)
		rc = err_set(err, ERR_TRANSIENT,
		    "'%s' names '%s' as the primary, and that is a replica of "
		    "'%.100s:%d': a failover may be going on",
		    redis_conn_name(f->conn), redis_conn_name(c),
		    info.master_host, info.master_port);
	redis_conn_free(c);
	return rc;
}

static int
ask_one(struct finding *f, const struct redis_address *sentinel,
    enum sentinel_want want, const struct redis_opts *servers,
    const struct redis_opts *sentinels, struct err *err)
{
	int rc;

	err->code[0] = '\0';
	f->conn = redis_connect(sentinel, NULL, sentinels, f->scope, err);
	/* One of TLS has no code. */
	if (f->conn == NULL && err->kind == ERR_AUTH && err->code[0] != '\0')
		err_in(err, "Sentinels have a password of their own");
	if (f->conn == NULL)
		return -1;
	rc = ask_primary(f, err);
	if (rc == 0 && want == SENTINEL_ALL)
		rc = ask_replicas(f, err);
	if (rc == 0 && want == SENTINEL_PRIMARY)
		rc = confirm(f, servers, err);
	redis_conn_free(f->conn);
	return rc;
}

static void
take_hosts(struct redis_target *t, struct finding *f)
{
	for (size_t i = 0; i < t->nhosts; i++)
		free(t->hosts[i].host);
	memcpy(t->hosts, f->hosts, f->n * sizeof(*f->hosts));
	t->nhosts = f->n;
}

/* Waiting may cure it; an answer says more than that there is none. */
static enum err_kind
weightier(enum err_kind a, enum err_kind b)
{
	if (a == ERR_TRANSIENT || b == ERR_NONE)
		return a;
	return b == ERR_TRANSIENT || a == ERR_NONE || a == ERR_UNREACHABLE ? b
									   : a;
}

int
redis_sentinel_find(struct redis_target *t, enum sentinel_want want,
    const struct redis_opts *servers, const struct redis_opts *sentinels,
    const struct scope *scope, struct err *err)
{
	enum err_kind kind = ERR_NONE;
	struct buf reasons;
	int rc = -1;

	if (t->master == NULL)
		return 0;
	buf_init(&reasons, REASONS_MAX);
	for (size_t i = 0; i < t->nsentinels && rc != 0; i++) {
		struct scope brief = scope_within(scope, ASK_MS);
		struct finding f = {.target = t, .scope = &brief};

		rc = ask_one(
		    &f, &t->sentinels[i], want, servers, sentinels, err);
		if (rc == 0)
			take_hosts(t, &f);
		else
			clear(&f);
		if (rc == 0 || err->kind == ERR_CANCELLED)
			goto out;
		kind = weightier(kind, err->kind);
		buf_addf(&reasons, "%s%s", i > 0 ? "; " : "", err->text);
	}
	err_set(err, kind, "no Sentinel tells where '%.100s' is: %s", t->master,
	    reasons.data);
out:
	buf_release(&reasons);
	return rc;
}
