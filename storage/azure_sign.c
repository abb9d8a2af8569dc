#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/chunk.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/http.h"
#include "base/secret.h"
#include "base/url.h"
#include "base/xalloc.h"

#include "storage/azure_sign.h"

/* A signed request is a URL and a few headers; this is far above both. */
#define STRING_TO_SIGN_MAX ((size_t)64 << 10)

/* A header or a query parameter, on its way to its sorted place. */
struct pair {
	char *name; /* lower case */
	char *value;
};

struct pairs {
	struct pair *list;
	size_t n;
};

static void
pairs_release(struct pairs *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->list[i].name);
		free(p->list[i].value);
	}
	free(p->list);
}

static struct pair *
pairs_add(struct pairs *p)
{
	p->list = xreallocarray(p->list, p->n + 1, sizeof(*p->list));
	p->list[p->n] = (struct pair){0};
	return &p->list[p->n++];
}

static int
pair_compare(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order != 0 ? order : strcmp(x->value, y->value);
}

static void
pairs_sort(struct pairs *p)
{
	if (p->n > 1)
		qsort(p->list, p->n, sizeof(*p->list), pair_compare);
}

static void
lower(char *s)
{
	for (; *s != '\0'; s++)
		*s = (char)tolower((unsigned char)*s);
}

static void
add_ms_headers(struct buf *out, const struct http_headers *headers)
{
	struct pairs p = {0};

	for (size_t i = 0; i < headers->n; i++) {
		struct pair *pair;

		if (strncasecmp(headers->list[i].name, "x-ms-", 5) != 0)
			continue;
		pair = pairs_add(&p);
		pair->name = xstrdup(headers->list[i].name);
		pair->value = xstrdup(headers->list[i].value);
		lower(pair->name);
	}
	pairs_sort(&p);
	for (size_t i = 0; i < p.n; i++)
		buf_addf(out, "%s:%s\n", p.list[i].name, p.list[i].value);
	pairs_release(&p);
}

/* One "name=value" of the query, both decoded. */
static int
parse_parameter(struct pairs *p, char *text, struct err *err)
{
	struct pair *pair = pairs_add(p);
	char *value = strchr(text, '=');

	if (value != NULL)
		*value++ = '\0';
	pair->name = xstrdup(text);
	pair->value = xstrdup(value != NULL ? value : "");
	if (url_decode(pair->name, err) != 0 ||
	    url_decode(pair->value, err) != 0)
		return err_in(err, "query parameter '%.64s'", text);
	lower(pair->name);
	return 0;
}

/* Values of one name stand together, joined by commas. */
static int
add_query(struct buf *out, const char *query, struct err *err)
{
	struct pairs p = {0};
	char *copy = xstrdup(query), *rest = copy, *part;
	int rc = 0;

	while (rc == 0 && (part = strsep(&rest, "&")) != NULL)
		if (*part != '\0')
			rc = parse_parameter(&p, part, err);
	pairs_sort(&p);
	for (size_t i = 0; i < p.n && rc == 0; i++) {
		if (i > 0 && strcmp(p.list[i - 1].name, p.list[i].name) == 0)
			buf_addf(out, ",%s", p.list[i].value);
		else
			buf_addf(
			    out, "\n%s:%s", p.list[i].name, p.list[i].value);
	}
	pairs_release(&p);
	free(copy);
	return rc;
}

static int
add_resource(
    struct buf *out, const char *account, const char *url, struct err *err)
{
	const char *host = strstr(url, "://");
	const char *path = host != NULL ? strchr(host + 3, '/') : NULL;
	const char *query;

	if (path == NULL)
		return err_set(err, ERR_USAGE, "a URL without a path");
	query = strchr(path, '?');
	buf_addf(out, "/%s", account);
	if (query == NULL) {
		buf_adds(out, path);
		return 0;
	}
	buf_add(out, path, (size_t)(query - path));
	return add_query(out, query + 1, err);
}

static uint64_t
body_length(const struct http_request *r)
{
	uint64_t len = 0;

	for (size_t i = 0; i < r->nbody; i++)
		len += r->body[i]->len;
	return len;
}

int
azure_string_to_sign(struct buf *out, const char *account,
    const struct http_request *r, struct err *err)
{
	/* Date stays empty: x-ms-date is there, and signed as a header. */
	static const char *const before[] = {
	    "Content-Encoding", "Content-Language"};
	static const char *const after[] = {"Content-MD5", "Content-Type", "",
	    "If-Modified-Since", "If-Match", "If-None-Match",
	    "If-Unmodified-Since", "Range"};
	uint64_t len = body_length(r);
	const char *value;

	buf_addf(out, "%s\n", r->method);
	for (size_t i = 0; i < sizeof(before) / sizeof(*before); i++) {
		value = http_headers_get(&r->headers, before[i]);
		buf_addf(out, "%s\n", value != NULL ? value : "");
	}
	if (len > 0)
		buf_addf(out, "%" PRIu64, len);
	buf_addc(out, '\n');
	for (size_t i = 0; i < sizeof(after) / sizeof(*after); i++) {
		value = http_headers_get(&r->headers, after[i]);
		buf_addf(out, "%s\n", value != NULL ? value : "");
	}
	add_ms_headers(out, &r->headers);
	if (add_resource(out, account, r->url, err) != 0)
		return -1;
	return buf_check(out, "the string to sign", err);
}

void
azure_signature(
    struct buf *out, const struct secret *key, const struct buf *what)
{
	unsigned char mac[SHA256_BYTES];

	hmac_sha256(key->data, key->len, what->data, what->len, mac);
	base64_encode(out, mac, sizeof(mac));
}

int
azure_sign(struct http_request *r, const char *account,
    const struct secret *key, struct err *err)
{
	struct buf what, value;
	int rc;

	buf_init(&what, STRING_TO_SIGN_MAX);
	buf_init(&value, 256);
	rc = azure_string_to_sign(&what, account, r, err);
	if (rc == 0) {
		buf_addf(&value, "SharedKey %s:", account);
		azure_signature(&value, key, &what);
		rc = buf_check(&value, "the signature", err);
	}
	if (rc == 0)
		http_headers_set(&r->headers, "Authorization", value.data);
	buf_release(&value);
	buf_release(&what);
	return rc;
}
