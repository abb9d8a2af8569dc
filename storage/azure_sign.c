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

/* A request's headers, those that begin with x-ms- and the others. */
struct split {
	const struct http_header **ms, **rest;
	size_t nms, nrest;
};

static void
split_init(struct split *s, const struct http_headers *headers)
{
	const size_t n = headers->n;

	*s = (struct split){0};
	s->ms = xreallocarray(NULL, 2 * n + 1, sizeof(const void *));
	s->rest = s->ms + n;
	for (size_t i = 0; i < n; i++) {
		const struct http_header *h = &headers->list[i];

		if (strncasecmp(h->name, "x-ms-", 5) == 0)
			s->ms[s->nms++] = h;
		else
			s->rest[s->nrest++] = h;
	}
}

static void
split_release(struct split *s)
{
	free(s->ms);
}

static int
header_compare(const void *a, const void *b)
{
	const struct http_header *x = *(const struct http_header *const *)a;
	const struct http_header *y = *(const struct http_header *const *)b;
	int order = strcasecmp(x->name, y->name);

	return order != 0 ? order : strcmp(x->value, y->value);
}

static void
add_ms_headers(struct buf *out, struct split *s)
{
	if (s->nms > 1)
		qsort(s->ms, s->nms, sizeof(*s->ms), header_compare);
	for (size_t i = 0; i < s->nms; i++) {
		size_t at = out->len;

		buf_adds(out, s->ms[i]->name);
		if (out->len > at)
			lower(out->data + at);
		buf_addc(out, ':');
		buf_adds(out, s->ms[i]->value);
		buf_addc(out, '\n');
	}
}

static void
add_plain(struct buf *out, const struct split *s, const char *name)
{
	for (size_t i = 0; i < s->nrest; i++)
		if (strcasecmp(s->rest[i]->name, name) == 0) {
			buf_adds(out, s->rest[i]->value);
			break;
		}
	buf_addc(out, '\n');
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
	static const char *const after[] = {"Content-MD5", "Content-Type", "",
	    "If-Modified-Since", "If-Match", "If-None-Match",
	    "If-Unmodified-Since", "Range"};
	uint64_t len = body_length(r);
	struct split headers;

	split_init(&headers, &r->headers);
	buf_addf(out, "%s\n", r->method);
	add_plain(out, &headers, "Content-Encoding");
	add_plain(out, &headers, "Content-Language");
	if (len > 0)
		buf_addf(out, "%" PRIu64, len);
	buf_addc(out, '\n');
	for (size_t i = 0; i < sizeof(after) / sizeof(*after); i++)
		add_plain(out, &headers, after[i]);
	add_ms_headers(out, &headers);
	split_release(&headers);
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
azure_sign(struct http_request *r, const char *account, const struct hmac *key,
    struct err *err)
{
	unsigned char mac[SHA256_BYTES];
	struct buf what, value;
	int rc;

	buf_init(&what, STRING_TO_SIGN_MAX);
	buf_init(&value, 256);
	rc = azure_string_to_sign(&what, account, r, err);
	if (rc == 0) {
		buf_addf(&value, "SharedKey %s:", account);
		hmac_sum(key, what.data, what.len, mac);
		base64_encode(&value, mac, sizeof(mac));
		rc = buf_check(&value, "the signature", err);
	}
	if (rc == 0)
		http_headers_set(&r->headers, "Authorization", value.data);
	buf_release(&value);
	buf_release(&what);
	return rc;
}
