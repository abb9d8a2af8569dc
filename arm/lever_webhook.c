/*
 * POST to somebody else's automation:
 *
 *	{"format": 1, "event": "promote" or "undo", "id": ID, "undoes": ID,
 *	 "job": NAME, "at_ms": UNIX TIME}
 *	Idempotency-Key: ID
 *	X-Drsync-Signature: t=SECONDS,v1=HEX
 *
 * HEX is HMAC-SHA256, by the key, over SECONDS, a full stop, and the body as
 * sent.  A receiver that compares it, and refuses a time that is minutes off,
 * has proof that the call is ours and of now.  Any 2xx ends it.  Until then,
 * whatever came back or did not, it comes again with the same id.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/chunk.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/http.h"
#include "base/json.h"
#include "base/retry.h"
#include "base/scope.h"
#include "base/secret.h"
#include "base/url.h"
#include "base/xalloc.h"

#include "arm/lever_call.h"

#define TIMEOUT_DEFAULT_MS 30000
#define ANSWER_MAX	   ((size_t)64 << 10)
#define BODY_MAX	   ((size_t)4 << 10)

struct webhook_lever {
	struct lever base;
	char *url;
	cJSON *key;	    /* its reference */
	int64_t timeout_ms; /* of a call and its repetitions */
};

static void
webhook_free(struct lever *l)
{
	struct webhook_lever *w = (struct webhook_lever *)l;

	free(w->url);
	cJSON_Delete(w->key);
	free(w);
}

static int
check_url(const char *url, struct err *err)
{
	struct url u;
	struct buf shown;
	int rc = -1;

	if (url_parse(&u, url, err) != 0)
		return -1;
	buf_init(&shown, URL_MAX);
	url_show(&shown, url);
	if (strcmp(shown.data, url) != 0)
		err_set(err, ERR_USAGE,
		    "the URL holds a secret; the receiver can tell a call of "
		    "ours by its signature");
	else if (!url_is_private(&u))
		err_set(err, ERR_USAGE, "'%.100s' is not https", url);
	else
		rc = 0;
	buf_release(&shown);
	url_release(&u);
	return rc;
}

static int
check_key(const cJSON *key, struct err *err)
{
	const cJSON *only = cJSON_IsObject(key) ? key->child : NULL;

	if (only != NULL && only->next == NULL && cJSON_IsString(only) &&
	    (strcmp(only->string, "env") == 0 ||
		strcmp(only->string, "file") == 0))
		return 0;
	return err_set(err, ERR_USAGE,
	    "'key' signs the calls, and is given by reference only: "
	    "{\"env\": NAME} or {\"file\": PATH}");
}

static int
webhook_init(struct webhook_lever *w, const cJSON *settings, struct err *err)
{
	const cJSON *key = cJSON_GetObjectItemCaseSensitive(settings, "key");
	const char *url;

	if (lever_text(settings, "webhook", &url, err) != 0 ||
	    check_url(url, err) != 0 || check_key(key, err) != 0 ||
	    lever_opt_time(settings, "timeout", &w->timeout_ms, err) != 0)
		return -1;
	w->url = xstrdup(url);
	w->key = cJSON_Duplicate(key, true);
	lever_set_name(&w->base, strstr(url, "://") + 3);
	return 0;
}

static int
read_key(const struct webhook_lever *w, struct secret *key, struct err *err)
{
	const cJSON *only = w->key->child;
	int rc = strcmp(only->string, "env") == 0
	    ? secret_from_env(key, only->valuestring, err)
	    : secret_from_file(key, only->valuestring, err);

	return rc == 0 ? 0 : err_in(err, "'key'");
}

static char *
body_of(const struct lever_env *env, const struct lever_call *call)
{
	cJSON *root = cJSON_CreateObject();
	char *text;

	json_add_int(root, "format", 1);
	cJSON_AddStringToObject(root, "event", call->event);
	cJSON_AddStringToObject(root, "id", call->id);
	if (call->of[0] != '\0')
		cJSON_AddStringToObject(root, "undoes", call->of);
	cJSON_AddStringToObject(root, "job", env->job);
	json_add_int(root, "at_ms", call->at_ms);
	text = json_format_line(root);
	cJSON_Delete(root);
	return text;
}

struct signing {
	const struct secret *key;
	const char *body;
};

/* Each attempt is of its own time. */
static int
sign(struct http_request *r, const struct scope *scope, void *arg,
    struct err *err)
{
	const struct signing *s = arg;
	int64_t seconds = scope_wall_ms(scope) / 1000;
	unsigned char mac[SHA256_BYTES];
	char hex[2 * SHA256_BYTES + 1];
	struct buf text;

	(void)err;
	buf_init(&text, BODY_MAX + 32);
	buf_addf(&text, "%" PRId64 ".%s", seconds, s->body);
	hmac_sha256(s->key->data, s->key->len, text.data, text.len, mac);
	hex_encode(mac, sizeof(mac), hex);
	buf_truncate(&text, 0);
	buf_addf(&text, "t=%" PRId64 ",v1=%s", seconds, hex);
	http_headers_set(&r->headers, "X-Drsync-Signature", text.data);
	buf_release(&text);
	return 0;
}

static int
post_once(const struct lever_env *env, const struct scope *scope,
    struct http_request *r, struct err *err)
{
	struct http_response response;
	int rc = -1;

	if (env->still_ours != NULL &&
	    env->still_ours(env->still_ours_arg, err) != 0)
		return -1;
	if (http_do(env->http, scope, r, &response, err) != 0)
		return -1;
	if (response.status / 100 == 2)
		rc = 0;
	else
		http_status_err(&response, scope, err, "the receiver");
	http_response_release(&response);
	return rc;
}

static int
post(const struct webhook_lever *w, const struct lever_env *env,
    const struct scope *scope, const struct lever_call *call,
    struct signing *signing, struct err *err)
{
	struct chunk *body = chunk_view(signing->body, strlen(signing->body));
	struct scope within = scope_within(scope, w->timeout_ms);
	struct http_request r = {
	    .method = "POST",
	    .url = xstrdup(w->url),
	    .body = &body,
	    .nbody = 1,
	    .prepare = sign,
	    .prepare_arg = signing,
	    .response_max = ANSWER_MAX,
	};
	struct retry retry;
	int rc;

	http_headers_add(&r.headers, "Content-Type", "application/json");
	http_headers_add(&r.headers, "Idempotency-Key", call->id);
	retry_init(&retry, &within, NULL);
	do
		rc = post_once(env, &within, &r, err);
	while (rc != 0 && retry_wait(&retry, err) == 0);
	http_request_release(&r);
	chunk_unref(body);
	return rc;
}

static int
webhook_look(struct lever *l, const struct lever_env *env,
    const struct scope *scope, enum lever_way way, const cJSON *note,
    struct lever_view *view, struct err *err)
{
	struct webhook_lever *w = (struct webhook_lever *)l;
	struct secret key = {0};
	struct buf then;
	int rc = -1;

	(void)env;
	/* What a pull would fail by. */
	if (read_key(w, &key, err) != 0)
		return -1;
	buf_init(&then, URL_MAX + 16);
	buf_addf(&then, "POST %s", w->url);
	rc = lever_call_look(l, scope, way, note, then.data, view, err);
	buf_release(&then);
	secret_release(&key);
	return rc;
}

static int
webhook_move(struct lever *l, const struct lever_env *env,
    const struct scope *scope, enum lever_way way, const cJSON *note,
    bool *changed, struct err *err)
{
	struct webhook_lever *w = (struct webhook_lever *)l;
	struct lever_call call;
	struct secret key = {0};
	struct signing signing = {.key = &key};
	char *body;
	int rc;

	if (lever_call_read(&call, way, note, err) != 0 ||
	    read_key(w, &key, err) != 0)
		return -1;
	body = body_of(env, &call);
	signing.body = body;
	*changed = true;
	rc = post(w, env, scope, &call, &signing, err);
	free(body);
	secret_release(&key);
	return rc == 0 ? 0 : err_in(err, "the call %s", call.id);
}

/* Its answer was all that there is to be seen. */
static int
webhook_check(struct lever *l, const struct lever_env *env,
    const struct scope *scope, enum lever_way way, const cJSON *note,
    struct err *err)
{
	(void)l;
	(void)env;
	(void)way;
	(void)note;
	return scope_check(scope, err);
}

static struct lever *
webhook_parse(const cJSON *settings, struct err *err)
{
	struct webhook_lever *w = xcalloc(1, sizeof(*w));

	w->base.ops = &lever_webhook_ops;
	w->timeout_ms = TIMEOUT_DEFAULT_MS;
	if (webhook_init(w, settings, err) == 0)
		return &w->base;
	lever_free(&w->base);
	return NULL;
}

static const char *const members[] = {"key", "timeout", NULL};

const struct lever_ops lever_webhook_ops = {
    .kind = "webhook",
    .blind = true,
    .members = members,
    .parse = webhook_parse,
    .free = webhook_free,
    .look = webhook_look,
    .move = webhook_move,
    .check = webhook_check,
};
