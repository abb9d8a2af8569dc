#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/xalloc.h"

#include "base/http_call.h"

void
http_headers_release(struct http_headers *h)
{
	for (size_t i = 0; i < h->n; i++) {
		free(h->list[i].name);
		free(h->list[i].value);
	}
	free(h->list);
	*h = (struct http_headers){0};
}

void
http_headers_take(struct http_headers *h, char *name, char *value)
{
	if (h->n == h->alloc) {
		h->alloc = h->alloc > 0 ? 2 * h->alloc : 16;
		h->list = xreallocarray(h->list, h->alloc, sizeof(*h->list));
	}
	h->list[h->n].name = name;
	h->list[h->n].value = value;
	h->n++;
}

void
http_headers_add(struct http_headers *h, const char *name, const char *value)
{
	http_headers_take(h, xstrdup(name), xstrdup(value));
}

void
http_headers_addf(
    struct http_headers *h, const char *name, const char *fmt, ...)
{
	va_list ap;
	char *value;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	assert(n >= 0);
	value = xmalloc((size_t)n + 1);
	va_start(ap, fmt);
	vsnprintf(value, (size_t)n + 1, fmt, ap);
	va_end(ap);
	http_headers_take(h, xstrdup(name), value);
}

void
http_headers_set(struct http_headers *h, const char *name, const char *value)
{
	/* They may be of one that goes. */
	char *name_copy = xstrdup(name), *copy = xstrdup(value);
	size_t kept = 0;

	for (size_t i = 0; i < h->n; i++) {
		if (strcasecmp(h->list[i].name, name) != 0) {
			h->list[kept++] = h->list[i];
			continue;
		}
		free(h->list[i].name);
		free(h->list[i].value);
	}
	h->n = kept;
	http_headers_take(h, name_copy, copy);
}

const char *
http_headers_get(const struct http_headers *h, const char *name)
{
	for (size_t i = 0; i < h->n; i++)
		if (strcasecmp(h->list[i].name, name) == 0)
			return h->list[i].value;
	return NULL;
}

void
http_request_release(struct http_request *req)
{
	free(req->url);
	req->url = NULL;
	http_headers_release(&req->headers);
}

void
http_response_release(struct http_response *resp)
{
	http_headers_release(&resp->headers);
	buf_release(&resp->body);
}
