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

static void
add_field(struct http_call *c, const char *line)
{
	struct curl_slist *list = curl_slist_append(c->fields, line);

	if (list == NULL) {
		fputs("out of memory\n", stderr);
		_Exit(1);
	}
	c->fields = list;
}

static int
add_fields(struct http_call *c, struct err *err)
{
	struct buf line;

	/* A name without a value takes out what libcurl would add. */
	add_field(c, "Expect:");
	if (http_headers_get(&c->req->headers, "Content-Type") == NULL)
		add_field(c, "Content-Type:");

	buf_init(&line, HTTP_HEADER_BYTES_MAX);
	for (size_t i = 0; i < c->req->headers.n; i++) {
		const struct http_header *h = &c->req->headers.list[i];

		buf_truncate(&line, 0);
		if (check_field(h, err) != 0)
			goto fail;
		buf_adds(&line, h->name);
		/* "Name;" is how libcurl is told to send an empty value. */
		if (h->value[strspn(h->value, " \t")] == '\0') {
			buf_addc(&line, ';');
		} else {
			buf_adds(&line, ": ");
			buf_adds(&line, h->value);
		}
		if (buf_check(&line, "a header", err) != 0)
			goto fail;
		add_field(c, line.data);
	}
	buf_release(&line);
	return 0;

fail:
	buf_release(&line);
	return -1;
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
	bool sends = req->nbody > 0 || strcmp(req->method, "PUT") == 0 ||
	    strcmp(req->method, "POST") == 0 ||
	    strcmp(req->method, "PATCH") == 0;

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
		SET(CURLOPT_INFILESIZE_LARGE, body_size(req));
		SET(CURLOPT_READFUNCTION, http_call_on_read);
		SET(CURLOPT_READDATA, c);
		SET(CURLOPT_SEEKFUNCTION, http_call_on_seek);
		SET(CURLOPT_SEEKDATA, c);
		SET(CURLOPT_UPLOAD_BUFFERSIZE, IO_SIZE);
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

static CURLcode
set_transport(struct http_call *c, const struct http_opts *opts)
{
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (opts->ca_file != NULL)
		SET(CURLOPT_CAINFO, opts->ca_file);
	SET(CURLOPT_CONNECTTIMEOUT_MS,
	    (long)(c->req->connect_timeout_ms > 0 ? c->req->connect_timeout_ms
						  : opts->connect_timeout_ms));
	if (c->req->no_proxy)
		SET(CURLOPT_NOPROXY, "*");
	SET(CURLOPT_FRESH_CONNECT, c->req->fresh_connection ? 1L : 0L);
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

static CURLcode
set_options(struct http_call *c, const struct http_opts *opts)
{
	CURLcode rc;

	SET(CURLOPT_PRIVATE, c);
	SET(CURLOPT_ERRORBUFFER, c->curl_says);
	SET(CURLOPT_PROTOCOLS_STR, "http,https");
	/* Blob names may hold "/../", and what was signed must be sent. */
	SET(CURLOPT_PATH_AS_IS, 1L);
	SET(CURLOPT_URL, c->req->url);
	SET(CURLOPT_USERAGENT, "drsync/" DRSYNC_VERSION);
	SET(CURLOPT_HTTPHEADER, c->fields);
	SET(CURLOPT_HEADERFUNCTION, http_call_on_header);
	SET(CURLOPT_HEADERDATA, c);
	SET(CURLOPT_WRITEFUNCTION, http_call_on_body);
	SET(CURLOPT_WRITEDATA, c);
	SET(CURLOPT_BUFFERSIZE, IO_SIZE);
	rc = set_transport(c, opts);
	return rc == CURLE_OK ? set_method(c) : rc;
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

struct http_call *
http_call_new(const struct http_opts *opts, const struct scope *scope,
    struct http_request *req, struct err *err)
{
	struct http_call *c = xcalloc(1, sizeof(*c));
	int64_t left_ms = scope_left_ms(scope);
	CURLcode rc;

	c->scope = scope;
	c->req = req;
	c->begun_ms = scope_mono_ms(scope);
	c->end_ms = left_ms == INT64_MAX ? INT64_MAX : now_ms() + left_ms;
	buf_init(&c->resp.body,
	    req->response_max > 0 ? req->response_max : RESPONSE_MAX);
	if (check_url(req->url, err) != 0 || add_fields(c, err) != 0)
		goto fail;

	c->easy = curl_easy_init();
	rc = c->easy != NULL ? set_options(c, opts) : CURLE_FAILED_INIT;
	if (rc != CURLE_OK) {
		err_set(err, ERR_SYSTEM, "libcurl: %s", curl_easy_strerror(rc));
		goto fail;
	}
	return c;

fail:
	http_call_blame(req, err);
	http_call_free(c);
	return NULL;
}

void
http_call_free(struct http_call *c)
{
	if (c == NULL)
		return;
	curl_easy_cleanup(c->easy);
	curl_slist_free_all(c->fields);
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
