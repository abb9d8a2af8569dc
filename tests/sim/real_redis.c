#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/process.h"
#include "base/scope.h"
#include "base/xalloc.h"
#include "tests/sim/test_ca.h"

#include "tests/sim/real_redis.h"

#define ARGS_MAX   64
#define START_MS   20000
#define STOP_MS	   5000
#define TRIES	   5
#define READY_LINE "Ready to accept connections"

struct real_redis {
	char dir[64];
	char socket[96];
	int port, tls_port;
	pid_t pid;
	int log; /* its stdout */
};

/* Free when we looked: the server's own bind decides. */
static int
free_port(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_not_equal(fd, -1);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	close(fd);
	return ntohs(a.sin_port);
}

/* Whether the server came up; false when it ended, its port being taken. */
static bool
wait_ready(struct real_redis *r)
{
	struct scope root = scope_root(NULL);
	struct scope scope = scope_within(&root, START_MS);
	struct err err = {0};
	char log[65536];
	size_t len = 0;

	while (len < sizeof(log) - 1) {
		ssize_t n;

		if (scope_wait_fd(&scope, r->log, POLLIN, &err) != 0)
			fail_msg("redis-server says nothing: %s", err.text);
		n = read(r->log, log + len, sizeof(log) - 1 - len);
		if (n <= 0)
			return false;
		len += (size_t)n;
		log[len] = '\0';
		if (strstr(log, READY_LINE) != NULL)
			return true;
	}
	fail_msg("redis-server talks too much");
	return false;
}

static bool
start_once(struct real_redis *r, const struct real_redis_opts *opts,
    const struct test_cert *cert)
{
	char port[16], tls_port[16];
	/* It ends with a test that dies. */
	const char *argv[ARGS_MAX] = {"setpriv", "--pdeathsig", "TERM",
	    "redis-server", "--port", port, "--unixsocket", r->socket, "--dir",
	    r->dir, "--bind", "127.0.0.1", "--save", "",
	    "--repl-diskless-sync-delay", "0"};
	struct process_opts how = {0};
	struct err err = {0};
	int pipefd[2];
	size_t n = 16;

	r->port = free_port();
	snprintf(port, sizeof(port), "%d", r->port);
	if (opts->tls != NULL) {
		const char *const tls[] = {"--tls-port", tls_port,
		    "--tls-cert-file", cert->cert_file, "--tls-key-file",
		    cert->key_file, "--tls-ca-cert-file",
		    test_ca_file(opts->tls), "--tls-auth-clients",
		    opts->tls_clients ? "yes" : "no"};

		r->tls_port = free_port();
		snprintf(tls_port, sizeof(tls_port), "%d", r->tls_port);
		memcpy(argv + n, tls, sizeof(tls));
		n += sizeof(tls) / sizeof(tls[0]);
	}
	for (size_t i = 0; opts->args != NULL && opts->args[i] != NULL; i++) {
		assert_true(n < ARGS_MAX - 1);
		argv[n++] = opts->args[i];
	}
	assert_int_equal(pipe2(pipefd, O_CLOEXEC), 0);
	how.stdout_fd = pipefd[1];
	if (process_start(&r->pid, argv, &how, &err) != 0)
		fail_msg("redis-server: %s", err.text);
	close(pipefd[1]);
	r->log = pipefd[0];
	return wait_ready(r);
}

static void
stop_process(struct real_redis *r)
{
	struct scope scope = scope_root(NULL);

	if (r->pid > 0) {
		/* A stopped one would not hear the rest. */
		kill(r->pid, SIGCONT);
		process_stop(r->pid, &scope, STOP_MS);
	}
	r->pid = 0;
	if (r->log > 0)
		close(r->log);
	r->log = 0;
}

struct real_redis *
real_redis_start(const struct real_redis_opts *opts)
{
	static const struct real_redis_opts none = {0};
	struct real_redis *r = xcalloc(1, sizeof(*r));
	struct test_cert cert = {0};

	opts = opts != NULL ? opts : &none;
	strcpy(r->dir, "/tmp/drsync-redis-XXXXXX");
	assert_non_null(mkdtemp(r->dir));
	snprintf(r->socket, sizeof(r->socket), "%s/redis.sock", r->dir);
	if (opts->tls != NULL)
		cert = test_ca_issue(opts->tls, "localhost,127.0.0.1");
	for (int i = 0; i < TRIES; i++) {
		if (start_once(r, opts, &cert))
			return r;
		stop_process(r);
	}
	real_redis_stop(r);
	fail_msg("redis-server does not start");
	return NULL;
}

void
real_redis_stop(struct real_redis *r)
{
	struct dirent *e;
	DIR *dir;

	if (r == NULL)
		return;
	stop_process(r);
	dir = opendir(r->dir);
	while (dir != NULL && (e = readdir(dir)) != NULL)
		if (e->d_name[0] != '.')
			unlinkat(dirfd(dir), e->d_name, 0);
	if (dir != NULL)
		closedir(dir);
	rmdir(r->dir);
	free(r);
}

int
real_redis_port(const struct real_redis *r)
{
	return r->port;
}

int
real_redis_tls_port(const struct real_redis *r)
{
	return r->tls_port;
}

const char *
real_redis_socket(const struct real_redis *r)
{
	return r->socket;
}

const char *
real_redis_dir(const struct real_redis *r)
{
	return r->dir;
}

int
real_redis_pid(const struct real_redis *r)
{
	return r->pid;
}
