/*
 * A Blob storage that answers at once and keeps next to nothing, so that what
 * is measured against it is the client.
 *
 *	bench_null_store
 *
 * It prints its port, and serves until its standard input ends.  Containers
 * need not be made: their names say what is in them, cCOUNT-SIZE-full or
 * cCOUNT-SIZE-NAME: blobs "blob-000000000" and so on, of SIZE bytes, all with
 * the same MD5, all of them there, or those that were written since.  Listings
 * are as Azure's, some 750 bytes a blob.  Who writes is told that all was
 * done; nobody is asked who he is.  Leases are given to everybody.
 *
 * GET /stats tells requests by kind, the most connections that there were at
 * once, and the bytes of bodies that came.  One thread: give it a core.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/xalloc.h"

#define HEAD_MAX   65536
#define EVENTS	   256
#define PAGE	   5000
#define ITEM_MAX   1100
#define CONTAINERS 16
#define NAME_SIZE  64
#define READ_MAX   ((uint64_t)1 << 20) /* larger ones cannot be read */

#define WHEN "Sat, 21 Nov 2026 06:27:49 GMT"
#define COMMON \
	"x-ms-request-id: 5f1cd9a2-0001-0042-1b2c-3d4e5f000000\r\n" \
	"x-ms-version: 2025-11-05\r\nDate: " WHEN "\r\n"

struct container {
	char name[NAME_SIZE];
	uint64_t count, size;
	char md5[32];	      /* base64 */
	unsigned char *there; /* NULL: all of them are */
};

struct conn {
	int fd;
	char *in;
	size_t in_len;
	uint64_t skip; /* of a body */
	char *out;
	size_t out_len, out_off, out_size;
};

struct server {
	int epoll, listener;
	struct container containers[CONTAINERS];
	size_t ncontainers;
	uint64_t puts, blocks, lists, heads, reads, others, body_bytes;
	uint64_t connections, most_connections;
};

struct request {
	const char *method, *path, *query;
	uint64_t length;
	bool is_copy; /* x-ms-copy-source without a block or a blob type */
	bool has_source;
};

static void
reserve(struct conn *c, size_t more)
{
	if (c->out_len + more <= c->out_size)
		return;
	c->out_size = 2 * (c->out_len + more);
	c->out = realloc(c->out, c->out_size);
	if (c->out == NULL)
		abort();
}

static void
answer(struct conn *c, const char *status, const char *headers,
    const char *body, size_t len)
{
	reserve(c, len + strlen(headers) + 512);
	c->out_len += (size_t)sprintf(c->out + c->out_len,
	    "HTTP/1.1 %s\r\nContent-Length: %zu\r\n" COMMON "%s\r\n", status,
	    len, headers);
	memcpy(c->out + c->out_len, body, len);
	c->out_len += len;
}

/* Of zeros; of one that cannot be read, any. */
static void
set_md5(struct container *c)
{
	size_t len = c->size <= READ_MAX ? (size_t)c->size : 0;
	unsigned char *zeros = xcalloc(len + 1, 1), sum[MD5_BYTES];
	struct buf text;

	md5(zeros, len, sum);
	free(zeros);
	buf_init(&text, sizeof(c->md5) - 1);
	base64_encode(&text, sum, sizeof(sum));
	memcpy(c->md5, text.data, text.len + 1);
	buf_release(&text);
}

static struct container *
container_of(struct server *s, const char *name, size_t len)
{
	struct container *c;
	char *end;

	for (size_t i = 0; i < s->ncontainers; i++)
		if (strlen(s->containers[i].name) == len &&
		    memcmp(s->containers[i].name, name, len) == 0)
			return &s->containers[i];
	if (s->ncontainers == CONTAINERS || len >= NAME_SIZE || name[0] != 'c')
		return NULL;
	c = &s->containers[s->ncontainers];
	*c = (struct container){0};
	memcpy(c->name, name, len);
	c->count = strtoull(c->name + 1, &end, 10);
	if (*end != '-')
		return NULL;
	c->size = strtoull(end + 1, &end, 10);
	if (strcmp(end, "-full") != 0)
		c->there = xcalloc(c->count / 8 + 1, 1);
	set_md5(c);
	s->ncontainers++;
	return c;
}

static bool
is_there(const struct container *c, uint64_t i)
{
	return i < c->count &&
	    (c->there == NULL || (c->there[i / 8] >> (i % 8) & 1) != 0);
}

/* UINT64_MAX: it is none of ours. */
static uint64_t
index_of(const char *blob)
{
	return strncmp(blob, "blob-", 5) == 0 ? strtoull(blob + 5, NULL, 10)
					      : UINT64_MAX;
}

static uint64_t
query_number(const char *query, const char *name, uint64_t otherwise)
{
	const char *at = strstr(query, name);

	return at != NULL ? strtoull(at + strlen(name), NULL, 10) : otherwise;
}

static size_t
format_item(char *out, const struct container *c, uint64_t i)
{
	return (size_t)sprintf(out,
	    "<Blob><Name>blob-%09" PRIu64 "</Name><Properties>"
	    "<Creation-Time>" WHEN "</Creation-Time><Last-Modified>" WHEN
	    "</Last-Modified><Etag>0x8DE28F1C3A5%05" PRIX64 "</Etag>"
	    "<Content-Length>%" PRIu64 "</Content-Length>"
	    "<Content-Type>application/octet-stream</Content-Type>"
	    "<Content-Encoding /><Content-Language /><Content-CRC64 />"
	    "<Content-MD5>%s</Content-MD5><Cache-Control />"
	    "<Content-Disposition /><BlobType>BlockBlob</BlobType>"
	    "<AccessTier>Hot</AccessTier>"
	    "<AccessTierInferred>true</AccessTierInferred>"
	    "<LeaseStatus>unlocked</LeaseStatus>"
	    "<LeaseState>available</LeaseState>"
	    "<ServerEncrypted>true</ServerEncrypted></Properties><Metadata />"
	    "<OrMetadata /></Blob>",
	    i, i & 0xfffff, c->size, c->md5);
}

static void
list(struct conn *conn, const struct container *c, const char *query)
{
	uint64_t i = query_number(query, "marker=", 0);
	uint64_t most = query_number(query, "maxresults=", PAGE);
	char *body, *p;

	if (most > PAGE)
		most = PAGE;
	p = body = xmalloc(most * ITEM_MAX + 1024);
	p += sprintf(p,
	    "\xef\xbb\xbf<?xml version=\"1.0\" encoding=\"utf-8\"?>"
	    "<EnumerationResults ServiceEndpoint=\"http://127.0.0.1/\" "
	    "ContainerName=\"%s\"><MaxResults>%" PRIu64 "</MaxResults><Blobs>",
	    c->name, most);
	for (; most > 0 && i < c->count; i++) {
		if (!is_there(c, i))
			continue;
		p += format_item(p, c, i);
		most--;
	}
	p += sprintf(p, "</Blobs><NextMarker>");
	if (i < c->count)
		p += sprintf(p, "%" PRIu64, i);
	p += sprintf(p, "</NextMarker></EnumerationResults>");
	answer(conn, "200 OK", "Content-Type: application/xml\r\n", body,
	    (size_t)(p - body));
	free(body);
}

static void
refuse(struct conn *c)
{
	answer(c, "404 The specified blob does not exist.",
	    "x-ms-error-code: BlobNotFound\r\n", "", 0);
}

/* Of a HEAD the length is the blob's, and there is no body. */
static void
tell_props(struct conn *conn, const struct container *c, uint64_t i)
{
	if (!is_there(c, i)) {
		refuse(conn);
		return;
	}
	reserve(conn, 1024);
	conn->out_len += (size_t)sprintf(conn->out + conn->out_len,
	    "HTTP/1.1 200 OK\r\nContent-Length: %" PRIu64 "\r\n" COMMON
	    "Last-Modified: " WHEN "\r\nETag: \"0x8DE28F1C3A5%05" PRIX64
	    "\"\r\nContent-Type: application/octet-stream\r\n"
	    "Content-MD5: %s\r\nx-ms-blob-type: BlockBlob\r\n"
	    "x-ms-copy-id: 1\r\nx-ms-copy-status: success\r\n\r\n",
	    c->size, i & 0xfffff, c->md5);
}

static void
put(struct server *s, struct conn *conn, struct container *c, uint64_t i,
    const struct request *r)
{
	bool is_block = strstr(r->query, "comp=block&") != NULL;
	char headers[512], sum[64];

	snprintf(sum, sizeof(sum), "Content-MD5: %s\r\n", c->md5);
	if (is_block) {
		s->blocks++;
		answer(conn, "201 Created", r->has_source ? "" : sum, "", 0);
		return;
	}
	s->puts++;
	if (i < c->count && c->there != NULL)
		c->there[i / 8] |= (unsigned char)(1 << (i % 8));
	snprintf(headers, sizeof(headers),
	    "ETag: \"0x8DE28F1C3A5%05" PRIX64 "\"\r\nLast-Modified: " WHEN
	    "\r\n%s",
	    i & 0xfffff,
	    r->is_copy ? "x-ms-copy-id: 1\r\nx-ms-copy-status: success\r\n"
		       : sum);
	answer(
	    conn, r->is_copy ? "202 Accepted" : "201 Created", headers, "", 0);
}

/* The whole of it, whatever range was asked for. */
static void
read_blob(
    struct server *s, struct conn *conn, const struct container *c, uint64_t i)
{
	s->reads++;
	if (!is_there(c, i) || c->size > READ_MAX) {
		refuse(conn);
		return;
	}
	tell_props(conn, c, i);
	reserve(conn, (size_t)c->size);
	memset(conn->out + conn->out_len, 0, (size_t)c->size);
	conn->out_len += (size_t)c->size;
}

static void
tell_stats(const struct server *s, struct conn *c)
{
	char body[400];
	int n = snprintf(body, sizeof(body),
	    "puts %" PRIu64 "\nblocks %" PRIu64 "\nlists %" PRIu64
	    "\nheads %" PRIu64 "\nreads %" PRIu64 "\nothers %" PRIu64
	    "\nbody_bytes %" PRIu64 "\nmost_connections %" PRIu64 "\n",
	    s->puts, s->blocks, s->lists, s->heads, s->reads, s->others,
	    s->body_bytes, s->most_connections);

	answer(c, "200 OK", "", body, (size_t)n);
}

static void
on_blob(struct server *s, struct conn *conn, struct container *c,
    const char *blob, const struct request *r)
{
	if (strstr(r->query, "comp=lease") != NULL) {
		s->others++;
		answer(conn, "201 Created", "x-ms-lease-id: 1\r\n", "", 0);
	} else if (strcmp(r->method, "PUT") == 0) {
		put(s, conn, c, index_of(blob), r);
	} else if (strcmp(r->method, "HEAD") == 0) {
		s->heads++;
		tell_props(conn, c, index_of(blob));
	} else {
		read_blob(s, conn, c, index_of(blob));
	}
}

/* /ACCOUNT/CONTAINER[/BLOB] */
static void
serve(struct server *s, struct conn *conn, const struct request *r)
{
	const char *name = strchr(r->path + 1, '/');
	struct container *c;
	size_t len;

	if (strcmp(r->path, "/stats") == 0) {
		tell_stats(s, conn);
		return;
	}
	name = name != NULL ? name + 1 : "";
	len = strcspn(name, "/");
	c = container_of(s, name, len);
	if (c == NULL) {
		answer(conn, "404 Not Found",
		    "x-ms-error-code: ContainerNotFound\r\n", "", 0);
	} else if (name[len] == '/' && name[len + 1] != '\0') {
		on_blob(s, conn, c, name + len + 1, r);
	} else if (strstr(r->query, "comp=list") != NULL) {
		s->lists++;
		list(conn, c, r->query);
	} else {
		s->others++;
		answer(conn, "200 OK", "ETag: \"0x1\"\r\n", "", 0);
	}
}

static void
take_header(struct request *r, const char *line, bool *is_typed)
{
	if (strncasecmp(line, "content-length:", 15) == 0)
		r->length = strtoull(line + 15, NULL, 10);
	else if (strncasecmp(line, "x-ms-copy-source:", 17) == 0)
		r->has_source = true;
	else if (strncasecmp(line, "x-ms-blob-type:", 15) == 0)
		*is_typed = true;
}

/* Cuts the head in place; its end is where "\r\n\r\n" began. */
static bool
parse(char *head, struct request *r)
{
	char *line = strstr(head, "\r\n"), *path, *next;
	bool is_typed = false;

	if (line == NULL || (path = strchr(head, ' ')) == NULL)
		return false;
	*path++ = '\0';
	path[strcspn(path, " ")] = '\0';
	*r = (struct request){.method = head, .path = path, .query = ""};
	if ((next = strchr(path, '?')) != NULL) {
		*next = '\0';
		r->query = next + 1;
	}
	for (line += 2; line != NULL && *line != '\0'; line = next) {
		next = strstr(line, "\r\n");
		if (next != NULL) {
			*next = '\0';
			next += 2;
		}
		take_header(r, line, &is_typed);
	}
	r->is_copy = r->has_source && !is_typed;
	return true;
}

/* False when the connection is to end. */
static bool
take_input(struct server *s, struct conn *c)
{
	while (c->in_len > 0) {
		size_t n = c->in_len;
		struct request r;
		char *end;

		if (c->skip > 0) {
			n = c->skip < n ? (size_t)c->skip : n;
			c->skip -= n;
			s->body_bytes += n;
		} else {
			c->in[c->in_len] = '\0';
			end = strstr(c->in, "\r\n\r\n");
			if (end == NULL)
				return c->in_len < HEAD_MAX;
			*end = '\0';
			n = (size_t)(end - c->in) + 4;
			if (!parse(c->in, &r))
				return false;
			c->skip = r.length;
			serve(s, c, &r);
		}
		memmove(c->in, c->in + n, c->in_len - n);
		c->in_len -= n;
	}
	return true;
}

static bool
flush(struct server *s, struct conn *c)
{
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};

	while (c->out_off < c->out_len) {
		ssize_t n = write(
		    c->fd, c->out + c->out_off, c->out_len - c->out_off);

		if (n < 0 && errno != EAGAIN)
			return false;
		if (n < 0) {
			e.events |= EPOLLOUT;
			break;
		}
		c->out_off += (size_t)n;
	}
	if (c->out_off == c->out_len)
		c->out_off = c->out_len = 0;
	else
		epoll_ctl(s->epoll, EPOLL_CTL_MOD, c->fd, &e);
	return true;
}

static bool
on_ready(struct server *s, struct conn *c)
{
	ssize_t n;

	if (c->out_len > 0) {
		struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};

		epoll_ctl(s->epoll, EPOLL_CTL_MOD, c->fd, &e);
		return flush(s, c);
	}
	n = read(c->fd, c->in + c->in_len, HEAD_MAX - c->in_len);
	if (n < 0 && errno == EAGAIN)
		return true;
	if (n <= 0)
		return false;
	c->in_len += (size_t)n;
	return take_input(s, c) && flush(s, c);
}

static void
take_connection(struct server *s)
{
	int fd = accept4(s->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct conn *c;
	struct epoll_event e = {.events = EPOLLIN};
	int one = 1;

	if (fd < 0)
		return;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (++s->connections > s->most_connections)
		s->most_connections = s->connections;
	c = xcalloc(1, sizeof(*c));
	c->fd = fd;
	c->in = xmalloc(HEAD_MAX + 1);
	e.data.ptr = c;
	epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &e);
}

static void
drop(struct server *s, struct conn *c)
{
	s->connections--;
	close(c->fd);
	free(c->in);
	free(c->out);
	free(c);
}

static void
run(struct server *s, struct conn *input)
{
	struct epoll_event events[EVENTS];
	char byte;

	for (;;) {
		int n = epoll_wait(s->epoll, events, EVENTS, -1);

		for (int i = 0; i < n; i++) {
			struct conn *c = events[i].data.ptr;

			if (c == NULL)
				take_connection(s);
			else if (c == input) {
				if (read(input->fd, &byte, 1) <= 0)
					return;
			} else if (!on_ready(s, c))
				drop(s, c);
		}
	}
}

int
main(void)
{
	struct sockaddr_in a = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct conn input = {.fd = STDIN_FILENO};
	struct epoll_event e = {.events = EPOLLIN};
	struct server s = {0};
	socklen_t len = sizeof(a);

	s.listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	s.epoll = epoll_create1(0);
	if (bind(s.listener, (struct sockaddr *)&a, sizeof(a)) != 0 ||
	    listen(s.listener, 1024) != 0 ||
	    getsockname(s.listener, (struct sockaddr *)&a, &len) != 0 ||
	    epoll_ctl(s.epoll, EPOLL_CTL_ADD, s.listener, &e) != 0) {
		perror("bench_null_store");
		return 1;
	}
	e.data.ptr = &input;
	if (epoll_ctl(s.epoll, EPOLL_CTL_ADD, STDIN_FILENO, &e) != 0) {
		perror("bench_null_store: standard input");
		return 1;
	}
	printf("%d\n", ntohs(a.sin_port));
	fflush(stdout);
	run(&s, &input);
	return 0;
}
