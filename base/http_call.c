#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/chunk.h"
#include "base/url.h"
#include "base/xalloc.h"

#include "base/http_call.h"

#define RESPONSE_MAX ((size_t)1 << 20)

/* What libcurl reads and sends at once; its default of 16 KiB costs CPU. */
#define IO_SIZE (128L << 10)

/* And what is enough where little is expected: the buffer is made anew for
 * each transfer. */
#define IO_SIZE_SMALL (16L << 10)

/* All of them together: what a service takes is less. */
#define LINES_MAX (4 * HTTP_HEADER_BYTES_MAX)

/* Of the URL in a message: room must be left for what went wrong. */
#define URL_SHOWN_MAX 240

static int64_t
now_ms(void)
{
	return clock_system.mono_ms(&clock_system);
}

static curl_off_t
body_size(const struct http_request *req)
{
	curl_off_t size = 0;

	for (size_t i = 0; i < req->nbody; i++)
		size += (curl_off_t)req->body[i]->len;
	return size;
}

/* libcurl 7.88 leaves its sockets open across exec; ours belong to nobody
 * else. */
static curl_socket_t
on_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *addr)
{
	(void)arg;
	(void)purpose;
	return socket(
	    addr->family, addr->socktype | SOCK_CLOEXEC, addr->protocol);
}

/* A line end in a header would let its value add headers of its own. */
static int
check_field(const struct http_header *h, struct err *err)
{
	if (h->name[0] == '\0' || strpbrk(h->name, "\r\n: ") != NULL ||
	    strpbrk(h->value, "\r\n") != NULL)
		return err_set(
		    err, ERR_USAGE, "header '%.60s' cannot be sent", h->name);
	return 0;
}

/*
 * The lines that libcurl adds to a request, one after the other.  "Name;" is
 * how it is told to send an empty value, and "Name:" takes out what it would
 * add by itself.
 */
static int
write_lines(struct http_call *c, struct err *err)
{
	const struct http_headers *headers = &c->req->headers;

	buf_truncate(&c->lines, 0);
	buf_add(&c->lines, "Expect:", sizeof("Expect:"));
	if (http_headers_get(headers, "Content-Type") == NULL)
		buf_add(&c->lines, "Content-Type:", sizeof("Content-Type:"));
	for (size_t i = 0; i < headers->n; i++) {
		const struct http_header *h = &headers->list[i];

		if (check_field(h, err) != 0)
			return -1;
		buf_adds(&c->lines, h->name);
		if (h->value[strspn(h->value, " \t")] == '\0') {
			buf_addc(&c->lines, ';');
		} else {
			buf_add(&c->lines, ": ", 2);
			buf_adds(&c->lines, h->value);
		}
		buf_addc(&c->lines, '\0');
	}
	return buf_check(&c->lines, "the request's header", err);
}

static int
set_fields(struct http_call *c, struct err *err)
{
	size_t most = c->req->headers.n + 2, n = 0;

	if (write_lines(c, err) != 0)
		return -1;
	if (c->fields_alloc < most) {
		c->fields = xreallocarray(c->fields, most, sizeof(*c->fields));
		c->fields_alloc = most;
	}
	for (size_t at = 0; at < c->lines.len; n++) {
		c->fields[n].data = c->lines.data + at;
		c->fields[n].next = &c->fields[n + 1];
		at += strlen(c->lines.data + at) + 1;
	}
	c->fields[n - 1].next = NULL;
	return 0;
}

/* Returns at the first option that this libcurl refuses. */
#define SET(option, value) \
	do { \
		CURLcode rc_ = curl_easy_setopt(c->easy, option, value); \
		if (rc_ != CURLE_OK) \
			return rc_; \
	} while (0)

static CURLcode
set_method(struct http_call *c)
{
	const struct http_request *req = c->req;
	curl_off_t size = body_size(req);
	bool sends = req->nbody > 0 || strcmp(req->method, "PUT") == 0 ||
	    strcmp(req->method, "POST") == 0 ||
	    strcmp(req->method, "PATCH") == 0;

	/* Takes back what the request before was. */
	SET(CURLOPT_HTTPGET, 1L);
	SET(CURLOPT_CUSTOMREQUEST, NULL);
	if (strcmp(req->method, "HEAD") == 0) {
		SET(CURLOPT_NOBODY, 1L);
		return CURLE_OK;
	}
	/*
	 * All that have a body go by libcurl's way of a PUT: it sends
	 * Content-Length, 0 too, and makes up no Content-Type.
	 */
	if (sends) {
		SET(CURLOPT_UPLOAD, 1L);
		SET(CURLOPT_INFILESIZE_LARGE, size);
		SET(CURLOPT_UPLOAD_BUFFERSIZE,
		    size > IO_SIZE_SMALL ? IO_SIZE : IO_SIZE_SMALL);
	}
	SET(CURLOPT_CUSTOMREQUEST, req->method);
	return CURLE_OK;
}

static int
on_connected(
    void *arg, char *remote_ip, char *local_ip, int remote_port, int local_port)
{
	struct http_call *c = arg;

	(void)remote_ip;
	(void)local_ip;
	(void)remote_port;
	(void)local_port;
	c->connected = true;
	return CURL_PREREQFUNC_OK;
}

/* What holds for every request. */
static CURLcode
set_up(struct http_call *c, const struct http_opts *opts)
{
	SET(CURLOPT_PRIVATE, c);
	SET(CURLOPT_ERRORBUFFER, c->curl_says);
	SET(CURLOPT_PROTOCOLS_STR, "http,https");
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (opts->ca_file != NULL)
		SET(CURLOPT_CAINFO, opts->ca_file);
	/* Blob names may hold "/../", and what was signed must be sent. */
	SET(CURLOPT_PATH_AS_IS, 1L);
	SET(CURLOPT_USERAGENT, "drsync/" DRSYNC_VERSION);
	SET(CURLOPT_READFUNCTION, http_call_on_read);
	SET(CURLOPT_READDATA, c);
	SET(CURLOPT_SEEKFUNCTION, http_call_on_seek);
	SET(CURLOPT_SEEKDATA, c);
	SET(CURLOPT_HEADERFUNCTION, http_call_on_header);
	SET(CURLOPT_HEADERDATA, c);
	SET(CURLOPT_WRITEFUNCTION, http_call_on_body);
	SET(CURLOPT_WRITEDATA, c);
	SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	SET(CURLOPT_OPENSOCKETFUNCTION, on_socket);
	SET(CURLOPT_PREREQFUNCTION, on_connected);
	SET(CURLOPT_PREREQDATA, c);
	/* Minutes of silence while the service copies: some middleboxes forget
	 * a connection sooner. */
	SET(CURLOPT_TCP_KEEPALIVE, 1L);
	SET(CURLOPT_NOSIGNAL, 1L);
	/* Do not make the whole engine wait for the resolver's thread of a
	 * request that ended. */
	SET(CURLOPT_QUICK_EXIT, 1L);
	return CURLE_OK;
}

static bool
expects_much(const struct http_request *req)
{
	return req->into_size > IO_SIZE_SMALL ||
	    req->response_max > RESPONSE_MAX;
}

/* What may be another for each request, so all of it is set each time. */
static CURLcode
set_request(struct http_call *c, const struct http_opts *opts)
{
	const struct http_request *req = c->req;

	SET(CURLOPT_URL, req->url);
	SET(CURLOPT_HTTPHEADER, c->fields);
	SET(CURLOPT_BUFFERSIZE, expects_much(req) ? IO_SIZE : IO_SIZE_SMALL);
	SET(CURLOPT_CONNECTTIMEOUT_MS,
	    (long)(req->connect_timeout_ms > 0 ? req->connect_timeout_ms
					       : opts->connect_timeout_ms));
	SET(CURLOPT_NOPROXY, req->no_proxy ? "*" : NULL);
	SET(CURLOPT_FRESH_CONNECT, req->fresh_connection ? 1L : 0L);
	return set_method(c);
}
#undef SET

static int
check_url(const char *url, struct err *err)
{
	if (strncasecmp(url, "http://", 7) != 0 &&
	    strncasecmp(url, "https://", 8) != 0)
		return err_set(err, ERR_USAGE, "not an http or https URL");
	return 0;
}

static int
curl_err(CURLcode rc, struct err *err)
{
	return err_set(err, ERR_SYSTEM, "libcurl: %s", curl_easy_strerror(rc));
}

struct http_call *
http_call_new(const struct http_opts *opts, struct err *err)
{
	struct http_call *c = xcalloc(1, sizeof(*c));
	CURLcode rc;

	buf_init(&c->lines, LINES_MAX);
	c->easy = curl_easy_init();
	rc = c->easy != NULL ? set_up(c, opts) : CURLE_FAILED_INIT;
	if (rc == CURLE_OK)
		return c;
	http_call_free(c);
	curl_err(rc, err);
	return NULL;
}

static void
start_anew(struct http_call *c)
{
	http_response_release(&c->resp);
	*c = (struct http_call){
	    .easy = c->easy,
	    .lines = c->lines,
	    .fields = c->fields,
	    .fields_alloc = c->fields_alloc,
	};
}

int
http_call_begin(struct http_call *c, const struct http_opts *opts,
    const struct scope *scope, struct http_request *req, struct err *err)
{
	int64_t left_ms = scope_left_ms(scope);
	CURLcode rc;

	start_anew(c);
	c->scope = scope;
	c->req = req;
	c->begun_ms = scope_mono_ms(scope);
	c->end_ms = left_ms == INT64_MAX ? INT64_MAX : now_ms() + left_ms;
	buf_init(&c->resp.body,
	    req->response_max > 0 ? req->response_max : RESPONSE_MAX);
	if (check_url(req->url, err) != 0 || set_fields(c, err) != 0)
		return http_call_blame(req, err);
	rc = set_request(c, opts);
	if (rc != CURLE_OK) {
		curl_err(rc, err);
		return http_call_blame(req, err);
	}
	return 0;
}

void
http_call_free(struct http_call *c)
{
	if (c == NULL)
		return;
	curl_easy_cleanup(c->easy);
	free(c->fields);
	buf_release(&c->lines);
	http_response_release(&c->resp);
	free(c);
}

void
http_call_start(struct http_call *c)
{
	c->running = true;
	c->moved_ms = now_ms();
}

int
http_call_check(const struct http_call *c, int64_t stall_timeout_ms,
    int64_t *again_ms, struct err *err)
{
	int64_t now = now_ms();
	int64_t stalled_ms;

	if (scope_check(c->scope, err) != 0)
		return -1;
	if (now >= c->end_ms)
		return err_set(err, ERR_UNREACHABLE, "timed out");
	*again_ms = c->end_ms;
	if (!c->running)
		return 0;
	stalled_ms = c->moved_ms + stall_timeout_ms;
	if (now >= stalled_ms)
		return err_set(err, ERR_TRANSIENT,
		    "stalled: no byte either way for %" PRId64 " ms",
		    now - c->moved_ms);
	if (stalled_ms < *again_ms)
		*again_ms = stalled_ms;
	return 0;
}

int
http_call_blame(const struct http_request *req, struct err *err)
{
	struct buf url;

	buf_init(&url, URL_MAX);
	url_show(&url, req->url);
	err_in(err, "%s '%.*s%s'", req->method, URL_SHOWN_MAX, url.data,
	    url.len > URL_SHOWN_MAX ? "..." : "");
	buf_release(&url);
	return -1;
}

void
http_calls_append(struct http_calls *l, struct http_call *c)
{
	c->prev = l->last;
	c->next = NULL;
	if (l->last != NULL)
		l->last->next = c;
	else
		l->first = c;
	l->last = c;
}

void
http_calls_drop(struct http_calls *l, struct http_call *c)
{
	if (c->prev != NULL)
		c->prev->next = c->next;
	else
		l->first = c->next;
	if (c->next != NULL)
		c->next->prev = c->prev;
	else
		l->last = c->prev;
}
