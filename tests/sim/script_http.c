#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/xalloc.h"

#include "tests/sim/script_http.h"

#define MESSAGE_MAX ((size_t)256 << 20)

/* "PUT /x HTTP/1.1\r\n" */
static int
parse_line(struct script_request *req)
{
	const char *target = strchr(req->head, ' ');
	const char *version = target != NULL ? strchr(target + 1, ' ') : NULL;

	if (version == NULL || strncmp(version, " HTTP/1.1\r\n", 11) != 0)
		return -1;
	req->method = strndup(req->head, (size_t)(target - req->head));
	req->target = strndup(target + 1, (size_t)(version - target - 1));
	return 0;
}

char *
script_http_header(const struct script_request *req, const char *name)
{
	size_t len = strlen(name);
	const char *line = req->head;

	while ((line = strstr(line, "\r\n")) != NULL) {
		line += 2;
		if (strncasecmp(line, name, len) != 0 || line[len] != ':')
			continue;
		line += len + 1;
		line += strspn(line, " \t");
		return strndup(line, strcspn(line, "\r"));
	}
	return NULL;
}

static size_t
body_length(const struct script_request *req)
{
	char *text = script_http_header(req, "Content-Length");
	size_t len = text != NULL ? strtoull(text, NULL, 10) : 0;

	free(text);
	return len;
}

int
script_http_read(struct script_conn *c, struct script_request *req)
{
	struct buf all;
	size_t head_len;
	char *chunked;
	int rc = -1;

	*req = (struct script_request){0};
	buf_init(&all, MESSAGE_MAX);
	if (script_read_until(c, &all, "\r\n\r\n") != 0)
		goto out;
	head_len = all.len - 2;
	req->head = strndup(all.data, head_len);
	chunked = script_http_header(req, "Transfer-Encoding");
	free(chunked);
	if (chunked != NULL || parse_line(req) != 0) {
		script_fail(c, "not a plain request: '%.80s'", req->head);
		goto out;
	}
	req->body_len = body_length(req);
	if (script_read(c, &all, req->body_len) != 0)
		goto out;
	script_record(c, all.data, all.len);
	req->body = xmalloc(req->body_len + 1);
	memcpy(req->body, all.data + head_len + 2, req->body_len);
	req->body[req->body_len] = '\0';
	rc = 0;
out:
	buf_release(&all);
	return rc;
}

void
script_http_release(struct script_request *req)
{
	free(req->method);
	free(req->target);
	free(req->head);
	free(req->body);
	*req = (struct script_request){0};
}

int
script_http_answer(struct script_conn *c, int status, const char *headers,
    const void *body, size_t len)
{
	if (headers == NULL)
		headers = "";
	if (script_sendf(c, "HTTP/1.1 %d Scripted\r\n%s", status, headers) != 0)
		return -1;
	if (strcasestr(headers, "Content-Length:") == NULL &&
	    script_sendf(c, "Content-Length: %zu\r\n", len) != 0)
		return -1;
	if (script_sends(c, "\r\n") != 0)
		return -1;
	return script_send(c, body, len);
}

void
script_http_serve(struct script_conn *c, void *arg)
{
	const struct script_http_reply *reply = arg;
	const char *body = reply->body != NULL ? reply->body : "";
	struct script_request req;

	while (script_http_read(c, &req) == 0) {
		size_t len = strcmp(req.method, "HEAD") == 0 ? 0 : strlen(body);

		script_http_release(&req);
		if (script_http_answer(
			c, reply->status, reply->headers, body, len) != 0)
			return;
	}
	script_http_release(&req);
}
