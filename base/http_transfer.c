/*
 * What libcurl calls while a transfer goes on: the body out, chunk by chunk,
 * and the answer in.  A callback that takes fewer bytes than it was given
 * stops the transfer; c->refused then says why.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/chunk.h"
#include "base/xalloc.h"

#include "base/http_call.h"

static void
moved(struct http_call *c)
{
	c->moved_ms = clock_system.mono_ms(&clock_system);
}

size_t
http_call_on_read(char *out, size_t size, size_t n, void *arg)
{
	struct http_call *c = arg;
	size_t room = size * n, put = 0;

	while (put < room && c->chunk < c->req->nbody) {
		const struct chunk *chunk = c->req->body[c->chunk];
		size_t left = chunk->len - c->off;
		size_t take = left < room - put ? left : room - put;

		memcpy(out + put, chunk->data + c->off, take);
		put += take;
		c->off += take;
		if (c->off == chunk->len) {
			c->chunk++;
			c->off = 0;
		}
	}
	moved(c);
	return put;
}

/* libcurl winds back when it repeats a request on another connection. */
int
http_call_on_seek(void *arg, curl_off_t offset, int origin)
{
	struct http_call *c = arg;
	size_t left = (size_t)offset;

	if (origin != SEEK_SET || offset < 0)
		return CURL_SEEKFUNC_CANTSEEK;
	c->off = 0;
	for (c->chunk = 0; c->chunk < c->req->nbody; c->chunk++) {
		size_t len = c->req->body[c->chunk]->len;

		if (left < len)
			break;
		left -= len;
	}
	c->off = left;
	return CURL_SEEKFUNC_OK;
}

static bool
is_success(const struct http_response *resp)
{
	return resp->status >= 200 && resp->status < 300;
}

static int
take_into(struct http_call *c, const char *data, size_t len)
{
	if (len > c->req->into_size - c->resp.into_len)
		return err_set(&c->refused, ERR_CORRUPT,
		    "the answer is over %zu bytes", c->req->into_size);
	memcpy(c->req->into + c->resp.into_len, data, len);
	c->resp.into_len += len;
	return 0;
}

size_t
http_call_on_body(char *data, size_t size, size_t n, void *arg)
{
	struct http_call *c = arg;
	size_t len = size * n;

	moved(c);
	if (c->req->into != NULL && is_success(&c->resp))
		return take_into(c, data, len) == 0 ? len : 0;
	buf_add(&c->resp.body, data, len);
	if (buf_check(&c->resp.body, "the answer", &c->refused) != 0)
		return 0;
	return len;
}

/* "HTTP/1.1 200 OK": what an earlier 1xx head said is over. */
static int
take_status(struct http_call *c, const char *line)
{
	int status;

	http_headers_release(&c->resp.headers);
	if (sscanf(line, "HTTP/%*d.%*d %3d", &status) != 1)
		return err_set(
		    &c->refused, ERR_CORRUPT, "the answer has no status line");
	c->resp.status = status;
	return 0;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static char *
copy_trimmed(const char *from, const char *to)
{
	char *s;

	while (from < to && is_blank(*from))
		from++;
	while (
	    from < to && (is_blank(to[-1]) || to[-1] == '\r' || to[-1] == '\n'))
		to--;
	s = xmalloc((size_t)(to - from) + 1);
	memcpy(s, from, (size_t)(to - from));
	s[to - from] = '\0';
	return s;
}

static int
take_field(struct http_call *c, const char *line, size_t len)
{
	const char *colon = memchr(line, ':', len);

	if (colon == NULL || colon == line || memchr(line, '\0', len) != NULL)
		return err_set(&c->refused, ERR_CORRUPT,
		    "the answer has a header line that is none");
	if (c->resp.headers.n == HTTP_HEADERS_MAX)
		return err_set(&c->refused, ERR_CORRUPT,
		    "the answer has over %d headers", HTTP_HEADERS_MAX);
	http_headers_take(&c->resp.headers, copy_trimmed(line, colon),
	    copy_trimmed(colon + 1, line + len));
	return 0;
}

static int
take_line(struct http_call *c, const char *line, size_t len)
{
	c->header_bytes += len;
	if (c->header_bytes > HTTP_HEADER_BYTES_MAX)
		return err_set(&c->refused, ERR_CORRUPT,
		    "the answer's headers are over %zu bytes",
		    HTTP_HEADER_BYTES_MAX);
	if (len >= 5 && memcmp(line, "HTTP/", 5) == 0)
		return take_status(c, line);
	if (line[0] == '\r' || line[0] == '\n')
		return 0;
	return take_field(c, line, len);
}

size_t
http_call_on_header(char *line, size_t size, size_t n, void *arg)
{
	struct http_call *c = arg;
	size_t len = size * n;

	moved(c);
	return len == 0 || take_line(c, line, len) == 0 ? len : 0;
}
