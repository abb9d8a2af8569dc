#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/credential.h"
#include "base/scope.h"
#include "base/xalloc.h"
#include "rdb/redis_error.h"
#include "rdb/redis_login.h"

#include "rdb/redis_conn_private.h"

#define CONNECT_TIMEOUT_MS 10000
#define REPLY_TIMEOUT_MS   60000

/* So long before a token's end another one is shown.  A credential gives none
 * that ends within a few minutes, so that there is one by then. */
#define RENEW_LEFT_MS  INT64_C(180000)
#define RENEW_AGAIN_MS INT64_C(15000)

static char *
name_of(const struct redis_address *a)
{
	struct buf b;

	buf_init(&b, 4096);
	if (a->port == 0)
		buf_adds(&b, a->host);
	else if (strchr(a->host, ':') != NULL)
		buf_addf(&b, "[%s]:%d", a->host, a->port);
	else
		buf_addf(&b, "%s:%d", a->host, a->port);
	return buf_take(&b);
}

static int64_t
or_default(int64_t given, int64_t fallback)
{
	return given > 0 ? given : fallback;
}

static int
open_conn(struct redis_conn *c, const struct redis_address *a,
    const struct redis_opts *opts, const struct scope *scope, struct err *err)
{
	c->name = name_of(a);
	c->socket = redis_socket_open(a, &opts->tls, scope, err);
	if (c->socket == NULL)
		return redis_conn_named(c, err);
	resp_guard_init(&c->guard, opts->reply_max);
	c->in = xmalloc(CONN_IN_SIZE);
	c->reader = redisReaderCreate();
	if (c->reader == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	return 0;
}

/* That a server refuses it is told by who needs the name (client_fence.h). */
static int
set_name(struct redis_conn *c, const char *name, const struct scope *scope,
    struct err *err)
{
	redisReply *reply;

	if (name == NULL)
		return 0;
	reply = redis_command(c, scope, err, "CLIENT SETNAME %s", name);
	if (reply == NULL && !redis_error_is_refusal(err))
		return -1;
	if (reply == NULL)
		*err = (struct err){0};
	freeReplyObject(reply);
	return 0;
}

static int
greet(struct redis_conn *c, int db, const char *name, const struct scope *scope,
    struct err *err)
{
	redisReply *reply = redis_command(c, scope, err, "PING");

	if (reply == NULL)
		return -1;
	freeReplyObject(reply);
	if (set_name(c, name, scope, err) != 0)
		return -1;
	if (db == 0)
		return 0;
	reply = redis_command(c, scope, err, "SELECT %d", db);
	if (reply == NULL)
		return -1;
	freeReplyObject(reply);
	return 0;
}

/* Nobody who gives brief tokens only is asked by every caller. */
static void
note_login(struct redis_conn *c, const struct token *t, int64_t soonest_ms)
{
	int64_t ms = t->expires_ms - RENEW_LEFT_MS;

	c->login_ends_ms = t->expires_ms;
	c->renew_ms = ms > soonest_ms ? ms : soonest_ms;
}

static int
login(struct redis_conn *c, const char *user, struct credential *credential,
    const struct token *token, const struct scope *scope, struct err *err)
{
	c->renew_ms = INT64_MAX;
	if (credential == NULL && user == NULL)
		return 0;
	if (redis_login(c, user, credential, token, scope, err) != 0)
		return -1;
	if (credential == NULL)
		return 0;
	c->user = user != NULL ? xstrdup(user) : NULL;
	c->credential = credential;
	note_login(c, token, 0);
	return 0;
}

struct redis_conn *
redis_connect(const struct redis_address *a, const char *url_user,
    const struct redis_opts *opts, const struct scope *scope, struct err *err)
{
	const char *user = opts->user != NULL ? opts->user : url_user;
	struct token token = {0};
	struct redis_conn *c;
	struct scope brief;

	/* Fetching a token has timeouts of its own. */
	if (opts->password != NULL &&
	    redis_login_token(opts->password, scope, &token, err) != 0)
		return NULL;
	brief = scope_within(
	    scope, or_default(opts->connect_timeout_ms, CONNECT_TIMEOUT_MS));
	c = xcalloc(1, sizeof(*c));
	if (open_conn(c, a, opts, &brief, err) != 0)
		goto fail;
	if (login(c, user, opts->password, &token, &brief, err) != 0 ||
	    greet(c, a->db, opts->client_name, &brief, err) != 0)
		goto fail;
	redis_socket_set_stall(
	    c->socket, or_default(opts->reply_timeout_ms, REPLY_TIMEOUT_MS));
	secret_release(&token.value);
	return c;
fail:
	secret_release(&token.value);
	redis_conn_free(c);
	return NULL;
}

bool
redis_conn_renew_due(const struct redis_conn *c, const struct scope *scope)
{
	return scope_wall_ms(scope) >= c->renew_ms;
}

int
redis_conn_renew(
    struct redis_conn *c, const struct scope *scope, struct err *err)
{
	int64_t now_ms = scope_wall_ms(scope);
	struct token token = {0};
	struct err none = {0};
	int rc;

	if (!redis_conn_renew_due(c, scope))
		return 0;
	c->renew_ms = now_ms + RENEW_AGAIN_MS;
	rc = redis_login_token(c->credential, scope, &token, &none);
	if (rc != 0 && now_ms < c->login_ends_ms && none.kind != ERR_CANCELLED)
		rc = 0; /* there is time to ask again */
	else if (rc != 0)
		*err = none;
	else if (token.expires_ms > c->login_ends_ms)
		rc = redis_login(c, c->user, c->credential, &token, scope, err);
	if (rc == 0 && token.expires_ms > c->login_ends_ms)
		note_login(c, &token, c->renew_ms);
	secret_release(&token.value);
	return rc == 0 ? 0 : redis_conn_named(c, err);
}

void
redis_conn_free(struct redis_conn *c)
{
	if (c == NULL)
		return;
	if (c->ready != NULL)
		freeReplyObject(c->ready);
	if (c->reader != NULL)
		redisReaderFree(c->reader);
	redis_socket_free(c->socket);
	free(c->in);
	free(c->out);
	free(c->name);
	free(c->user);
	free(c);
}

const char *
redis_conn_name(const struct redis_conn *c)
{
	return c->name;
}

int
redis_conn_fd(const struct redis_conn *c)
{
	return redis_socket_fd(c->socket);
}

int
redis_conn_local_ip(const struct redis_conn *c, char out[64], struct err *err)
{
	return redis_socket_local_ip(c->socket, out, err);
}

int
redis_conn_peer_ip(const struct redis_conn *c, char out[64], struct err *err)
{
	return redis_socket_peer_ip(c->socket, out, err);
}

char *
redis_info_field(const char *info, const char *field)
{
	size_t len = strlen(field);

	for (const char *p = info; p != NULL; p = strchr(p, '\n')) {
		p += *p == '\n';
		if (strncmp(p, field, len) == 0 && p[len] == ':') {
			p += len + 1;
			return strndup(p, strcspn(p, "\r\n"));
		}
	}
	return NULL;
}

void
redis_info_text(const char *info, const char *field, char *out, size_t size)
{
	char *value = redis_info_field(info, field);

	snprintf(out, size, "%s", value != NULL ? value : "");
	free(value);
}
