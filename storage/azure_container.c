#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/credential.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/http.h"
#include "base/scope.h"
#include "base/url.h"
#include "base/xalloc.h"
#include "storage/azure_sign.h"
#include "storage/azure_time.h"
#include "storage/store.h"
#include "storage/store_open.h"

#include "storage/azure_container.h"

/* A read-access secondary is signed for with the primary's name. */
#define SECONDARY "-secondary"

#define SAS_MAX 4096

static bool
is_address(const char *host)
{
	return strchr(host, ':') != NULL ||
	    host[strspn(host, "0123456789.")] == '\0';
}

/* The segment that *path begins with; *path moves behind its slash. */
static char *
take_segment(const char **path)
{
	size_t len = strcspn(*path, "/");
	char *segment = xcalloc(1, len + 1);

	memcpy(segment, *path, len);
	*path += len;
	if (**path == '/')
		(*path)++;
	return segment;
}

/* The account in "ACCOUNT.blob.core.windows.net"; hosts have no case. */
static char *
first_label(const char *host)
{
	size_t len = strcspn(host, ".");
	char *label = xcalloc(1, len + 1);

	for (size_t i = 0; i < len; i++)
		label[i] = (char)tolower((unsigned char)host[i]);
	return label;
}

static void
drop_secondary(char *account)
{
	size_t len = strlen(account), tail = strlen(SECONDARY);

	if (len > tail && strcmp(account + len - tail, SECONDARY) == 0)
		account[len - tail] = '\0';
}

static bool
is_name(const char *s)
{
	for (const char *p = s; *p != '\0'; p++)
		if (!islower((unsigned char)*p) &&
		    !isdigit((unsigned char)*p) && *p != '-' &&
		    (*p != '$' || p != s))
			return false;
	return *s != '\0' && strlen(s) <= 63;
}

/* The store's prefix, decoded, with one slash at its end. */
static int
set_prefix(struct azure_container *c, const char *path, struct err *err)
{
	struct buf prefix;
	int rc;

	buf_init(&prefix, BLOB_NAME_MAX);
	buf_adds(&prefix, path);
	rc = buf_check(&prefix, "the prefix in the URL", err);
	if (rc == 0 && prefix.len > 0)
		rc = url_decode(prefix.data, err);
	if (rc == 0 && prefix.len > 0) {
		buf_truncate(&prefix, strlen(prefix.data));
		while (prefix.len > 0 && prefix.data[prefix.len - 1] == '/')
			buf_truncate(&prefix, prefix.len - 1);
		if (prefix.len > 0)
			buf_addc(&prefix, '/');
		rc = buf_check(&prefix, "the prefix in the URL", err);
	}
	if (rc != 0)
		err->kind = ERR_USAGE;
	c->prefix = buf_take(&prefix);
	return rc;
}

static void
set_url(struct azure_container *c, const struct url *u, bool path_style)
{
	bool six = strchr(u->host, ':') != NULL;
	struct buf url;

	buf_init(&url, 2 * URL_MAX);
	buf_addf(&url, six ? "%s://[%s]" : "%s://%s", u->scheme, u->host);
	if (u->port != 0)
		buf_addf(&url, ":%d", u->port);
	if (path_style)
		buf_addf(&url, "/%s", c->account);
	buf_addf(&url, "/%s", c->name);
	c->url = buf_take(&url);
}

/* What came in was refused if it held a secret. */
static void
set_shown(struct azure_container *c)
{
	struct buf url;

	buf_init(&url, 4 * URL_MAX);
	buf_addf(&url, "%s/", c->url);
	url_encode(&url, c->prefix, true);
	buf_truncate(&url, url.len - 1);
	c->shown = buf_take(&url);
}

static int
set_place(struct azure_container *c, const struct url *u, bool path_style,
    struct err *err)
{
	const char *path = *u->path == '/' ? u->path + 1 : u->path;

	c->account = path_style ? take_segment(&path) : first_label(u->host);
	c->name = take_segment(&path);
	if (!is_name(c->account) || !is_name(c->name))
		return err_set(err, ERR_USAGE,
		    "the URL names no container: it has the form %s",
		    path_style ? "http://HOST:PORT/ACCOUNT/CONTAINER[/PREFIX]"
			       : "https://ACCOUNT.blob.core.windows.net/"
				 "CONTAINER[/PREFIX]");
	set_url(c, u, path_style);
	drop_secondary(c->account);
	if (set_prefix(c, path, err) != 0)
		return -1;
	set_shown(c);
	return 0;
}

static int
set_key(struct azure_container *c, const struct secret *key, struct err *err)
{
	struct buf raw;
	struct err ignored;
	bool good;

	buf_init(&raw, 1024);
	good = base64_decode(&raw, key->data, &ignored) == 0 &&
	    !raw.overflowed && raw.len > 0;
	if (good) {
		secret_set(&c->key, raw.data, raw.len);
		c->signer = hmac_new(raw.data, raw.len);
	}
	if (raw.size > 0)
		explicit_bzero(raw.data, raw.size);
	buf_release(&raw);
	if (!good)
		return err_set(err, ERR_USAGE,
		    "the account key is not base64; copy it from the "
		    "account's access keys as it stands");
	return 0;
}

static int
set_sas(struct azure_container *c, const struct secret *sas, struct err *err)
{
	const char *text = sas->data;

	if (*text == '?')
		text++;
	if (strlen(text) > SAS_MAX)
		return err_set(
		    err, ERR_USAGE, "the SAS is over %d bytes", SAS_MAX);
	if (strncmp(text, "sig=", 4) != 0 && strstr(text, "&sig=") == NULL)
		return err_set(err, ERR_USAGE,
		    "the SAS has no signature; it has the form "
		    "sv=...&sp=...&sig=...");
	secret_set(&c->sas, text, strlen(text));
	return 0;
}

static int
set_rights(struct azure_container *c, const struct url *u,
    const struct store_opts *opts, struct err *err)
{
	if (opts->key != NULL)
		return set_key(c, opts->key, err);
	if (opts->sas == NULL && opts->credential == NULL)
		return 0;
	if (!c->https && !c->loopback)
		return err_set(err, ERR_USAGE,
		    "a SAS or a token would go to '%s' in the clear; use "
		    "https",
		    u->host);
	if (opts->sas != NULL)
		return set_sas(c, opts->sas, err);
	c->credential = opts->credential;
	return 0;
}

int
azure_container_init(struct azure_container *c, const struct url *u,
    const struct store_opts *opts, struct err *err)
{
	bool path_style = opts->path_style || is_address(u->host) ||
	    strcmp(u->host, "localhost") == 0;

	*c = (struct azure_container){.http = opts->http};
	c->https = strcmp(u->scheme, "https") == 0;
	c->loopback = url_is_loopback(u->host);
	if (u->query != NULL)
		return err_set(err, ERR_USAGE,
		    "a store's URL carries no query; give a SAS by reference");
	if (u->user != NULL || u->password != NULL)
		return err_set(err, ERR_USAGE,
		    "a store's URL carries no user; give a key by reference");
	if (set_place(c, u, path_style, err) != 0)
		return -1;
	return set_rights(c, u, opts, err);
}

/* Of the account, with its slash at the end. */
static size_t
account_url_len(const struct azure_container *c)
{
	return strlen(c->url) - strlen(c->name);
}

int
azure_container_beside(struct azure_container *out,
    const struct azure_container *c, const char *name, struct err *err)
{
	struct buf url;

	*out = (struct azure_container){
	    .http = c->http,
	    .credential = c->credential,
	    .https = c->https,
	    .loopback = c->loopback,
	};
	if (!is_name(name))
		return err_set(err, ERR_USAGE,
		    "'%.80s' cannot name a container: 3 to 63 lower-case "
		    "letters, digits and hyphens can",
		    name);
	secret_copy(&out->key, &c->key);
	if (out->key.data != NULL)
		out->signer = hmac_new(out->key.data, out->key.len);
	out->account = xstrdup(c->account);
	out->name = xstrdup(name);
	out->prefix = xstrdup("");
	buf_init(&url, 2 * URL_MAX);
	buf_add(&url, c->url, account_url_len(c));
	buf_adds(&url, name);
	out->url = buf_take(&url);
	out->shown = xstrdup(out->url);
	return 0;
}

void
azure_container_release(struct azure_container *c)
{
	hmac_free(c->signer);
	secret_release(&c->key);
	secret_release(&c->sas);
	free(c->account);
	free(c->name);
	free(c->prefix);
	free(c->url);
	free(c->shown);
	*c = (struct azure_container){0};
}

static bool
has_dot_segment(const char *name)
{
	for (const char *p = name;; p++) {
		size_t len = strcspn(p, "/");

		if ((len == 1 || len == 2) && strncmp(p, "..", len) == 0)
			return true;
		p += len;
		if (*p == '\0')
			return false;
	}
}

int
azure_container_url(const struct azure_container *c, const char *blob,
    const char *query, char **url, struct err *err)
{
	struct buf out;

	buf_init(&out, 4 * URL_MAX);
	buf_adds(&out, c->url);
	if (blob != NULL) {
		size_t len = strlen(blob);

		if (len == 0 || len + strlen(c->prefix) > BLOB_NAME_MAX ||
		    has_dot_segment(blob) || has_dot_segment(c->prefix)) {
			buf_release(&out);
			return err_set(err, ERR_USAGE,
			    "'%.200s' cannot name a blob: it is empty, over %d "
			    "bytes, or has a '.' or '..' in its path",
			    blob, BLOB_NAME_MAX);
		}
		buf_addc(&out, '/');
		url_encode(&out, c->prefix, true);
		url_encode(&out, blob, true);
	}
	if (query != NULL)
		buf_addf(&out, "?%s", query);
	if (buf_check(&out, "a request's URL", err) != 0) {
		buf_release(&out);
		return -1;
	}
	*url = buf_take(&out);
	return 0;
}

char *
azure_container_account_url(const struct azure_container *c, const char *query)
{
	struct buf out;

	buf_init(&out, 4 * URL_MAX);
	buf_add(&out, c->url, account_url_len(c));
	buf_addf(&out, "?%s", query);
	return buf_take(&out);
}

static void
set_request_url(struct http_request *r, const char *plain, const char *sas)
{
	struct buf url;

	if (sas == NULL && r->url != NULL && strcmp(r->url, plain) == 0)
		return;
	buf_init(&url, 8 * URL_MAX);
	buf_adds(&url, plain);
	if (sas != NULL)
		buf_addf(
		    &url, "%c%s", strchr(plain, '?') != NULL ? '&' : '?', sas);
	if (r->url != NULL)
		explicit_bzero(r->url, strlen(r->url));
	free(r->url);
	r->url = buf_take(&url);
}

static int
set_token(const struct azure_container *c, struct http_request *r,
    const struct scope *scope, struct err *err)
{
	struct token token = {0};
	struct buf value;
	int rc;

	if (c->credential->ops->get(
		c->credential, scope, AZURE_RESOURCE, &token, err) != 0)
		return err_in(err, "a token for '%s'", AZURE_RESOURCE);
	buf_init(&value, SECRET_MAX);
	buf_addf(&value, "Bearer %s", token.value.data);
	rc = buf_check(&value, "a token", err);
	if (rc == 0)
		http_headers_set(&r->headers, "Authorization", value.data);
	if (value.size > 0)
		explicit_bzero(value.data, value.size);
	buf_release(&value);
	secret_release(&token.value);
	return rc;
}

int
azure_container_authorize(const struct azure_container *c, const char *plain,
    struct http_request *r, const struct scope *scope, struct err *err)
{
	char date[AZURE_TIME_MAX];

	azure_time_format(scope_wall_ms(scope), date);
	http_headers_set(&r->headers, "x-ms-date", date);
	http_headers_set(&r->headers, "x-ms-version", AZURE_VERSION);
	set_request_url(r, plain, c->sas.data);
	if (c->signer != NULL)
		return azure_sign(r, c->account, c->signer, err);
	if (c->credential != NULL)
		return set_token(c, r, scope, err);
	return 0;
}
