#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/credential.h"
#include "base/err.h"
#include "base/http.h"
#include "base/json.h"
#include "base/retry.h"
#include "base/url.h"
#include "base/xalloc.h"
#include "arm/arm_error.h"
#include "arm/cloud.h"

#include "arm/keyvault.h"

#define API_VERSION "7.5"

/* A secret has at most 25 KiB; its tags and escapes add to that. */
#define ANSWER_MAX ((size_t)256 << 10)
#define TOTAL_MS   60000

static bool
is_vault(const struct cloud *cloud, const char *host)
{
	size_t len = strlen(host), top = strlen(cloud->vault_suffix);

	if (len < top || strcasecmp(host + len - top, cloud->vault_suffix) != 0)
		return false;
	return len == top || (len > top + 1 && host[len - top - 1] == '.');
}

/* "/secrets/NAME" or "/secrets/NAME/VERSION", of letters, digits and dashes. */
static bool
is_secret_path(const char *path)
{
	static const char plain[] = "0123456789-"
				    "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	size_t len;

	if (strncmp(path, "/secrets/", 9) != 0)
		return false;
	path += 9;
	len = strspn(path, plain);
	if (len == 0 || len > 127)
		return false;
	path += len;
	if (*path == '\0')
		return true;
	len = strspn(path + 1, plain);
	return *path == '/' && len > 0 && path[1 + len] == '\0';
}

int
keyvault_check(const struct cloud *cloud, const char *text, struct err *err)
{
	struct url u;
	bool good, allowed;

	if (url_parse(&u, text, err) != 0)
		return err_in(err, "a secret in Key Vault");
	good = url_is_private(&u) && is_secret_path(u.path) &&
	    u.query == NULL && u.user == NULL && u.password == NULL;
	allowed = is_vault(cloud, u.host);
	url_release(&u);
	if (!good)
		return err_set(err, ERR_USAGE,
		    "a secret in Key Vault is named by "
		    "https://VAULT.%s/secrets/NAME[/VERSION]",
		    cloud->vault_suffix);
	if (!allowed)
		return err_set(err, ERR_USAGE,
		    "'%.120s' is not in a vault of this cloud (VAULT.%s), and "
		    "no other is given our token",
		    text, cloud->vault_suffix);
	return 0;
}

static int
authorize(struct http_request *r, const struct scope *scope, void *arg,
    struct err *err)
{
	const struct keyvault *k = arg;
	struct token token = {0};
	struct buf value;

	if (k->credential->ops->get(k->credential, scope,
		k->cloud->vault_audience, &token, err) != 0)
		return -1;
	buf_init(&value, SECRET_MAX + 16);
	buf_addf(&value, "Bearer %s", token.value.data);
	http_headers_set(&r->headers, "Authorization", value.data);
	explicit_bzero(value.data, value.size);
	buf_release(&value);
	secret_release(&token.value);
	return 0;
}

static void
answer_release(struct http_response *response)
{
	if (response->body.size > 0)
		explicit_bzero(response->body.data, response->body.size);
	http_response_release(response);
}

static int
parse(const struct http_response *response, struct secret *out, struct err *err)
{
	cJSON *o = json_parse(
	    response->body.data, response->body.len, ANSWER_MAX, false, err);
	cJSON *value;
	size_t len = 0;
	int rc = -1;

	if (o == NULL)
		return err_in(err, "the vault's answer");
	value = cJSON_GetObjectItemCaseSensitive(o, "value");
	if (cJSON_IsString(value))
		len = strlen(value->valuestring);
	if (!cJSON_IsString(value)) {
		err_set(err, ERR_CORRUPT, "the vault's answer has no value");
	} else if (len == 0 || len > SECRET_MAX) {
		err_set(
		    err, ERR_USAGE, "it is empty or over %d bytes", SECRET_MAX);
	} else {
		secret_set(out, value->valuestring, len);
		rc = 0;
	}
	if (cJSON_IsString(value))
		explicit_bzero(value->valuestring, len);
	cJSON_Delete(o);
	return rc;
}

/* The vault's words do not say what to do. */
static void
advise(struct err *err)
{
	size_t len = strlen(err->text);

	if (err->status == 403)
		snprintf(err->text + len, sizeof(err->text) - len,
		    "; the identity needs the role Key Vault Secrets User, and "
		    "the vault's firewall must let this host in");
}

/* One answer; a token that is refused is asked for again, once. */
static int
ask(const struct keyvault *k, struct http_request *r, const struct scope *scope,
    struct secret *out, struct err *err)
{
	struct http_response response;
	int rc;

	if (http_do(k->http, scope, r, &response, err) != 0)
		return -1;
	if (response.status == 401) {
		answer_release(&response);
		k->credential->ops->forget(
		    k->credential, k->cloud->vault_audience);
		if (http_do(k->http, scope, r, &response, err) != 0)
			return -1;
	}
	if (response.status == 200) {
		rc = parse(&response, out, err);
	} else {
		rc = arm_error(&response, scope, "Key Vault", err);
		advise(err);
	}
	answer_release(&response);
	return rc;
}

static int
ask_until(const struct keyvault *k, struct http_request *r,
    const struct scope *scope, struct secret *out, struct err *err)
{
	static const struct retry_opts opts = {.total_ms = TOTAL_MS};
	struct retry retry;

	retry_init(&retry, scope, &opts);
	while (ask(k, r, scope, out, err) != 0)
		if (retry_wait(&retry, err) != 0)
			return -1;
	return 0;
}

int
keyvault_get(const struct keyvault *k, const char *url,
    const struct scope *scope, struct secret *out, struct err *err)
{
	struct http_request r = {
	    .method = "GET",
	    .prepare = authorize,
	    .prepare_arg = (void *)k,
	    .response_max = ANSWER_MAX,
	};
	struct buf full;
	int rc;

	if (keyvault_check(k->cloud, url, err) != 0)
		return -1;
	buf_init(&full, URL_MAX);
	buf_addf(&full, "%s?api-version=" API_VERSION, url);
	rc = buf_check(&full, "a secret's URL", err);
	r.url = buf_take(&full);
	if (rc == 0 && (rc = ask_until(k, &r, scope, out, err)) != 0)
		err_in(err, "'%.160s'", url);
	for (size_t i = 0; i < r.headers.n; i++)
		explicit_bzero(
		    r.headers.list[i].value, strlen(r.headers.list[i].value));
	http_request_release(&r);
	return rc;
}

struct held {
	struct credential base;
	struct keyvault vault;
	char *url;
};

static int
held_get(struct credential *c, const struct scope *scope, const char *resource,
    struct token *token, struct err *err)
{
	struct held *h = (struct held *)c;

	(void)resource;
	*token = (struct token){.expires_ms = INT64_MAX};
	return keyvault_get(&h->vault, h->url, scope, &token->value, err);
}

/* Nothing is kept here. */
static void
held_forget(struct credential *c, const char *resource)
{
	(void)c;
	(void)resource;
}

static void
held_free(struct credential *c)
{
	struct held *h = (struct held *)c;

	free(h->url);
	free(h);
}

static const struct credential_ops held_ops = {
    .get = held_get,
    .forget = held_forget,
    .free = held_free,
};

struct credential *
keyvault_credential_new(const struct keyvault *k, const char *url)
{
	struct held *h = xcalloc(1, sizeof(*h));

	h->base.ops = &held_ops;
	h->vault = *k;
	h->url = xstrdup(url);
	return &h->base;
}
