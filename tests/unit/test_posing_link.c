#include <arpa/inet.h>
#include <poll.h>
#include <setjmp.h>
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

#include "base/cancel.h"
#include "base/err.h"
#include "base/scope.h"
#include "rdb/posing_link.h"
#include "rdb/redis_socket.h"
#include "rdb/redis_target.h"
#include "rdb/redis_tls.h"
#include "tests/sim/loopback.h"
#include "tests/sim/runner.h"
#include "tests/sim/test_ca.h"

#define PING   "*1\r\n$4\r\nPING\r\n"
#define NOAUTH "-NOAUTH Authentication required.\r\n"
#define LISTENING \
	"*3\r\n$8\r\nREPLCONF\r\n$14\r\nlistening-port\r\n$4\r\n6379\r\n"
#define CAPA \
	"*5\r\n$8\r\nREPLCONF\r\n$4\r\ncapa\r\n$3\r\neof\r\n$4\r\ncapa\r\n" \
	"$6\r\npsync2\r\n"
#define PSYNC "*3\r\n$5\r\nPSYNC\r\n$1\r\n?\r\n$2\r\n-1\r\n"
#define AUTH  "*2\r\n$4\r\nAUTH\r\n$6\r\nsesame\r\n"

/* As the fake randomness makes it. */
#define ID	   "0000000000000000000000000000000000000000"
#define FULLRESYNC "+FULLRESYNC " ID " 0\r\n"

/* The master's side, whose accept runs on a thread of its own. */
struct rig {
	struct posing_link *link;
	struct cancel *cancel;
	struct scope scope;
	struct runner runner;
	int rc;
	struct err err;
};

/* The machine's time, but no randomness. */
static void
no_random(const struct clock *clock, void *out, size_t len)
{
	(void)clock;
	memset(out, 0, len);
}

static void
run_accept(void *arg)
{
	struct rig *r = arg;

	r->rc = posing_link_accept(r->link, &r->scope, &r->err);
}

static void
rig_listen(
    struct rig *r, const char *password, const struct posing_link_opts *opts)
{
	static struct clock clock;
	struct scope root;
	struct secret secret = {0};
	struct err err = {0};

	*r = (struct rig){.rc = 1};
	clock = clock_system;
	clock.random = no_random;
	r->cancel = cancel_new(NULL);
	root = scope_root(r->cancel);
	root.clock = &clock;
	r->scope = scope_within(&root, 15000);
	r->link = posing_link_open(opts, &err);
	if (r->link == NULL)
		fail_msg("%s", err.text);
	if (password != NULL) {
		secret_set(&secret, password, strlen(password));
		posing_link_set_password(r->link, &secret);
		secret_release(&secret);
	}
	runner_start(&r->runner, run_accept, r);
}

static void
rig_init(struct rig *r, const char *password, const struct posing_tls_opts *tls)
{
	const struct posing_link_opts opts = {
	    .bind = "127.0.0.1", .peer = "127.0.0.1", .tls = tls};

	rig_listen(r, password, &opts);
}

static void
rig_release(struct rig *r)
{
	posing_link_free(r->link);
	cancel_free(r->cancel);
}

static void
accepted(struct rig *r)
{
	runner_join(&r->runner);
	if (r->rc != 0)
		fail_msg("%s", r->err.text);
}

/* A target, or a stranger from another address of loopback. */
static int
reach(const struct rig *r, const char *from)
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	inet_pton(AF_INET, from, &a.sin_addr);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	inet_pton(AF_INET, "127.0.0.1", &a.sin_addr);
	a.sin_port = htons((uint16_t)posing_link_port(r->link));
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

static void
says(int fd, const char *bytes)
{
	size_t len = strlen(bytes);

	assert_int_equal(send(fd, bytes, len, MSG_NOSIGNAL), len);
}

static void
hears(int fd, const char *bytes)
{
	char got[512];
	size_t len = strlen(bytes), have = 0;

	while (have < len) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		ssize_t n;

		if (poll(&p, 1, 10000) != 1)
			fail_msg("no '%s' came", bytes);
		n = recv(fd, got + have, len - have, 0);
		if (n <= 0)
			fail_msg("closed instead of '%s'", bytes);
		have += (size_t)n;
	}
	assert_memory_equal(got, bytes, len);
}

/* The end, in order or by reset, and not a byte before it. */
static void
hears_the_end(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char byte;

	assert_int_equal(poll(&p, 1, 10000), 1);
	assert_true(recv(fd, &byte, 1, 0) <= 0);
	close(fd);
}

static void
a_target_of_today_is_answered(void **state)
{
	struct rig r;
	int fd;

	(void)state;
	rig_init(&r, "sesame", NULL);
	fd = reach(&r, "127.0.0.1");
	says(fd, PING);
	hears(fd, NOAUTH);
	/* Since 7.0 all at once, and cut anywhere. */
	says(fd, AUTH LISTENING "*5\r\n$8\r\nREPL");
	hears(fd, "+OK\r\n+OK\r\n");
	says(fd, &CAPA[strlen("*5\r\n$8\r\nREPL")]);
	hears(fd, "+OK\r\n");
	says(fd, PSYNC);
	hears(fd, FULLRESYNC);
	accepted(&r);
	assert_true(posing_link_has_offset(r.link));
	close(fd);
	rig_release(&r);
}

static int
reach_ipv6(const struct rig *r)
{
	struct sockaddr_in6 a = {
	    .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	a.sin6_port = htons((uint16_t)posing_link_port(r->link));
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

/* By ::1; and by IPv4 to a listener for all, however the peer is written. */
static void
targets_of_both_families_are_answered(void **state)
{
	static const struct {
		const char *bind, *peer;
	} rows[] = {
	    {"::1", "::1"},
	    {"::", "::1"},
	    {"::", "127.0.0.1"},
	    {"::", "::ffff:127.0.0.1"},
	    {"127.0.0.1", "::ffff:127.0.0.1"},
	};

	(void)state;
	loopback_needs_ipv6();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct posing_link_opts opts = {
		    .bind = rows[i].bind, .peer = rows[i].peer};
		struct rig r;
		int fd;

		rig_listen(&r, NULL, &opts);
		if (strcmp(rows[i].peer, "::1") != 0) {
			fd = reach(&r, "127.0.0.1");
		} else if (strcmp(rows[i].bind, "::") == 0) {
			fd = reach(&r, "127.0.0.1");
			hears_the_end(fd);
			fd = reach_ipv6(&r);
		} else {
			fd = reach_ipv6(&r);
		}
		says(fd, PSYNC);
		hears(fd, FULLRESYNC);
		accepted(&r);
		close(fd);
		rig_release(&r);
	}
}

static void
a_target_with_a_user_is_answered(void **state)
{
	struct rig r;
	int fd;

	(void)state;
	rig_init(&r, "sesame", NULL);
	fd = reach(&r, "127.0.0.1");
	says(fd, "*3\r\n$4\r\nAUTH\r\n$3\r\nbob\r\n$6\r\nsesame\r\n" PSYNC);
	hears(fd, "+OK\r\n" FULLRESYNC);
	accepted(&r);
	close(fd);
	rig_release(&r);
}

static void
an_old_target_speaks_in_lines(void **state)
{
	struct rig r;
	int fd;

	(void)state;
	rig_init(&r, NULL, NULL);
	fd = reach(&r, "127.0.0.1");
	says(fd, "PING\r\n");
	hears(fd, "+PONG\r\n");
	says(fd, "REPLCONF listening-port 6379\r\n");
	hears(fd, "+OK\r\n");
	says(fd, "SYNC\r\n");
	accepted(&r);
	assert_false(posing_link_has_offset(r.link));
	close(fd);
	rig_release(&r);
}

/* And it is not the end of the wait for the target. */
static void
a_stranger_gets_not_a_byte(void **state)
{
	struct rig r;
	int fd;

	(void)state;
	rig_init(&r, NULL, NULL);
	for (int i = 0; i < 3; i++) {
		fd = reach(&r, "127.0.0.2");
		send(fd, PSYNC, strlen(PSYNC), MSG_NOSIGNAL);
		hears_the_end(fd);
	}
	fd = reach(&r, "127.0.0.1");
	says(fd, PSYNC);
	hears(fd, FULLRESYNC);
	accepted(&r);
	/* Nor does anybody after the target. */
	{
		struct sockaddr_in a = {.sin_family = AF_INET};
		int late = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		inet_pton(AF_INET, "127.0.0.1", &a.sin_addr);
		a.sin_port = htons((uint16_t)posing_link_port(r.link));
		assert_int_equal(
		    connect(late, (struct sockaddr *)&a, sizeof(a)), -1);
		close(late);
	}
	close(fd);
	rig_release(&r);
}

static void
who_cannot_prove_itself_gets_nothing(void **state)
{
	static const struct {
		const char *says, *hears;
	} cases[] = {
	    {PSYNC, NOAUTH},
	    {LISTENING, NOAUTH},
	    {PING PSYNC, NOAUTH NOAUTH},
	    {"*2\r\n$4\r\nAUTH\r\n$6\r\nSesame\r\n" PSYNC, "-WRONGPASS"},
	    {"*2\r\n$4\r\nAUTH\r\n$5\r\nsesam\r\n" PSYNC, "-WRONGPASS"},
	    {"*2\r\n$4\r\nAUTH\r\n$7\r\nsesame!\r\n" PSYNC, "-WRONGPASS"},
	    {"*2\r\n$4\r\nAUTH\r\n$0\r\n\r\n" PSYNC, "-WRONGPASS"},
	    {"*1\r\n$4\r\nAUTH\r\n" PSYNC, "-WRONGPASS"},
	    {"*3\r\n$4\r\nAUTH\r\n$6\r\nsesame\r\n$1\r\nx\r\n" PSYNC,
		"-WRONGPASS"},
	    {"*99999\r\n", ""},
	    {"*1\r\n$99999999\r\n", ""},
	    {"GET / HTTP/1.1\r\n", NOAUTH},
	};
	struct rig r;
	int fd;

	(void)state;
	rig_init(&r, "sesame", NULL);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char got[256];
		size_t len = 0;

		fd = reach(&r, "127.0.0.1");
		says(fd, cases[i].says);
		/* All that comes, to the end. */
		for (;;) {
			struct pollfd p = {.fd = fd, .events = POLLIN};
			ssize_t n;

			if (poll(&p, 1, 5000) != 1)
				fail_msg("case %zu is not hung up on", i);
			n = recv(fd, got + len, sizeof(got) - 1 - len, 0);
			if (n <= 0)
				break;
			len += (size_t)n;
		}
		got[len] = '\0';
		close(fd);
		if (strncmp(got, cases[i].hears, strlen(cases[i].hears)) != 0 ||
		    strstr(got, "FULLRESYNC") != NULL)
			fail_msg("case %zu: '%s'", i, got);
	}
	cancel_trigger(r.cancel);
	runner_join(&r.runner);
	assert_int_equal(r.rc, -1);
	assert_int_equal(r.err.kind, ERR_CANCELLED);
	rig_release(&r);
}

static void
nobody_coming_is_told(void **state)
{
	const struct posing_link_opts opts = {
	    .bind = "127.0.0.1", .peer = "127.0.0.1"};
	struct scope root = scope_root(NULL);
	struct scope brief = scope_within(&root, 50);
	struct err err = {0};
	struct posing_link *l = posing_link_open(&opts, &err);

	(void)state;
	assert_non_null(l);
	assert_int_equal(posing_link_accept(l, &brief, &err), -1);
	assert_int_equal(err.kind, ERR_UNREACHABLE);
	assert_non_null(strstr(err.text, "did not connect"));
	posing_link_free(l);
}

static void
an_address_that_is_not_ours_cannot_be_listened_on(void **state)
{
	const struct posing_link_opts opts = {
	    .bind = "192.0.2.1", .peer = "127.0.0.1"};
	struct err err = {0};

	(void)state;
	assert_null(posing_link_open(&opts, &err));
	assert_int_equal(err.kind, ERR_SYSTEM);
	assert_non_null(strstr(err.text, "192.0.2.1"));
}

static int
greeted(struct rig *r)
{
	int fd;

	rig_init(r, NULL, NULL);
	fd = reach(r, "127.0.0.1");
	says(fd, PSYNC);
	hears(fd, FULLRESYNC);
	accepted(r);
	return fd;
}

static void
what_is_sent_after_the_dump_is_counted(void **state)
{
	struct rig r;
	int fd = greeted(&r);

	(void)state;
	assert_int_equal(
	    posing_link_send(r.link, &r.scope, "$3\r\nabc", 7, &r.err), 0);
	assert_int_equal(posing_link_offset(r.link), 0);
	says(fd, "\n\n");
	assert_int_equal(posing_link_ping(r.link, &r.scope, &r.err), 0);
	assert_int_equal(posing_link_ping(r.link, &r.scope, &r.err), 0);
	assert_int_equal(posing_link_offset(r.link), 28);
	hears(fd, "$3\r\nabc" PING PING);
	says(fd, "*3\r\n$8\r\nREPLCONF\r\n$3\r\nACK\r\n$2\r\n28\r\n*3\r\n$8");
	assert_int_equal(posing_link_listen(r.link, &r.err), 0);
	close(fd);
	rig_release(&r);
}

static void
a_target_that_leaves_is_noticed(void **state)
{
	struct rig r;
	struct pollfd p = {.events = POLLIN};
	int fd = greeted(&r);

	(void)state;
	close(fd);
	p.fd = posing_link_fd(r.link);
	assert_int_equal(poll(&p, 1, 10000), 1);
	assert_int_equal(posing_link_listen(r.link, &r.err), -1);
	assert_int_equal(r.err.kind, ERR_TRANSIENT);
	rig_release(&r);
}

struct feeding {
	struct rig *rig;
	int rc;
	struct err err;
};

/* More than any socket's buffers take. */
static void
run_feed(void *arg)
{
	static const char block[1 << 16];
	struct feeding *f = arg;

	for (int i = 0; i < 1024 && f->rc == 0; i++)
		f->rc = posing_link_send(f->rig->link, &f->rig->scope, block,
		    sizeof(block), &f->err);
}

static void
a_target_that_leaves_while_we_wait_to_send_is_noticed(void **state)
{
	struct rig r;
	struct feeding f = {.rig = &r};
	struct runner feeder;
	int fd = greeted(&r);

	(void)state;
	runner_start(&feeder, run_feed, &f);
	runner_wait_blocked(&feeder);
	close(fd);
	runner_join(&feeder);
	assert_int_equal(f.rc, -1);
	assert_int_equal(f.err.kind, ERR_TRANSIENT);
	rig_release(&r);
}

static void
waiting_to_send_hears_a_cancel(void **state)
{
	struct rig r;
	struct feeding f = {.rig = &r};
	struct runner feeder;
	int fd = greeted(&r);

	(void)state;
	runner_start(&feeder, run_feed, &f);
	runner_wait_blocked(&feeder);
	cancel_trigger(r.cancel);
	runner_join(&feeder);
	assert_int_equal(f.rc, -1);
	assert_int_equal(f.err.kind, ERR_CANCELLED);
	close(fd);
	rig_release(&r);
}

/* A client's TLS to the master: rc of what it could read of an answer. */
static int
sync_over_tls(struct rig *r, const struct redis_tls_opts *tls, char out[80])
{
	struct redis_address a = {.host = "127.0.0.1",
	    .port = posing_link_port(r->link),
	    .tls = true};
	struct scope root = scope_root(NULL);
	struct scope scope = scope_within(&root, 10000);
	struct err err = {0};
	struct redis_socket *s = redis_socket_open(&a, tls, &scope, &err);
	size_t got = 0;
	int rc = -1;

	if (s == NULL)
		return -1;
	if (redis_socket_write(s, &scope, PSYNC, strlen(PSYNC), &err) == 0 &&
	    redis_socket_read(s, &scope, out, 79, &got, &err) == 0 && got > 0)
		rc = 0;
	out[got] = '\0';
	redis_socket_free(s);
	return rc;
}

static void
mutual_tls_takes_a_certificate_of_the_ca_alone(void **state)
{
	struct test_ca *ca = test_ca_new(), *other = test_ca_new();
	struct test_cert ours = test_ca_issue(ca, "127.0.0.1");
	struct test_cert theirs = test_ca_issue(ca, "replica");
	struct test_cert forged = test_ca_issue(other, "replica");
	const struct posing_tls_opts opts = {.cert_file = ours.cert_file,
	    .key_file = ours.key_file,
	    .ca_file = test_ca_file(ca)};
	struct redis_tls_opts none = {.ca_file = test_ca_file(ca)};
	struct redis_tls_opts bad = none, good = none;
	char got[80];
	struct rig r;

	(void)state;
	bad.cert_file = forged.cert_file;
	bad.key_file = forged.key_file;
	good.cert_file = theirs.cert_file;
	good.key_file = theirs.key_file;
	rig_init(&r, NULL, &opts);
	assert_int_equal(sync_over_tls(&r, &none, got), -1);
	assert_int_equal(sync_over_tls(&r, &bad, got), -1);
	assert_int_equal(sync_over_tls(&r, &good, got), 0);
	assert_string_equal(got, FULLRESYNC);
	accepted(&r);
	rig_release(&r);
	test_ca_free(ca);
	test_ca_free(other);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_target_of_today_is_answered),
	    cmocka_unit_test(targets_of_both_families_are_answered),
	    cmocka_unit_test(a_target_with_a_user_is_answered),
	    cmocka_unit_test(an_old_target_speaks_in_lines),
	    cmocka_unit_test(a_stranger_gets_not_a_byte),
	    cmocka_unit_test(who_cannot_prove_itself_gets_nothing),
	    cmocka_unit_test(nobody_coming_is_told),
	    cmocka_unit_test(an_address_that_is_not_ours_cannot_be_listened_on),
	    cmocka_unit_test(what_is_sent_after_the_dump_is_counted),
	    cmocka_unit_test(a_target_that_leaves_is_noticed),
	    cmocka_unit_test(
		a_target_that_leaves_while_we_wait_to_send_is_noticed),
	    cmocka_unit_test(waiting_to_send_hears_a_cancel),
	    cmocka_unit_test(mutual_tls_takes_a_certificate_of_the_ca_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
