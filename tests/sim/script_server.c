#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cancel.h"
#include "base/err.h"
#include "base/thread.h"
#include "base/xalloc.h"
#include "tests/sim/test_ca.h"

#include "tests/sim/script_conn.h"

#define IN_MAX ((size_t)256 << 20) /* read and not yet taken */

struct message {
	struct message *next;
	struct script_record record;
	char data[];
};

struct scope
script_patience(struct script_server *s)
{
	struct scope root = scope_root(s->stop);

	return scope_within(&root, SCRIPT_PATIENCE_MS);
}

int
script_fail(struct script_conn *c, const char *fmt, ...)
{
	struct script_server *s = c->server;
	va_list ap;
	int n;

	monitor_lock(&s->monitor);
	if (!s->failed) {
		s->failed = true;
		n = snprintf(s->failure, sizeof(s->failure),
		    "connection %u: ", c->number);
		va_start(ap, fmt);
		vsnprintf(
		    s->failure + n, sizeof(s->failure) - (size_t)n, fmt, ap);
		va_end(ap);
		monitor_broadcast(&s->monitor);
	}
	monitor_unlock(&s->monitor);
	return -1;
}

void
script_record(struct script_conn *c, const void *data, size_t len)
{
	struct script_server *s = c->server;
	struct message *m = xmalloc(sizeof(*m) + len + 1);

	memcpy(m->data, data, len);
	m->data[len] = '\0';
	m->next = NULL;
	m->record = (struct script_record){c->number, m->data, len};
	monitor_lock(&s->monitor);
	*s->last = m;
	s->last = &m->next;
	s->nrecords++;
	monitor_broadcast(&s->monitor);
	monitor_unlock(&s->monitor);
}

int
script_hold(struct script_conn *c)
{
	struct script_server *s = c->server;
	struct scope scope = script_patience(s);
	struct err err = {0};
	int rc = 0;

	monitor_lock(&s->monitor);
	while (s->permits == 0 && rc == 0)
		rc = monitor_wait(&s->monitor, &scope, &err);
	if (rc == 0)
		s->permits--;
	monitor_unlock(&s->monitor);
	if (err.kind == ERR_UNREACHABLE)
		return script_fail(c, "nobody let it go on");
	return rc;
}

static void *
run_conn(void *arg)
{
	struct script_conn *c = arg;
	struct script_server *s = c->server;

	if (s->tls == NULL || script_conn_start_tls(c, s->tls) == 0)
		s->script(c, s->arg);
	script_close(c);
	return NULL;
}

static void
add_conn(struct script_server *s, int fd)
{
	struct script_conn *c = xcalloc(1, sizeof(*c));
	struct err err = {0};
	int on = 1;

	/* A script's small writes shall not wait for the peer's ACK; it does
	 * nothing for a unix socket. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	c->server = s;
	c->fd = fd;
	buf_init(&c->in, IN_MAX);
	monitor_lock(&s->monitor);
	c->number = s->nconns++;
	c->next = s->conns;
	s->conns = c;
	monitor_broadcast(&s->monitor);
	monitor_unlock(&s->monitor);
	if (thread_start(&c->thread, "script-conn", run_conn, c, &err) != 0) {
		fprintf(stderr, "%s\n", err.text);
		abort();
	}
}

static void *
accept_all(void *arg)
{
	struct script_server *s = arg;
	struct scope scope = scope_root(s->stop);
	struct err err = {0};

	while (scope_wait_fd(&scope, s->fd, POLLIN, &err) == 0) {
		int fd = accept4(
		    s->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd != -1)
			add_conn(s, fd);
	}
	return NULL;
}

static int
listen_tcp(int *port)
{
	struct sockaddr_in addr = {
	    .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(addr);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	assert_int_not_equal(fd, -1);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, len), 0);
	assert_int_equal(listen(fd, 256), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
	*port = ntohs(addr.sin_port);
	return fd;
}

static int
listen_unix(const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	assert_int_not_equal(fd, -1);
	assert_true(strlen(path) < sizeof(addr.sun_path));
	strcpy(addr.sun_path, path);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fd, 256), 0);
	return fd;
}

struct script_server *
script_server_new(
    const struct script_server_opts *opts, script_fn *script, void *arg)
{
	struct script_server *s = xcalloc(1, sizeof(*s));
	struct err err = {0};

	if (opts != NULL)
		s->opts = *opts;
	s->script = script;
	s->arg = arg;
	s->last = &s->first;
	s->stop = cancel_new(NULL);
	monitor_init(&s->monitor);
	if (s->opts.tls != NULL) {
		const char *names = s->opts.tls_names;
		struct test_cert cert = test_ca_issue(
		    s->opts.tls, names != NULL ? names : "localhost,127.0.0.1");

		s->tls = script_tls_new(&cert,
		    s->opts.tls_client_cert ? test_ca_file(s->opts.tls) : NULL);
	}
	s->fd = s->opts.unix_path != NULL ? listen_unix(s->opts.unix_path)
					  : listen_tcp(&s->port);
	assert_int_equal(
	    thread_start(&s->thread, "script-server", accept_all, s, &err), 0);
	return s;
}

static void
free_conns(struct script_server *s)
{
	struct script_conn *next;

	for (struct script_conn *c = s->conns; c != NULL; c = next) {
		next = c->next;
		pthread_join(c->thread, NULL);
		buf_release(&c->in);
		free(c);
	}
}

void
script_server_free(struct script_server *s)
{
	struct message *next;

	if (s == NULL)
		return;
	cancel_trigger(s->stop);
	pthread_join(s->thread, NULL);
	free_conns(s);
	for (struct message *m = s->first; m != NULL; m = next) {
		next = m->next;
		free(m);
	}
	close(s->fd);
	if (s->opts.unix_path != NULL)
		unlink(s->opts.unix_path);
	SSL_CTX_free(s->tls);
	monitor_release(&s->monitor);
	cancel_free(s->stop);
	free(s);
}

int
script_server_port(const struct script_server *s)
{
	return s->port;
}

char *
script_server_url(const struct script_server *s, const char *path)
{
	char *url;
	int n = asprintf(&url, "%s:%d%s",
	    s->tls != NULL ? "https://localhost" : "http://127.0.0.1", s->port,
	    path);

	assert_int_not_equal(n, -1);
	return url;
}

void
script_server_release(struct script_server *s)
{
	monitor_lock(&s->monitor);
	s->permits++;
	monitor_broadcast(&s->monitor);
	monitor_unlock(&s->monitor);
}

const char *
script_server_failure(struct script_server *s)
{
	bool failed;

	monitor_lock(&s->monitor);
	failed = s->failed;
	monitor_unlock(&s->monitor);
	return failed ? s->failure : NULL;
}

unsigned
script_server_connections(struct script_server *s)
{
	unsigned n;

	monitor_lock(&s->monitor);
	n = s->nconns;
	monitor_unlock(&s->monitor);
	return n;
}

size_t
script_server_count(struct script_server *s)
{
	size_t n;

	monitor_lock(&s->monitor);
	n = s->nrecords;
	monitor_unlock(&s->monitor);
	return n;
}

struct script_record
script_server_record(struct script_server *s, size_t i)
{
	struct message *m;

	assert_true(i < script_server_count(s));
	monitor_lock(&s->monitor);
	for (m = s->first; i > 0; i--)
		m = m->next;
	monitor_unlock(&s->monitor);
	return m->record;
}

bool
script_server_wait(struct script_server *s, size_t n)
{
	struct scope scope = script_patience(s);
	struct err err = {0};
	bool come;
	int rc = 0;

	monitor_lock(&s->monitor);
	while (s->nrecords < n && !s->failed && rc == 0)
		rc = monitor_wait(&s->monitor, &scope, &err);
	come = s->nrecords >= n;
	monitor_unlock(&s->monitor);
	return come;
}
