#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/budget.h"
#include "base/buf.h"
#include "base/cancel.h"
#include "base/err.h"
#include "base/scope.h"
#include "rdb/crc64.h"
#include "rdb/rdb_compat.h"
#include "rdb/rdb_reader.h"
#include "rdb/redis_conn.h"
#include "rdb/redis_info.h"
#include "rdb/sync_client.h"
#include "tests/sim/catcher.h"
#include "tests/sim/real_redis.h"
#include "tests/sim/runner.h"
#include "tests/sim/script_conn.h"
#include "tests/sim/script_server.h"

#define REPLID "0123456789abcdef0123456789abcdef01234567"
#define MARK   "abcdefabcdefabcdefabcdefabcdefabcdefabcd"
#define EOF_IS "$EOF:" MARK "\r\n"
#define FULL   "+FULLRESYNC " REPLID " 4711\r\n"

/* A source of our own making; what is NULL gets its usual answer. */
struct source {
	const char *ping, *info, *capa, *rdb_only;
	const char *version; /* NULL: none is to be announced */
	const char *version_reply;
	const char *psync;  /* FULL */
	bool sync;	    /* then SYNC is expected */
	const char *header; /* EOF_IS */

	const struct buf *dump;
	size_t cut;  /* send so much of dump and mark, then close; 0: all */
	size_t hold; /* wait for a release after so much; 0: do not */
	bool no_mark, stall, reset;
};

static int
answer(struct script_conn *c, const char *expected, const char *reply)
{
	if (script_expects(c, expected) != 0)
		return -1;
	/* Redis 7.0 starts no sync when the handshake is pipelined. */
	if (c->in.len > 0)
		return script_fail(c, "something follows '%s'", expected);
	return script_sends(c, reply);
}

static const char *
or_else(const char *given, const char *usual)
{
	return given != NULL ? given : usual;
}

static int
greet(struct script_conn *c, const struct source *s)
{
	const char *info = or_else(
	    s->info, "redis_version:7.0.15\r\nloading:0\r\nrole:master\r\n");

	if (answer(c, "*1\r\n$4\r\nPING\r\n", or_else(s->ping, "+PONG\r\n")) !=
	    0)
		return -1;
	if (script_expects(c, "*1\r\n$4\r\nINFO\r\n") != 0)
		return -1;
	if (info[0] == '-')
		return script_sends(c, info);
	if (script_sendf(c, "$%zu\r\n%s\r\n", strlen(info), info) != 0)
		return -1;
	return answer(c,
	    "*3\r\n$6\r\nCONFIG\r\n$3\r\nGET\r\n$9\r\ndatabases\r\n",
	    "-ERR unknown command 'CONFIG'\r\n");
}

static int
hear_version(struct script_conn *c, const struct source *s)
{
	char expected[80];

	if (s->version == NULL)
		return 0;
	snprintf(expected, sizeof(expected),
	    "*3\r\n$8\r\nREPLCONF\r\n$7\r\nversion\r\n$%zu\r\n%s\r\n",
	    strlen(s->version), s->version);
	return answer(c, expected, or_else(s->version_reply, "+OK\r\n"));
}

static int
agree(struct script_conn *c, const struct source *s)
{
	if (answer(c,
		"*5\r\n$8\r\nREPLCONF\r\n$4\r\ncapa\r\n$3\r\neof\r\n"
		"$4\r\ncapa\r\n$6\r\npsync2\r\n",
		or_else(s->capa, "+OK\r\n")) != 0 ||
	    answer(c, "*3\r\n$8\r\nREPLCONF\r\n$8\r\nrdb-only\r\n$1\r\n1\r\n",
		or_else(s->rdb_only, "+OK\r\n")) != 0 ||
	    hear_version(c, s) != 0 ||
	    answer(c, "*3\r\n$5\r\nPSYNC\r\n$1\r\n?\r\n$2\r\n-1\r\n",
		or_else(s->psync, FULL)) != 0)
		return -1;
	return s->sync ? script_expects(c, "*1\r\n$4\r\nSYNC\r\n") : 0;
}

static int
send_dump(struct script_conn *c, const struct source *s)
{
	struct buf all;
	size_t len;
	int rc = 0;

	buf_init(&all, s->dump->len + 40);
	buf_add(&all, s->dump->data, s->dump->len);
	if (!s->no_mark && s->header == NULL)
		buf_adds(&all, MARK);
	len = s->cut != 0 ? s->cut : all.len;
	if (s->hold != 0) {
		rc = script_send(c, all.data, s->hold);
		if (rc == 0)
			rc = script_hold(c);
	}
	if (rc == 0)
		rc = script_send(c, all.data + s->hold, len - s->hold);
	buf_release(&all);
	return rc;
}

static void
serve(struct script_conn *c, void *arg)
{
	const struct source *s = arg;

	if (greet(c, s) != 0 || agree(c, s) != 0)
		return;
	if (script_sends(c, or_else(s->header, EOF_IS)) != 0)
		return;
	if (s->dump != NULL && send_dump(c, s) != 0)
		return;
	if (s->stall)
		script_stall(c);
	else if (s->reset)
		script_reset(c);
	else
		script_close(c);
}

struct rig {
	struct script_server *server;
	struct budget *budget;
	struct rdb_reader *reader;
	struct catcher out;
	struct scope scope;
	struct sync_opts opts;
	struct sync_facts facts;
	struct err err;
	int rc;
};

static void
rig_init(struct rig *r)
{
	*r = (struct rig){.scope = scope_root(NULL)};
	r->budget = budget_new(4 * CHUNK_SIZE);
	r->reader = rdb_reader_new();
	catcher_init(&r->out);
	r->opts.budget = r->budget;
	r->opts.reader = r->reader;
}

static void
rig_free(struct rig *r)
{
	if (r->server != NULL) {
		if (script_server_failure(r->server) != NULL)
			fail_msg("%s", script_server_failure(r->server));
		script_server_free(r->server);
	}
	assert_int_equal(budget_left(r->budget), 4 * CHUNK_SIZE);
	budget_free(r->budget);
	rdb_reader_free(r->reader);
	catcher_release(&r->out);
}

static int
dump_from(struct rig *r, const char *url)
{
	static const struct redis_opts none;
	struct redis_target t;

	r->err = (struct err){0};
	if (redis_target_parse(url, &t, &r->err) != 0)
		fail_msg("%s", r->err.text);
	r->rc = sync_dump(
	    &t, &none, &r->scope, &r->opts, &r->out.base, &r->facts, &r->err);
	redis_target_release(&t);
	return r->rc;
}

static void
run_rig(void *arg)
{
	struct rig *r = arg;
	char url[64];

	snprintf(url, sizeof(url), "redis://127.0.0.1:%d",
	    script_server_port(r->server));
	dump_from(r, url);
}

static void
rig_run(struct rig *r, struct source *s)
{
	rig_init(r);
	r->server = script_server_new(NULL, serve, s);
	run_rig(r);
}

static void
succeeded(const struct rig *r, const struct buf *dump)
{
	if (r->rc != 0)
		fail_msg("kind %d: %s", (int)r->err.kind, r->err.text);
	assert_int_equal(r->out.len, dump->len);
	assert_memory_equal(r->out.data, dump->data, dump->len);
	assert_int_equal(r->facts.bytes, dump->len);
	assert_false(r->out.finished);
}

static void
failed(const struct rig *r, enum err_kind kind, const char *text)
{
	if (r->rc == 0)
		fail_msg("it did not fail with '%s'", text);
	if (r->err.kind != kind || strstr(r->err.text, text) == NULL)
		fail_msg("kind %d: %s", (int)r->err.kind, r->err.text);
	assert_non_null(strstr(r->err.text, "127.0.0.1:"));
}

/* A dump of one string key as long as it takes to make size bytes. */
static void
make_dump(struct buf *b, const char *header, size_t size)
{
	size_t value = size - 9 - 4 - 5 - 1 - 8;
	unsigned char be[4] = {(unsigned char)(value >> 24),
	    (unsigned char)(value >> 16), (unsigned char)(value >> 8),
	    (unsigned char)value};
	uint64_t crc;

	buf_init(b, 64u << 20);
	buf_adds(b, header);
	buf_add(b, "\x00\x02k1", 4);
	buf_add(b, "\x80", 1);
	buf_add(b, be, 4);
	for (size_t i = 0; i < value; i++)
		buf_addc(b, (char)('a' + i % 23));
	buf_add(b, "\xff", 1);
	crc = crc64(0, b->data, b->len);
	for (int i = 0; i < 8; i++)
		buf_addc(b, (char)(crc >> 8 * i));
	assert_int_equal(b->len, size);
}

static void
length_header(char out[32], size_t len)
{
	snprintf(out, 32, "\n\n$%zu\r\n", len);
}

static void
takes_a_dump_of_either_framing(void **state)
{
	static const size_t sizes[] = {100, 100000, CHUNK_SIZE - 1, CHUNK_SIZE,
	    CHUNK_SIZE + 1, 3 * CHUNK_SIZE + 17};
	char header[32];

	(void)state;
	for (size_t i = 0; i < 2 * (sizeof(sizes) / sizeof(sizes[0])); i++) {
		bool counted = i % 2;
		struct source s = {.header = counted ? header : NULL};
		struct buf dump;
		struct rig r;

		make_dump(&dump, "REDIS0010", sizes[i / 2]);
		length_header(header, dump.len);
		s.dump = &dump;
		s.psync = "\n\n" FULL;
		rig_run(&r, &s);
		succeeded(&r, &dump);
		assert_int_equal(r.facts.diskless, !counted);
		assert_int_equal(r.facts.total, counted ? dump.len : 0);
		assert_string_equal(r.facts.replid, REPLID);
		assert_int_equal(r.facts.offset, 4711);
		assert_string_equal(r.facts.version, "7.0.15");
		assert_true(r.facts.rdb_only);
		assert_false(r.facts.by_sync);
		assert_false(r.facts.from_replica);
		assert_false(r.facts.unverified);
		assert_true(r.facts.asked_ms > 0);
		assert_true(r.facts.forked_ms >= r.facts.asked_ms);
		assert_true(r.facts.first_byte_ms >= r.facts.forked_ms);
		assert_true(r.facts.last_byte_ms >= r.facts.first_byte_ms);
		assert_true(r.out.biggest <= CHUNK_SIZE);
		rig_free(&r);
		buf_release(&dump);
	}
}

static void
releases_the_source(struct catcher *out)
{
	struct rig *r = out->arg;

	script_server_release(r->server);
}

/* The source sends nothing more before the sink has seen what there is. */
static void
passes_on_what_is_there_when_the_source_pauses(void **state)
{
	char header[32];

	(void)state;
	for (int counted = 0; counted < 2; counted++) {
		struct source s = {.hold = 5000};
		struct buf dump;
		struct rig r;

		make_dump(&dump, "REDIS0010", 10000);
		length_header(header, dump.len);
		s.header = counted ? header : NULL;
		s.dump = &dump;
		rig_init(&r);
		r.server = script_server_new(NULL, serve, &s);
		r.out.on_write = releases_the_source;
		r.out.arg = &r;
		run_rig(&r);
		succeeded(&r, &dump);
		assert_int_equal(r.out.writes, 2);
		rig_free(&r);
		buf_release(&dump);
	}
}

static void
the_mark_may_come_in_pieces(void **state)
{
	struct buf dump;

	(void)state;
	make_dump(&dump, "REDIS0010", 1000);
	for (size_t piece = 0; piece < 40; piece += 13) {
		struct source s = {.dump = &dump, .hold = dump.len + piece};
		struct runner runner;
		struct rig r;

		rig_init(&r);
		r.server = script_server_new(NULL, serve, &s);
		runner_start(&runner, run_rig, &r);
		runner_wait_blocked(&runner);
		script_server_release(r.server);
		runner_join(&runner);
		succeeded(&r, &dump);
		rig_free(&r);
	}
	buf_release(&dump);
}

static void
a_newer_version_is_kept_unverified(void **state)
{
	static const size_t around[] = {0, 1, 20, 39, 40, 41, 5000};
	char header[32];

	(void)state;
	for (size_t i = 0; i < 2 * (sizeof(around) / sizeof(around[0])); i++) {
		struct source s = {.stall = true};
		struct buf dump;
		struct rig r;

		make_dump(&dump, "REDIS0099", CHUNK_SIZE - around[i / 2]);
		length_header(header, dump.len);
		s.header = i % 2 ? header : NULL;
		s.dump = &dump;
		rig_run(&r, &s);
		succeeded(&r, &dump);
		assert_true(r.facts.unverified);
		assert_non_null(strstr(r.facts.unverified_why, "99"));
		rig_free(&r);
		buf_release(&dump);
	}
}

static void
without_rdb_only_it_goes_on(void **state)
{
	struct source s = {
	    .capa = "-ERR Unrecognized REPLCONF option: capa\r\n",
	    .rdb_only = "-ERR Unrecognized REPLCONF option: rdb-only\r\n",
	    .stall = true,
	};
	struct buf dump;
	struct rig r;

	(void)state;
	make_dump(&dump, "REDIS0009", 1000);
	s.dump = &dump;
	rig_run(&r, &s);
	succeeded(&r, &dump);
	assert_false(r.facts.rdb_only);
	rig_free(&r);
	buf_release(&dump);
}

#define VALKEY \
	"redis_version:7.2.4\r\nserver_name:valkey\r\n" \
	"valkey_version:9.0.1\r\nrole:master\r\n"

/* A Redis is not asked: the usual answers of every other test expect none. */
static void
a_valkey_is_told_which_version_to_write(void **state)
{
	static const struct {
		const char *info, *compat, *announced, *reply;
	} cases[] = {
	    {VALKEY, NULL, "9.0.0", NULL},
	    {VALKEY, "auto", "9.0.0", NULL},
	    {VALKEY, "newest", "255.255.255", NULL},
	    {VALKEY, "redis-7.2", "7.2.0", NULL},
	    {VALKEY, "auto", "9.0.0",
		"-ERR Unrecognized REPLCONF option: version\r\n"},
	    {"-NOPERM no INFO\r\n", "redis-7.2", "7.2.0",
		"-ERR Unrecognized REPLCONF option: version\r\n"},
	};
	struct buf dump;

	(void)state;
	make_dump(&dump, "VALKEY080", 1000);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct source s = {
		    .info = cases[i].info,
		    .version = cases[i].announced,
		    .version_reply = cases[i].reply,
		    .dump = &dump,
		};
		struct rig r;

		rig_init(&r);
		if (cases[i].compat != NULL)
			r.opts.compat = rdb_compat_find(cases[i].compat);
		r.server = script_server_new(NULL, serve, &s);
		run_rig(&r);
		succeeded(&r, &dump);
		assert_int_equal(r.facts.negotiates, cases[i].reply == NULL);
		rig_free(&r);
	}
	buf_release(&dump);
}

static void
greet_and_wait(struct script_conn *c, void *arg)
{
	if (greet(c, arg) == 0)
		script_expect_eof(c);
}

static int
refuse(void *arg, struct redis_conn *conn, const struct redis_info *info,
    const struct scope *scope, struct err *err)
{
	(void)scope;
	assert_string_equal(info->version, "7.0.15");
	return err_set(err, ERR_REFUSED, "'%s' %s", redis_conn_name(conn),
	    (const char *)arg);
}

static void
a_host_that_is_not_admitted_is_asked_nothing(void **state)
{
	struct source s = {0};
	struct rig r;

	(void)state;
	rig_init(&r);
	r.opts.admit = refuse;
	r.opts.admit_arg = (void *)(uintptr_t) "is too small";
	r.server = script_server_new(NULL, greet_and_wait, &s);
	run_rig(&r);
	failed(&r, ERR_REFUSED, "is too small");
	assert_int_equal(r.out.len, 0);
	rig_free(&r);
}

static void
an_old_server_is_asked_by_sync(void **state)
{
	struct source s = {
	    .psync = "-ERR unknown command 'PSYNC'\r\n",
	    .sync = true,
	};
	struct buf dump;
	struct rig r;
	char header[32];

	(void)state;
	make_dump(&dump, "REDIS0006", 1000);
	length_header(header, dump.len);
	s.header = header;
	s.dump = &dump;
	rig_run(&r, &s);
	succeeded(&r, &dump);
	assert_true(r.facts.by_sync);
	assert_string_equal(r.facts.replid, "");
	assert_int_equal(r.facts.offset, -1);
	rig_free(&r);
	buf_release(&dump);
}

static void
refusals_say_what_to_try_next(void **state)
{
	static const struct {
		struct source source;
		enum err_kind kind;
		const char *text;
	} rows[] = {
	    {{.psync = "-NOMASTERLINK Can't SYNC while not connected\r\n"},
		ERR_TRANSIENT, "NOMASTERLINK"},
	    {{.psync = "-LOADING Redis is loading\r\n"}, ERR_TRANSIENT,
		"LOADING"},
	    {{.psync = "-NOPERM this user has no permissions to run the "
		       "'psync' command\r\n"},
		ERR_AUTH, "+psync"},
	    {{.psync = "-ERR command is not allowed\r\n"}, ERR_UNSUPPORTED,
		"the user, or, where the service offers none, ask elsewhere: "
		"ERR command"},
	    {{.psync = "-ERR unknown command\r\n",
		 .sync = true,
		 .header = "-ERR unknown command 'SYNC'\r\n"},
		ERR_UNSUPPORTED, "ask elsewhere: ERR unknown command"},
	    {{.psync = "-NOAUTH Authentication required.\r\n"}, ERR_AUTH,
		"NOAUTH"},
	    {{.header = "-BGSAVE failed, replication can't continue\r\n"},
		ERR_TRANSIENT, "BGSAVE failed"},
	    {{.psync = "+CONTINUE\r\n"}, ERR_CORRUPT, "+CONTINUE"},
	    {{.psync = "+FULLRESYNC abc 12\r\n"}, ERR_CORRUPT, "FULLRESYNC"},
	    {{.psync = "+FULLRESYNC " REPLID " x\r\n"}, ERR_CORRUPT, "PSYNC"},
	    {{.psync = "+FULLRESYNC " REPLID "\r\n"}, ERR_CORRUPT, "PSYNC"},
	    {{.header = "$0\r\n"}, ERR_CORRUPT, "'$0'"},
	    {{.header = "$\r\n"}, ERR_CORRUPT, "'$'"},
	    {{.header = "$-1\r\n"}, ERR_CORRUPT, "'$-1'"},
	    {{.header = "$12x\r\n"}, ERR_CORRUPT, "'$12x'"},
	    {{.header = "$99999999999999999999\r\n"}, ERR_CORRUPT, "'$9999"},
	    {{.header = "$EOF:short\r\n"}, ERR_CORRUPT, "'$EOF:short'"},
	    {{.header = "+OK\r\n"}, ERR_CORRUPT, "'+OK'"},
	    {{.rdb_only = "-LOADING\r\n"}, ERR_TRANSIENT, "LOADING"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct source s = rows[i].source;
		struct rig r;

		rig_init(&r);
		r.opts.instead = "ask elsewhere";
		r.server = script_server_new(NULL, serve, &s);
		run_rig(&r);
		failed(&r, rows[i].kind, rows[i].text);
		assert_int_equal(r.out.len, 0);
		/* The script, left in the middle, has its reasons to fail. */
		script_server_free(r.server);
		r.server = NULL;
		rig_free(&r);
	}
}

static void
where_there_is_nothing_else_to_try_a_refusal_names_none(void **state)
{
	struct source s = {.psync = "-ERR command is not allowed\r\n"};
	struct rig r;

	(void)state;
	rig_init(&r);
	r.server = script_server_new(NULL, serve, &s);
	run_rig(&r);
	failed(&r, ERR_UNSUPPORTED,
	    "grant +psync +sync +replconf to the user: ERR command");
	script_server_free(r.server);
	r.server = NULL;
	rig_free(&r);
}

static void
a_cut_or_reset_dump_is_transient(void **state)
{
	struct buf dump;
	char header[32];

	(void)state;
	make_dump(&dump, "REDIS0010", 300000);
	length_header(header, dump.len);
	for (int i = 0; i < 3; i++) {
		struct source s = {.dump = &dump, .cut = 123456};
		struct rig r;

		s.header = i == 0 ? header : NULL;
		if (i == 2)
			s.cut = dump.len + 39;
		rig_run(&r, &s);
		failed(&r, ERR_TRANSIENT,
		    i < 2 ? "source closed the connection after 123456 bytes"
			  : "before its end mark");
		rig_free(&r);
	}
	for (int i = 0; i < 2; i++) {
		struct source s = {.dump = &dump, .cut = 1000, .reset = true};
		struct rig r;

		s.header = i == 0 ? header : NULL;
		rig_run(&r, &s);
		failed(&r, ERR_TRANSIENT, "");
		rig_free(&r);
	}
	buf_release(&dump);
}

static void
silence_ends_the_dump(void **state)
{
	struct source before = {.header = "", .stall = true};
	struct source amid = {.stall = true, .cut = 500};
	struct buf dump;

	(void)state;
	make_dump(&dump, "REDIS0010", 1000);
	amid.dump = &dump;
	for (int i = 0; i < 2; i++) {
		struct rig r;

		rig_init(&r);
		r.server = script_server_new(NULL, serve, i ? &amid : &before);
		r.opts.stall_timeout_ms = 50;
		run_rig(&r);
		failed(&r, ERR_TRANSIENT, "stalled");
		assert_non_null(
		    strstr(r.err.text, i ? "after 500 bytes" : "waiting for"));
		rig_free(&r);
	}
	buf_release(&dump);
}

static void
cancels_the_run(struct catcher *out)
{
	cancel_trigger(out->arg);
}

static void
the_deadline_and_a_cancel_end_the_dump(void **state)
{
	struct cancel *stop = cancel_new(NULL);
	struct source s = {.stall = true, .cut = 500};
	struct scope root = scope_root(NULL);
	struct buf dump;
	struct rig r;

	(void)state;
	make_dump(&dump, "REDIS0010", 1000);
	s.dump = &dump;
	rig_init(&r);
	r.server = script_server_new(NULL, serve, &s);
	r.scope = scope_within(&root, 300);
	run_rig(&r);
	failed(&r, ERR_UNREACHABLE, "after 500 bytes");
	rig_free(&r);

	rig_init(&r);
	r.server = script_server_new(NULL, serve, &s);
	r.scope = scope_root(stop);
	r.out.on_write = cancels_the_run;
	r.out.arg = stop;
	run_rig(&r);
	failed(&r, ERR_CANCELLED, "after 500 bytes");
	rig_free(&r);
	buf_release(&dump);
	cancel_free(stop);
}

static void
damage_is_corrupt(void **state)
{
	struct buf dump, bad;
	char header[32];

	(void)state;
	make_dump(&dump, "REDIS0010", 2000);
	for (int i = 0; i < 7; i++) {
		struct source s = {.dump = &bad};
		struct rig r;

		buf_init(&bad, 10000);
		buf_add(&bad, dump.data, dump.len);
		length_header(header, dump.len);
		if (i < 5)
			s.header = header;
		if (i == 0 || i == 5) /* a flipped byte: CRC64 */
			bad.data[1000] ^= 1;
		else if (i == 1) /* the framing ends it too early */
			length_header(header, dump.len - 1);
		else if (i == 2) /* bytes that are no part of it */
			buf_adds(&bad, "xyz");
		else if (i == 3)
			buf_adds(&bad, MARK);
		else if (i == 4) /* an unknown type in a known version */
			bad.data[9] = '\x7f';
		else if (i == 6) { /* another mark */
			s.no_mark = true;
			buf_adds(&bad, REPLID);
		}
		if (i == 2 || i == 3)
			length_header(header, bad.len);
		rig_run(&r, &s);
		failed(&r, i == 4 ? ERR_UNSUPPORTED : ERR_CORRUPT, "");
		assert_false(r.facts.unverified);
		rig_free(&r);
		buf_release(&bad);
	}
	buf_release(&dump);
}

static void
zeros_after_the_dump_are_no_damage(void **state)
{
	struct buf dump;
	struct source s = {.dump = &dump};
	struct rig r;
	char header[32];

	(void)state;
	make_dump(&dump, "REDIS0010", 2000);
	for (int i = 0; i < 512; i++)
		buf_addc(&dump, '\0');
	length_header(header, dump.len);
	s.header = header;
	rig_run(&r, &s);
	succeeded(&r, &dump);
	rig_free(&r);
	buf_release(&dump);
}

static void
a_sink_that_fails_ends_the_dump(void **state)
{
	struct buf dump;
	struct source s = {.dump = &dump};

	(void)state;
	make_dump(&dump, "REDIS0010", 2 * CHUNK_SIZE + 5);
	for (unsigned at = 1; at <= 3; at++) {
		struct rig r;

		rig_init(&r);
		r.server = script_server_new(NULL, serve, &s);
		r.out.fail_at = at;
		run_rig(&r);
		assert_int_equal(r.rc, -1);
		assert_true(r.out.writes <= at);
		script_server_free(r.server);
		r.server = NULL;
		rig_free(&r);
	}
	buf_release(&dump);
}

struct tally {
	uint64_t done, total;
	unsigned calls;
	bool about;
	uint64_t first; /* total that was told, not 0 */
};

static void
note_progress(void *arg, uint64_t done, uint64_t total, bool about)
{
	struct tally *t = arg;

	assert_true(done > t->done);
	if (t->first == 0)
		t->first = total;
	t->about = about;
	t->done = done;
	t->total = total;
	t->calls++;
}

static void
progress_ends_at_the_total(void **state)
{
	struct tally tally = {0};
	struct buf dump;
	struct source s = {.dump = &dump};
	struct rig r;
	char header[32];

	(void)state;
	make_dump(&dump, "REDIS0010", 2 * CHUNK_SIZE + 5);
	length_header(header, dump.len);
	s.header = header;
	rig_init(&r);
	r.server = script_server_new(NULL, serve, &s);
	r.opts.progress = note_progress;
	r.opts.progress_arg = &tally;
	run_rig(&r);
	succeeded(&r, &dump);
	assert_int_equal(tally.done, dump.len);
	assert_int_equal(tally.total, dump.len);
	assert_true(tally.calls >= 3);
	assert_false(tally.about);
	rig_free(&r);
	buf_release(&dump);
}

/* n keys with values of so many bytes. */
static void
make_keys(struct buf *b, unsigned n, unsigned size)
{
	static const char noise[] = "0123456789abcdef";

	buf_init(b, (size_t)64 << 20);
	buf_add(b, "REDIS0010\xfe\0", 11);
	for (unsigned i = 0; i < n; i++) {
		buf_addf(b, "%c%c%08u%c", 0, 8, i, 0x80);
		buf_addf(b, "%c%c%c%c", 0, 0, size >> 8, size & 255);
		for (unsigned j = 0; j < size; j += 16)
			buf_add(b, noise, size - j < 16 ? size - j : 16);
	}
	buf_add(b, "\xff\0\0\0\0\0\0\0\0", 9);
}

/* $EOF tells no length; the keys that INFO told do, about. */
static void
what_eof_does_not_tell_is_reckoned_from_the_keys(void **state)
{
	static const struct {
		const char *info;
		uint64_t parts; /* of the dump's length; 0: not known */
	} cases[] = {
	    {"redis_version:7.0.15\r\ndb0:keys=3000,expires=0,avg_ttl=0\r\n"
	     "db7:keys=3000,expires=0,avg_ttl=0\r\n",
		2},
	    {"redis_version:7.0.15\r\ndb0:keys=3000,expires=0,avg_ttl=0\r\n",
		1},
	    {"redis_version:7.0.15\r\n", 0},
	};
	struct buf dump;

	(void)state;
	make_keys(&dump, 3000, 1000);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct source s = {.dump = &dump, .info = cases[i].info};
		struct tally tally = {0};
		struct rig r;

		rig_init(&r);
		r.server = script_server_new(NULL, serve, &s);
		r.opts.progress = note_progress;
		r.opts.progress_arg = &tally;
		run_rig(&r);
		succeeded(&r, &dump);
		assert_int_equal(tally.about, cases[i].parts > 0);
		assert_in_range(tally.first, dump.len * cases[i].parts * 9 / 10,
		    dump.len * cases[i].parts * 11 / 10);
		rig_free(&r);
	}
	buf_release(&dump);
}

#define UP(offset) \
	"redis_version:7.0.15\r\nrole:slave\r\nmaster_link_status:up\r\n" \
	"slave_repl_offset:" offset "\r\n"
#define DOWN "redis_version:7.0.15\r\nrole:slave\r\nmaster_link_status:down\r\n"

/* Of three sources the chosen'th gives the dump; -1: none. */
static void
choose_among(const char *const infos[3], int chosen, struct err *err)
{
	struct script_server *servers[3];
	struct source sources[3] = {0};
	struct buf dump;
	struct rig r;
	char url[128];

	make_dump(&dump, "REDIS0010", 500);
	for (int i = 0; i < 3; i++) {
		sources[i].dump = &dump;
		sources[i].info = infos[i];
		if (infos[i] != NULL && infos[i][0] == '-')
			sources[i].version = "9.0.0";
		servers[i] = script_server_new(NULL, serve, &sources[i]);
	}
	rig_init(&r);
	snprintf(url, sizeof(url),
	    "redis://127.0.0.1:%d,127.0.0.1:%d,127.0.0.1:%d",
	    script_server_port(servers[0]), script_server_port(servers[1]),
	    script_server_port(servers[2]));
	dump_from(&r, url);
	*err = r.err;
	if (chosen >= 0) {
		char want[32];

		succeeded(&r, &dump);
		snprintf(want, sizeof(want), "127.0.0.1:%d",
		    script_server_port(servers[chosen]));
		assert_string_equal(r.facts.host, want);
		assert_int_equal(r.facts.from_replica,
		    infos[chosen] != NULL &&
			strstr(infos[chosen], "slave") != NULL);
	} else {
		assert_int_equal(r.rc, -1);
	}
	for (int i = 0; i < 3; i++) {
		assert_int_equal(script_server_connections(servers[i]), 1);
		script_server_free(servers[i]);
	}
	rig_free(&r);
	buf_release(&dump);
}

static void
chooses_the_replica_that_is_furthest(void **state)
{
	static const char loading[] = "redis_version:7.0.15\r\nloading:1\r\n";
	static const struct {
		const char *infos[3];
		int chosen;
	} rows[] = {
	    {{NULL, UP("100"), UP("200")}, 2},
	    {{UP("300"), NULL, UP("200")}, 0},
	    {{DOWN, NULL, loading}, 1},
	    {{"-NOPERM no +info\r\n", DOWN, NULL}, 2},
	    {{DOWN, "-NOPERM no +info\r\n", loading}, 1},
	    {{NULL, NULL, DOWN}, 0},
	};
	static const char *const none[3] = {DOWN, loading, DOWN};
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		choose_among(rows[i].infos, rows[i].chosen, &err);
	choose_among(none, -1, &err);
	assert_int_equal(err.kind, ERR_TRANSIENT);
	assert_non_null(strstr(err.text, "none of 3 hosts"));
	assert_non_null(strstr(err.text, "is down"));
	assert_non_null(strstr(err.text, "loading"));
}

/* A primary that was cut off, and does not know that it is none any more. */
static void
a_primary_that_sentinel_does_not_name_is_not_taken(void **state)
{
	static const struct redis_opts none;
	struct redis_address hosts[2] = {
	    {.host = (char *)"127.0.0.1", .port = 1},
	    {.host = (char *)"127.0.0.1"}};
	struct redis_target t = {
	    .hosts = hosts, .nhosts = 2, .master = (char *)"m"};
	struct source s = {0};
	struct rig r;

	(void)state;
	rig_init(&r);
	r.server = script_server_new(NULL, greet_and_wait, &s);
	hosts[1].port = script_server_port(r.server);
	r.rc = sync_dump(
	    &t, &none, &r.scope, &r.opts, &r.out.base, &r.facts, &r.err);
	failed(&r, ERR_TRANSIENT, "Sentinel names another primary");
	rig_free(&r);
}

static void
a_host_that_is_loading_or_gone_is_named(void **state)
{
	struct source s = {.ping = "-LOADING Redis is loading\r\n"};
	char url[64];
	struct rig r;

	(void)state;
	rig_init(&r);
	r.server = script_server_new(NULL, serve, &s);
	snprintf(url, sizeof(url), "redis://127.0.0.1:1,127.0.0.1:%d",
	    script_server_port(r.server));
	dump_from(&r, url);
	failed(&r, ERR_TRANSIENT, "LOADING");
	assert_non_null(strstr(r.err.text, "'127.0.0.1:1': cannot connect"));
	script_server_free(r.server);
	r.server = NULL;
	rig_free(&r);
}

/* Real servers. */

static struct redis_conn *
dial(const struct real_redis *redis)
{
	static const struct redis_opts none;
	struct redis_address a = {.host = (char *)real_redis_socket(redis)};
	struct scope scope = scope_root(NULL);
	struct err err = {0};
	struct redis_conn *c = redis_connect(&a, NULL, &none, &scope, &err);

	if (c == NULL)
		fail_msg("%s", err.text);
	return c;
}

static void
populate(struct redis_conn *c)
{
	struct scope scope = scope_root(NULL);
	struct err err = {0};
	redisReply *reply;

	reply = redis_command(c, &scope, &err, "DEBUG POPULATE 20000 key 100");
	if (reply == NULL)
		fail_msg("%s", err.text);
	freeReplyObject(reply);
}

static void
check_real(struct rig *r, const char *url, uint64_t keys)
{
	struct rdb_summary sum;

	if (dump_from(r, url) != 0)
		fail_msg("%s", r->err.text);
	rdb_reader_summary(r->reader, &sum);
	assert_true(sum.complete);
	assert_int_equal(sum.keys, keys);
	assert_int_equal(sum.size, r->out.len);
	assert_int_equal(strlen(r->facts.replid), 40);
	assert_true(r->facts.rdb_only);
}

static void
takes_a_real_server_s_dump(void **state)
{
	(void)state;
	for (int diskless = 0; diskless < 2; diskless++) {
		const char *args[] = {"--enable-debug-command", "yes",
		    "--repl-diskless-sync", diskless ? "yes" : "no", NULL};
		struct real_redis_opts how = {.args = args};
		struct real_redis *redis = real_redis_start(&how);
		struct redis_conn *c = dial(redis);
		struct rig r;
		char url[128];

		populate(c);
		redis_conn_free(c);
		snprintf(
		    url, sizeof(url), "unix://%s", real_redis_socket(redis));
		rig_init(&r);
		check_real(&r, url, 20000);
		assert_int_equal(r.facts.diskless, diskless);
		assert_int_equal(r.facts.total, diskless ? 0 : r.out.len);
		rig_free(&r);
		real_redis_stop(redis);
	}
}

static void
kills_the_server(struct catcher *out)
{
	if (out->writes == 0)
		kill(real_redis_pid(out->arg), SIGKILL);
}

/* Every key takes it 50 us to save, so that the kill comes in the middle. */
static void
a_real_server_killed_in_mid_dump_is_transient(void **state)
{
	static const char *const args[] = {"--enable-debug-command", "yes",
	    "--rdb-key-save-delay", "50", NULL};
	struct real_redis_opts how = {.args = args};
	struct real_redis *redis = real_redis_start(&how);
	struct redis_conn *c = dial(redis);
	struct rig r;
	char url[128];

	(void)state;
	populate(c);
	redis_conn_free(c);
	snprintf(
	    url, sizeof(url), "redis://127.0.0.1:%d", real_redis_port(redis));
	rig_init(&r);
	r.out.on_write = kills_the_server;
	r.out.arg = redis;
	dump_from(&r, url);
	failed(&r, ERR_TRANSIENT, "of the dump");
	rig_free(&r);
	real_redis_stop(redis);
}

static void
prefers_a_real_replica(void **state)
{
	static const char *const debug[] = {
	    "--enable-debug-command", "yes", NULL};
	struct real_redis_opts how = {.args = debug};
	struct real_redis *primary = real_redis_start(&how), *replica;
	struct redis_conn *c = dial(primary);
	struct scope scope = scope_root(NULL);
	char port[16], url[128], want[32];
	const char *follow[] = {"--replicaof", "127.0.0.1", port, NULL};
	struct err err = {0};
	redisReply *reply;
	struct rig r;

	(void)state;
	populate(c);
	snprintf(port, sizeof(port), "%d", real_redis_port(primary));
	how.args = follow;
	replica = real_redis_start(&how);
	freeReplyObject(redis_command(c, &scope, &err, "SET last one"));
	reply = redis_command(c, &scope, &err, "WAIT 1 20000");
	assert_int_equal(reply->integer, 1);
	freeReplyObject(reply);
	redis_conn_free(c);

	snprintf(url, sizeof(url), "redis://127.0.0.1:%d,127.0.0.1:%d",
	    real_redis_port(primary), real_redis_port(replica));
	snprintf(want, sizeof(want), "127.0.0.1:%d", real_redis_port(replica));
	rig_init(&r);
	check_real(&r, url, 20001);
	assert_string_equal(r.facts.host, want);
	assert_true(r.facts.from_replica);
	rig_free(&r);

	/* Without its replica the primary does it. */
	real_redis_stop(replica);
	rig_init(&r);
	check_real(&r, url, 20001);
	assert_false(r.facts.from_replica);
	rig_free(&r);
	real_redis_stop(primary);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(takes_a_dump_of_either_framing),
	    cmocka_unit_test(passes_on_what_is_there_when_the_source_pauses),
	    cmocka_unit_test(the_mark_may_come_in_pieces),
	    cmocka_unit_test(a_newer_version_is_kept_unverified),
	    cmocka_unit_test(without_rdb_only_it_goes_on),
	    cmocka_unit_test(a_valkey_is_told_which_version_to_write),
	    cmocka_unit_test(a_host_that_is_not_admitted_is_asked_nothing),
	    cmocka_unit_test(an_old_server_is_asked_by_sync),
	    cmocka_unit_test(refusals_say_what_to_try_next),
	    cmocka_unit_test(
		where_there_is_nothing_else_to_try_a_refusal_names_none),
	    cmocka_unit_test(a_cut_or_reset_dump_is_transient),
	    cmocka_unit_test(silence_ends_the_dump),
	    cmocka_unit_test(the_deadline_and_a_cancel_end_the_dump),
	    cmocka_unit_test(damage_is_corrupt),
	    cmocka_unit_test(zeros_after_the_dump_are_no_damage),
	    cmocka_unit_test(a_sink_that_fails_ends_the_dump),
	    cmocka_unit_test(progress_ends_at_the_total),
	    cmocka_unit_test(what_eof_does_not_tell_is_reckoned_from_the_keys),
	    cmocka_unit_test(chooses_the_replica_that_is_furthest),
	    cmocka_unit_test(
		a_primary_that_sentinel_does_not_name_is_not_taken),
	    cmocka_unit_test(a_host_that_is_loading_or_gone_is_named),
	    cmocka_unit_test(takes_a_real_server_s_dump),
	    cmocka_unit_test(a_real_server_killed_in_mid_dump_is_transient),
	    cmocka_unit_test(prefers_a_real_replica),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
