/*
 * A dump by SCAN: what a real server holds is in it, once; and what servers
 * may answer besides, on bytes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/budget.h"
#include "base/buf.h"
#include "base/chunk.h"
#include "base/err.h"
#include "base/scope.h"
#include "rdb/crc64.h"
#include "rdb/fingerprint.h"
#include "rdb/key_filter.h"
#include "rdb/rdb_reader.h"
#include "rdb/redis_conn.h"
#include "rdb/scan_client.h"
#include "rdb/scan_quota.h"
#include "tests/sim/brief_token.h"
#include "tests/sim/catcher.h"
#include "tests/sim/fake_clock.h"
#include "tests/sim/real_redis.h"
#include "tests/sim/redis_data.h"
#include "tests/sim/script_server.h"

#define BUDGET (SCAN_SEEN_BYTES + CHUNK_SIZE + SCAN_AGAIN_BYTES)

struct rig {
	struct budget *budget;
	struct catcher out;
	struct scope scope;
	struct redis_opts redis;
	struct scan_opts opts;
	struct scan_facts facts;
	struct err err;
};

static void
rig_init(struct rig *r)
{
	*r = (struct rig){.scope = scope_root(NULL)};
	r->budget = r->opts.budget = budget_new(BUDGET);
	catcher_init(&r->out);
}

static void
rig_free(struct rig *r)
{
	assert_int_equal(budget_left(r->budget), BUDGET);
	budget_free(r->budget);
	catcher_release(&r->out);
}

static int
dump(struct rig *r, int port)
{
	struct redis_target t;
	char url[64];
	int rc;

	snprintf(url, sizeof(url), "redis://127.0.0.1:%d", port);
	assert_int_equal(redis_target_parse(url, &t, &r->err), 0);
	rc = scan_dump(&t, &r->redis, &r->scope, &r->opts, &r->out.base,
	    &r->facts, &r->err);
	redis_target_release(&t);
	return rc;
}

static void
must_dump(struct rig *r, int port)
{
	if (dump(r, port) != 0)
		fail_msg("%s", r->err.text);
	assert_false(r->out.finished);
}

static void
fingerprint_of(const unsigned char *data, size_t len, char out[33])
{
	struct fingerprint *f = fingerprint_new(0);
	struct rdb_reader *reader = rdb_reader_new();
	struct err err = {0};

	rdb_reader_add(reader, fingerprint_visitor(f));
	if (rdb_reader_feed(reader, data, len, &err) != 0 ||
	    rdb_reader_finish(reader, &err) != 0)
		fail_msg("%s", err.text);
	fingerprint_text(f, out);
	rdb_reader_free(reader);
	fingerprint_free(f);
}

/* The keys of a dump, in its order: name, use, expiry. */
struct listing {
	struct rdb_visitor visitor;
	struct buf text;
};

static int
list_key(struct rdb_visitor *v, const struct rdb_key *k, struct err *err)
{
	struct buf *b = &((struct listing *)v)->text;

	(void)err;
	buf_addf(b, "%u:%.*s", (unsigned)k->db, (int)k->name_len,
	    (const char *)k->name);
	if (k->expires_ms != RDB_NO_EXPIRY)
		buf_addf(b, "@%lld", (long long)k->expires_ms);
	if (k->idle_s >= 0)
		buf_addf(b, "/idle=%lld", (long long)k->idle_s);
	if (k->lfu >= 0)
		buf_addf(b, "/freq=%d", k->lfu);
	buf_addc(b, ' ');
	return 0;
}

static void
keys_are(const struct rig *r, const char *wanted)
{
	static const struct rdb_visitor_ops ops = {.key_begin = list_key};
	struct listing l = {.visitor.ops = &ops};
	struct rdb_reader *reader = rdb_reader_new();
	struct err err = {0};

	buf_init(&l.text, 4096);
	rdb_reader_add(reader, &l.visitor);
	if (rdb_reader_feed(reader, r->out.data, r->out.len, &err) != 0 ||
	    rdb_reader_finish(reader, &err) != 0)
		fail_msg("%s", err.text);
	assert_string_equal(l.text.data, wanted);
	rdb_reader_free(reader);
	buf_release(&l.text);
}

static struct real_redis *
start(struct redis_conn **conn)
{
	static const char *const args[] = {REDIS_DATA_DEBUG, NULL};
	const struct real_redis_opts opts = {.args = args};
	struct real_redis *server = real_redis_start(&opts);

	*conn = redis_data_connect(server, NULL);
	return server;
}

/* Every type and encoding, functions, databases, values of several chunks. */
static void
it_holds_what_the_server_holds(void **state)
{
	struct redis_conn *conn;
	struct real_redis *server = start(&conn);
	char ours[33], theirs[33];
	unsigned char *saved;
	struct rig r;
	size_t len;

	(void)state;
	redis_data_fill(conn, 20000);
	redis_data_do(conn, "SETRANGE big 3000000 x");
	saved = redis_data_dump(server, conn, &len);
	rig_init(&r);
	must_dump(&r, real_redis_port(server));
	fingerprint_of(saved, len, theirs);
	fingerprint_of(r.out.data, r.out.len, ours);
	assert_string_equal(ours, theirs);
	assert_true(r.facts.keys > 20000);
	assert_int_equal(r.facts.gone, 0);
	assert_true(r.facts.expiry_exact);
	assert_false(r.facts.functions_left_out);
	assert_string_equal(r.facts.version, "7.0.15");
	assert_int_equal(strlen(r.facts.replid), 40);
	assert_true(r.facts.ended_ms >= r.facts.began_ms);
	rig_free(&r);
	free(saved);
	redis_conn_free(conn);
	real_redis_stop(server);
}

static void
an_empty_server_makes_a_valid_dump(void **state)
{
	struct redis_conn *conn;
	struct real_redis *server = start(&conn);
	struct rig r;

	(void)state;
	rig_init(&r);
	must_dump(&r, real_redis_port(server));
	keys_are(&r, "");
	assert_memory_equal(r.out.data, "REDIS0010", 9);
	rig_free(&r);
	redis_conn_free(conn);
	real_redis_stop(server);
}

static void
how_keys_are_used_goes_along(void **state)
{
	struct redis_conn *conn;
	struct real_redis *server = start(&conn);
	char wanted[64];
	struct rig r;

	(void)state;
	redis_data_do(conn, "CONFIG SET maxmemory-policy allkeys-lfu");
	redis_data_do(conn, "SET b 1");
	snprintf(wanted, sizeof(wanted), "0:b/freq=%lld ",
	    redis_data_int(conn, "OBJECT FREQ b"));
	rig_init(&r);
	must_dump(&r, real_redis_port(server));
	keys_are(&r, wanted);
	rig_free(&r);
	redis_conn_free(conn);
	real_redis_stop(server);
}

/* Time that passes when the server takes it, or when we sleep. */
struct late_clock {
	struct clock base;
	_Atomic int64_t now_ms, slept_ms;
};

static int64_t
late_now(const struct clock *c)
{
	return atomic_load(&((struct late_clock *)c)->now_ms);
}

static void
late_random(const struct clock *c, void *out, size_t n)
{
	(void)c;
	memset(out, 7, n);
}

static void
late_sleep(const struct clock *c, int64_t ms)
{
	struct late_clock *l = (struct late_clock *)c;

	atomic_fetch_add(&l->now_ms, ms);
	atomic_fetch_add(&l->slept_ms, ms);
}

/* A server of our own making: it answers by what was asked. */
struct fake {
	const char *version;	  /* "7.0.15" */
	const char *info;	  /* more of INFO */
	const char *scans[4];	  /* answers to SCAN, in turn */
	const char *use, *expiry; /* OBJECT's, PEXPIRETIME's, or PTTL's */
	const char *time;	  /* TIME's; NULL: TIME_AHEAD */
	const char *value;	  /* DUMP's: NULL: a good one */
	const char *function;	  /* FUNCTION DUMP's; NULL: none is there */
	const char *queued;	  /* DUMP's in MULTI; NULL: +QUEUED */
	int footer;		  /* version in it; 0: 10 */
	bool bad_crc;
	bool hangs_up; /* in mid-value */
	bool balances; /* each connection is another server's */
	bool tells;    /* of each change; there is none */
	bool module;   /* values are a module's, with nothing in it */
	/* Passes by 100 ms at each SCAN but one, and by a second when what is
	 * left of events is asked for. */
	struct late_clock *late;
};

#define WORDS_MAX 8

/* One command; the words are NUL-ended in b. */
static int
read_command(struct script_conn *c, struct buf *b, const char *words[WORDS_MAX])
{
	size_t at[WORDS_MAX], n;

	buf_truncate(b, 0);
	if (script_read_until(c, b, "\r\n") != 0)
		return -1;
	n = strtoul(b->data + 1, NULL, 10);
	if (n == 0 || n > WORDS_MAX)
		return script_fail(c, "'%s' is no command", b->data);
	buf_truncate(b, 0);
	for (size_t i = 0; i < n; i++) {
		size_t head = b->len, len;

		if (script_read_until(c, b, "\r\n") != 0)
			return -1;
		len = strtoul(b->data + head + 1, NULL, 10);
		buf_truncate(b, head);
		at[i] = b->len;
		if (script_read(c, b, len + 2) != 0)
			return -1;
		buf_truncate(b, b->len - 2);
		buf_addc(b, '\0');
	}
	for (size_t i = 0; i < n; i++)
		words[i] = b->data + at[i];
	return (int)n;
}

static int
send_bulk(struct script_conn *c, const void *data, size_t len)
{
	if (script_sendf(c, "$%zu\r\n", len) != 0 ||
	    script_send(c, data, len) != 0)
		return -1;
	return script_sends(c, "\r\n");
}

/* The string "v", or a module's value of this id. */
static int
send_value(struct script_conn *c, const struct fake *f)
{
	unsigned char p[32] = {0, 1, 'v'};
	size_t n = 3;
	uint64_t crc;

	if (f->value != NULL)
		return script_sends(c, f->value);
	if (f->module) {
		memcpy(p,
		    "\x07\x81"
		    "moduleid",
		    n = 10);
		p[n++] = 0; /* its end */
	}
	p[n++] = (unsigned char)(f->footer != 0 ? f->footer : 10);
	p[n++] = 0;
	crc = crc64(0, p, n) ^ f->bad_crc;
	for (int i = 0; i < 8; i++)
		p[n++] = (unsigned char)(crc >> 8 * i);
	if (f->hangs_up) {
		script_sends(c, "$13\r\n");
		script_send(c, p, 7);
		return -1;
	}
	return send_bulk(c, p, n);
}

/* 10 s ahead of the fake clock. */
#define TIME_AHEAD "*2\r\n$10\r\n1700000010\r\n$1\r\n0\r\n"

static int
send_time(struct script_conn *c, const struct fake *f)
{
	return script_sends(c, f->time != NULL ? f->time : TIME_AHEAD);
}

/* In EXEC: what was queued, by its first word. */
static int
execute(struct script_conn *c, const struct fake *f, const char *queue)
{
	if (f->queued != NULL)
		return script_sends(c,
		    "-EXECABORT Transaction discarded because of previous "
		    "errors.\r\n");
	if (script_sendf(c, "*%zu\r\n", strlen(queue)) != 0)
		return -1;
	for (; *queue != '\0'; queue++) {
		int rc = *queue == 'D' ? send_value(c, f)
		    : *queue == 'T'    ? send_time(c, f)
		    : *queue == 'O'    ? script_sends(c, f->use)
				       : script_sends(c, f->expiry);

		if (rc != 0)
			return -1;
	}
	return 0;
}

static int
answer_info(struct script_conn *c, const struct fake *f)
{
	struct buf b;
	int rc;

	buf_init(&b, 4096);
	buf_addf(&b,
	    "redis_version:%s\r\nloading:0\r\nrole:master\r\n"
	    "db0:keys=3,expires=0,avg_ttl=0\r\n%s",
	    f->version != NULL ? f->version : "7.0.15",
	    f->info != NULL ? f->info : "");
	if (f->tells)
		buf_adds(&b, "executable:/r\r\ncmdstat_info:calls=1\r\n");
	if (f->balances)
		buf_addf(&b, "run_id:%u\r\n", script_conn_number(c));
	rc = send_bulk(c, b.data, b.len);
	buf_release(&b);
	return rc;
}

enum mode { PLAIN, IN_MULTI, SUBSCRIBED }; /* of a connection */

static int
answer(struct script_conn *c, const struct fake *f, const char *words[],
    size_t *scans, enum mode *mode, struct buf *queue)
{
	static const char *const fixed[][2] = {
	    {"PING", "+PONG\r\n"},
	    {"CONFIG", "-ERR unknown command 'CONFIG'\r\n"},
	    {"CLIENT", "-ERR unknown subcommand\r\n"},
	};
	const char *w = words[0];

	if (f->tells && strcmp(w, "CONFIG") == 0)
		return script_sends(
		    c, "*2\r\n$22\r\nnotify-keyspace-events\r\n$2\r\nAE\r\n");
	if (strcmp(w, "PSUBSCRIBE") == 0) {
		*mode = SUBSCRIBED;
		return script_sends(
		    c, "*3\r\n$10\r\npsubscribe\r\n$1\r\np\r\n:1\r\n");
	}
	if (strcmp(w, "PING") == 0 && *mode == SUBSCRIBED && f->late != NULL)
		atomic_fetch_add(&f->late->now_ms, 1000);
	if (strcmp(w, "PING") == 0 && *mode == SUBSCRIBED)
		return script_sends(c, "*2\r\n$4\r\npong\r\n$0\r\n\r\n");
	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		if (strcmp(w, fixed[i][0]) == 0)
			return script_sends(c, fixed[i][1]);
	if (strcmp(w, "TIME") == 0 && *mode != IN_MULTI)
		return send_time(c, f);
	if (strcmp(w, "INFO") == 0)
		return answer_info(c, f);
	if (strcmp(w, "FUNCTION") == 0)
		return f->function != NULL ? script_sends(c, f->function)
					   : send_bulk(c, "0123456789", 10);
	if (strcmp(w, "SCAN") == 0) {
		if (f->late != NULL && *scans > 0)
			atomic_fetch_add(&f->late->now_ms, 100);
		return script_sends(c, f->scans[(*scans)++]);
	}
	if (strcmp(w, "MULTI") == 0) {
		buf_truncate(queue, 0);
		*mode = IN_MULTI;
		return script_sends(c, "+OK\r\n");
	}
	if (strcmp(w, "EXEC") == 0) {
		*mode = PLAIN;
		return execute(c, f, queue->data);
	}
	buf_addc(queue, *w);
	if (strcmp(w, "DUMP") == 0 && f->queued != NULL)
		return script_sends(c, f->queued);
	return script_sends(c, "+QUEUED\r\n");
}

static void
serve(struct script_conn *c, void *arg)
{
	const char *words[WORDS_MAX];
	struct buf b, queue;
	enum mode mode = PLAIN;
	size_t scans = 0;
	int n;

	buf_init(&b, 65536);
	buf_init(&queue, 4096);
	while ((n = read_command(c, &b, words)) > 0)
		if (answer(c, arg, words, &scans, &mode, &queue) != 0)
			break;
	buf_release(&b);
	buf_release(&queue);
}

/* Dumps the fake; 0 or -1 and the rig's err. */
static int
dump_fake(struct rig *r, struct fake *f)
{
	struct script_server *server = script_server_new(NULL, serve, f);
	int rc = dump(r, script_server_port(server));

	if (script_server_failure(server) != NULL)
		fail_msg("%s", script_server_failure(server));
	script_server_free(server);
	return rc;
}

#define KEYS_AB	 "$1\r\na\r\n$1\r\nb\r\n"
#define ONE_SCAN "*2\r\n$1\r\n0\r\n*2\r\n" KEYS_AB

static void
a_key_told_twice_is_written_once(void **state)
{
	struct fake f = {.expiry = ":-1\r\n",
	    .scans = {"*2\r\n$2\r\n17\r\n*2\r\n" KEYS_AB,
		"*2\r\n$1\r\n5\r\n*0\r\n",
		"*2\r\n$1\r\n0\r\n*3\r\n" KEYS_AB "$1\r\nc\r\n"}};
	struct rig r;

	(void)state;
	rig_init(&r);
	if (dump_fake(&r, &f) != 0)
		fail_msg("%s", r.err.text);
	keys_are(&r, "0:a 0:b 0:c ");
	assert_int_equal(r.facts.keys, 3);
	assert_int_equal(r.facts.repeated, 2);
	rig_free(&r);
}

static void
what_went_meanwhile_is_left_out(void **state)
{
	struct fake f = {
	    .expiry = ":-2\r\n", .value = "$-1\r\n", .scans = {ONE_SCAN}};
	struct rig r;

	(void)state;
	rig_init(&r);
	if (dump_fake(&r, &f) != 0)
		fail_msg("%s", r.err.text);
	keys_are(&r, "");
	assert_int_equal(r.facts.keys, 0);
	assert_int_equal(r.facts.gone, 2);
	rig_free(&r);
}

static void
use_and_expiry_are_asked_as_the_server_tells_them(void **state)
{
	static const struct {
		const char *version, *info, *use, *expiry, *keys;
		bool exact;
	} cases[] = {
	    {"7.0.15", "maxmemory_policy:allkeys-lru\r\n", ":77\r\n",
		":4102444800123\r\n",
		"0:a@4102444800123/idle=77 0:b@4102444800123/idle=77 ", true},
	    {"7.0.15", "maxmemory_policy:volatile-lfu\r\n", ":255\r\n",
		":-1\r\n", "0:a/freq=255 0:b/freq=255 ", true},
	    {"7.0.15", "maxmemory_policy:volatile-lfu\r\n",
		"-ERR no such key\r\n", ":-1\r\n", "0:a 0:b ", true},
	    /* The rest of its life, and a clock that is 10 s ahead. */
	    {"6.2.7", "maxmemory_policy:noeviction\r\n", NULL, ":5000\r\n",
		"0:a@1700000015000 0:b@1700000015000 ", false},
	    {"6.2.7", "", NULL, ":-1\r\n", "0:a 0:b ", false},
	    {"6.2.7", "", NULL, ":9223372036854775807\r\n",
		"0:a@9223372036854775807 0:b@9223372036854775807 ", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fake f = {.version = cases[i].version,
		    .info = cases[i].info,
		    .use = cases[i].use,
		    .expiry = cases[i].expiry,
		    .footer = 9,
		    .scans = {ONE_SCAN}};
		struct fake_clock clock;
		struct rig r;

		rig_init(&r);
		r.scope = fake_clock_init(&clock);
		clock.wall_ms = INT64_C(1700000000000);
		if (dump_fake(&r, &f) != 0)
			fail_msg("%s", r.err.text);
		keys_are(&r, cases[i].keys);
		assert_int_equal(r.facts.expiry_exact, cases[i].exact);
		rig_free(&r);
	}
}

/* Then it is gone by ours. */
static void
a_clock_that_is_not_told_is_done_without(void **state)
{
	static const char *const times[] = {"-ERR no\r\n", "*0\r\n"};

	(void)state;
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		struct fake f = {.version = "6.2.7",
		    .time = times[i],
		    .expiry = ":5000\r\n",
		    .footer = 9,
		    .scans = {ONE_SCAN}};
		struct fake_clock clock;
		struct rig r;

		rig_init(&r);
		r.scope = fake_clock_init(&clock);
		clock.wall_ms = INT64_C(1700000000000);
		if (dump_fake(&r, &f) != 0)
			fail_msg("%s", r.err.text);
		keys_are(&r, "0:a@1700000005000 0:b@1700000005000 ");
		rig_free(&r);
	}
}

static void
what_a_server_should_not_answer_ends_it(void **state)
{
	static const struct {
		struct fake fake;
		enum err_kind kind;
		const char *text;
	} cases[] = {
	    {{.scans = {"-NOPERM this user has no permissions to run the "
			"'scan' command\r\n"}},
		ERR_AUTH, "SCAN"},
	    {{.scans = {"*1\r\n$1\r\n0\r\n"}}, ERR_CORRUPT, "no cursor"},
	    {{.scans = {"*2\r\n$2\r\n1x\r\n*0\r\n"}}, ERR_CORRUPT, "no cursor"},
	    {{.scans = {"*2\r\n$1\r\n0\r\n*1\r\n:1\r\n"}}, ERR_CORRUPT,
		"no key"},
	    {{.scans = {ONE_SCAN},
		 .expiry = ":-1\r\n",
		 .queued = "-NOPERM this user has no permissions to run the "
			   "'dump' command\r\n"},
		ERR_AUTH, "NOPERM"},
	    {{.scans = {ONE_SCAN}, .expiry = ":-1\r\n", .bad_crc = true},
		ERR_CORRUPT, "key 'a' of database 0"},
	    {{.scans = {ONE_SCAN}, .expiry = ":-1\r\n", .footer = 11},
		ERR_UNSUPPORTED, "RDB version 11"},
	    {{.scans = {ONE_SCAN}, .expiry = ":-1\r\n", .hangs_up = true},
		ERR_TRANSIENT, "closed the connection"},
	    {{.scans = {ONE_SCAN},
		 .expiry = ":-1\r\n",
		 .value = "$3\r\nabc\r\n"},
		ERR_CORRUPT, "3 bytes holds no value"},
	    {{.scans = {ONE_SCAN}, .expiry = ":-1\r\n", .value = "$x\r\n"},
		ERR_CORRUPT, "'$x'"},
	    /* At one moment, a key is there or not. */
	    {{.scans = {ONE_SCAN}, .expiry = ":-2\r\n"}, ERR_CORRUPT,
		"and not a value"},
	    {{.scans = {ONE_SCAN}, .expiry = "+OK\r\n"}, ERR_CORRUPT,
		"and not an expiry"},
	    {{.scans = {ONE_SCAN},
		 .version = "6.2.7",
		 .expiry = ":-1\r\n",
		 .time = "*2\r\n:1700000010\r\n:0\r\n"},
		ERR_CORRUPT, "and not a time"},
	    {{.scans = {ONE_SCAN},
		 .version = "6.2.7",
		 .expiry = ":-1\r\n",
		 .time = "*2\r\n$2\r\n-1\r\n$1\r\n0\r\n"},
		ERR_CORRUPT, "and not a time"},
	    {{.scans = {ONE_SCAN},
		 .version = "6.2.7",
		 .expiry = ":-1\r\n",
		 .time = "*2\r\n$19\r\n9223372036854775807\r\n$1\r\n0\r\n"},
		ERR_CORRUPT, "and not a time"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fake f = cases[i].fake;
		struct rig r;

		rig_init(&r);
		assert_int_equal(dump_fake(&r, &f), -1);
		if (r.err.kind != cases[i].kind ||
		    strstr(r.err.text, cases[i].text) == NULL)
			fail_msg("%zu: %s: %s", i, err_kind_name(r.err.kind),
			    r.err.text);
		rig_free(&r);
	}
}

/* The values would be missing, or another server's. */
static void
a_name_of_several_servers_is_not_read(void **state)
{
	struct fake f = {
	    .expiry = ":-1\r\n", .scans = {ONE_SCAN}, .balances = true};
	struct rig r;

	(void)state;
	rig_init(&r);
	assert_int_equal(dump_fake(&r, &f), -1);
	assert_int_equal(r.err.kind, ERR_TRANSIENT);
	assert_non_null(strstr(r.err.text, "name the server itself"));
	rig_free(&r);
}

static void
functions_that_are_refused_are_told(void **state)
{
	struct fake f = {.expiry = ":-1\r\n",
	    .scans = {ONE_SCAN},
	    .function = "-ERR unknown command 'FUNCTION'\r\n"};
	struct rig r;

	(void)state;
	rig_init(&r);
	if (dump_fake(&r, &f) != 0)
		fail_msg("%s", r.err.text);
	assert_true(r.facts.functions_left_out);
	keys_are(&r, "0:a 0:b ");
	rig_free(&r);
}

/* Two of three answers take 100 ms; and then as long is nothing asked. */
static void
a_server_whose_answers_are_late_is_left_alone(void **state)
{
	static const struct {
		int64_t most_ms, slept_ms;
	} cases[] = {{99, 200}, {100, 0}, {0, 200}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct late_clock clock = {.base = {.mono_ms = late_now,
					       .wall_ms = late_now,
					       .sleep = late_sleep}};
		struct fake f = {.expiry = ":-1\r\n",
		    .late = &clock,
		    .scans = {"*2\r\n$2\r\n17\r\n*2\r\n" KEYS_AB,
			"*2\r\n$1\r\n5\r\n*1\r\n$1\r\nc\r\n",
			"*2\r\n$1\r\n0\r\n*0\r\n"}};
		struct rig r;

		rig_init(&r);
		r.scope.clock = &clock.base;
		r.opts.latency_most_ms = cases[i].most_ms;
		if (dump_fake(&r, &f) != 0)
			fail_msg("%s", r.err.text);
		keys_are(&r, "0:a 0:b 0:c ");
		assert_int_equal(clock.slept_ms, cases[i].slept_ms);
		rig_free(&r);
	}
}

/* It counts from the server's clock when it was asked, however long we sleep
 * before an answer is read. */
static void
below_7_0_no_expiry_comes_out_late(void **state)
{
	struct fake f = {.version = "6.2.7",
	    .expiry = ":5000\r\n",
	    .footer = 9,
	    .scans = {"*2\r\n$1\r\n5\r\n*2\r\n" KEYS_AB,
		"*2\r\n$1\r\n0\r\n*1\r\n$1\r\nc\r\n"}};
	struct fake_clock clock;
	struct rig r;

	(void)state;
	rig_init(&r);
	r.scope = fake_clock_init(&clock);
	clock.wall_ms = INT64_C(1700000000000);
	r.opts.quota = scan_quota_new(1);
	if (dump_fake(&r, &f) != 0)
		fail_msg("%s", r.err.text);
	assert_true(clock.wall_ms > INT64_C(1700000001000));
	keys_are(&r, "0:a@1700000015000 0:b@1700000015000 0:c@1700000015000 ");
	scan_quota_free(r.opts.quota);
	rig_free(&r);
}

static void
no_more_keys_a_second_than_wanted(void **state)
{
	struct redis_conn *conn;
	struct real_redis *server = start(&conn);
	struct fake_clock clock;
	struct rig r;

	(void)state;
	redis_data_do(conn, "DEBUG POPULATE 1000 k 8");
	rig_init(&r);
	r.scope = fake_clock_init(&clock);
	r.opts.quota = scan_quota_new(100);
	must_dump(&r, real_redis_port(server));
	assert_int_equal(r.facts.keys, 1000);
	/* The last group need not wait for its turn to be over. */
	assert_in_range(r.facts.ended_ms - r.facts.began_ms, 9500, 10500);
	scan_quota_free(r.opts.quota);
	rig_free(&r);
	redis_conn_free(conn);
	real_redis_stop(server);
}

static long long
dump_calls(struct redis_conn *conn)
{
	char *stats = redis_data_text(conn, "INFO commandstats");
	const char *at = strstr(stats, "cmdstat_dump:calls=");
	long long n = at != NULL ? strtoll(strchr(at, '=') + 1, NULL, 10) : 0;

	free(stats);
	return n;
}

/* By name, database and type; what is left out is counted all the same. */
static void
what_no_rule_can_take_is_not_asked_for(void **state)
{
	static const struct {
		enum key_rule rule;
		const char *text, *keys;
		long long calls;
		uint64_t unwanted;
	} cases[] = {
	    {KEY_RULE_KEYS, "a*", "0:a1 1:a2 ", 2, 4},
	    {KEY_RULE_NOT_KEYS, "?1", NULL, 3, 3},
	    {KEY_RULE_DBS, "1", NULL, 2, 4},
	    {KEY_RULE_NOT_DBS, "0-7", "", 0, 6},
	    {KEY_RULE_TYPES, "hash", "0:h 1:h ", 2, 4},
	    {KEY_RULE_TYPES, "hash,string", NULL, 6, 0},
	    {KEY_RULE_FUNCTIONS, "no", NULL, 6, 0},
	};
	struct redis_conn *conn;
	struct real_redis *server = start(&conn);

	(void)state;
	redis_data_do(conn, "MSET a1 1 b1 2 c1 3");
	redis_data_do(conn, "HSET h f v");
	redis_data_do(conn, "SELECT 1");
	redis_data_do(conn, "SET a2 1");
	redis_data_do(conn, "HSET h f v");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct key_filter *f = key_filter_new();
		struct rig r;

		rig_init(&r);
		assert_int_equal(
		    key_filter_add(f, cases[i].rule, cases[i].text, &r.err), 0);
		r.opts.filter = f;
		redis_data_do(conn, "CONFIG RESETSTAT");
		must_dump(&r, real_redis_port(server));
		assert_int_equal(dump_calls(conn), cases[i].calls);
		assert_int_equal(r.facts.unwanted, cases[i].unwanted);
		assert_int_equal(r.facts.keys, cases[i].calls);
		if (cases[i].keys != NULL)
			keys_are(&r, cases[i].keys);
		rig_free(&r);
		key_filter_free(f);
	}
	redis_conn_free(conn);
	real_redis_stop(server);
}

static void
both_connections_show_a_fresh_token_in_mid_scan(void **state)
{
	struct redis_conn *conn;
	struct real_redis *server = start(&conn);
	struct brief_token brief;
	struct rig r;

	(void)state;
	redis_data_fill(conn, 20000);
	brief_token_let_in(conn);
	brief_token_init(&brief, 2);
	rig_init(&r);
	r.redis.password = &brief.base;
	must_dump(&r, real_redis_port(server));
	assert_int_equal(brief.gets, 4);
	assert_int_equal(brief_token_logins(conn), 4);
	rig_free(&r);
	redis_conn_free(conn);
	real_redis_stop(server);
}

/* What a client does once, after the first keys were read. */
struct meddler {
	struct redis_conn *conn;
	const char *const *commands;
	bool done;
};

static void
meddle(void *arg, uint64_t done, uint64_t total)
{
	struct meddler *m = arg;

	(void)done;
	(void)total;
	for (size_t i = 0; !m->done && m->commands[i] != NULL; i++)
		redis_data_do(m->conn, m->commands[i]);
	m->done = true;
}

/* A scan that may read twice, of a server that is configured so. */
static void
dump_twice(struct rig *r, struct real_redis *server, struct redis_conn *conn,
    const char *flags, const char *const *commands)
{
	struct meddler m = {.conn = conn, .commands = commands};

	if (flags != NULL)
		redis_data_do(
		    conn, "CONFIG SET notify-keyspace-events %s", flags);
	rig_init(r);
	r->opts.hold_max = (uint64_t)1 << 30;
	r->opts.progress = meddle;
	r->opts.progress_arg = &m;
	must_dump(r, real_redis_port(server));
	assert_true(m.done);
}

static void
holds_what_is_there_now(
    const struct rig *r, struct real_redis *server, struct redis_conn *conn)
{
	char ours[33], theirs[33];
	unsigned char *saved;
	size_t len;

	saved = redis_data_dump(server, conn, &len);
	fingerprint_of(saved, len, theirs);
	fingerprint_of(r->out.data, r->out.len, ours);
	assert_string_equal(ours, theirs);
	free(saved);
}

/* In each way in which a key can change; those of streams in silence, too. */
static void
what_changes_in_the_first_pass_is_read_again(void **state)
{
	static const char *const commands[] = {
	    "EVAL "
	    "for\ni=1,300\ndo\nredis.call('set','key:'..i,'changed')\nend 0",
	    "SELECT 1",
	    "EVAL "
	    "for\n_,k\nin\nipairs(redis.call('keys','*'))\ndo\n"
	    "redis.call('append',k,'more')\nend 0",
	    "SELECT 0",
	    "SET come 1",
	    "RENAME goes went",
	    "DEL leaves",
	    "PEXPIREAT stays 4102444800000",
	    "SET brief 1 PX 1",
	    "XADD s 9-1 f v",
	    "XREADGROUP GROUP g c STREAMS s >",
	    "XACK s g 1-1",
	    "MOVE moves 7",
	    "FUNCTION DELETE mylib",
	    NULL,
	};
	static const char *const flags[] = {"AE", "KA"};

	(void)state;
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		struct redis_conn *conn;
		struct real_redis *server = start(&conn);
		struct rig r;

		redis_data_fill(conn, 3000);
		redis_data_do(
		    conn, "MSET goes 1 leaves 2 stays 3 moves 4 unread 5");
		redis_data_do(conn, "XADD s 1-1 f v");
		redis_data_do(conn, "XGROUP CREATE s g 0");
		redis_data_do(conn, "XREADGROUP GROUP g c STREAMS s >");
		dump_twice(&r, server, conn, flags[i], commands);
		if (!r.facts.again)
			fail_msg("%s", r.facts.once);
		holds_what_is_there_now(&r, server, conn);
		assert_in_range(r.facts.changed, 3300, 3400);
		assert_true(r.facts.began_ms >= r.facts.first_ms);
		rig_free(&r);
		redis_conn_free(conn);
		real_redis_stop(server);
	}
}

/* The group of a stream moves on without a word, and a HyperLogLog keeps what
 * it was last counted for: as it stands, compressed, and dense. */
static void
what_changes_in_silence_is_read_again(void **state)
{
	static const char *const commands[] = {
	    "XACK s g 1-1", "PFCOUNT p", "PFCOUNT q", "PFCOUNT dense", NULL};
	struct redis_conn *conn;
	struct real_redis *server = start(&conn);
	struct rig r;

	(void)state;
	redis_data_do(conn, "XADD s 1-1 f v");
	redis_data_do(conn, "XGROUP CREATE s g 0");
	redis_data_do(conn, "XREADGROUP GROUP g c STREAMS s >");
	redis_data_do(conn, "PFADD p");
	redis_data_do(conn, "PFADD q a b c d e f g h");
	redis_data_do(conn, "PFADD dense a");
	redis_data_do(conn, "PFDEBUG TODENSE dense");
	redis_data_do(conn, "MSET v HYL w HYLx");
	dump_twice(&r, server, conn, "AE", commands);
	assert_true(r.facts.again);
	assert_int_equal(r.facts.changed, 4);
	holds_what_is_there_now(&r, server, conn);
	rig_free(&r);
	redis_conn_free(conn);
	real_redis_stop(server);
}

/* In the first pass alone: time that passes once. */
static void
pass_time(void *arg, uint64_t done, uint64_t total)
{
	(void)done;
	(void)total;
	fake_clock_pass(arg, 60000);
}

static void
the_window_is_that_of_the_second_pass(void **state)
{
	struct redis_conn *conn;
	struct real_redis *server = start(&conn);
	struct fake_clock clock;
	struct rig r;

	(void)state;
	redis_data_do(conn, "CONFIG SET notify-keyspace-events AE");
	redis_data_do(conn, "DEBUG POPULATE 600 k 8");
	rig_init(&r);
	r.scope = fake_clock_init(&clock);
	r.opts.hold_max = (uint64_t)1 << 30;
	r.opts.progress = pass_time;
	r.opts.progress_arg = &clock;
	must_dump(&r, real_redis_port(server));
	assert_true(r.facts.again);
	assert_true(r.facts.began_ms >= r.facts.first_ms + 60000);
	assert_in_range(r.facts.ended_ms - r.facts.began_ms, 0, 59999);
	rig_free(&r);
	redis_conn_free(conn);
	real_redis_stop(server);
}

/* What changes while the last events are on their way is of it. */
static void
the_window_begins_when_the_first_pass_ends(void **state)
{
	struct late_clock clock = {.base = {.mono_ms = late_now,
				       .wall_ms = late_now,
				       .sleep = late_sleep,
				       .random = late_random}};
	struct fake f = {.expiry = ":-1\r\n",
	    .scans = {ONE_SCAN},
	    .tells = true,
	    .late = &clock};
	struct rig r;

	(void)state;
	rig_init(&r);
	r.scope.clock = &clock.base;
	r.opts.hold_max = (uint64_t)1 << 30;
	if (dump_fake(&r, &f) != 0)
		fail_msg("%s", r.err.text);
	assert_true(r.facts.again);
	assert_int_equal(r.facts.ended_ms - r.facts.began_ms, 1000);
	rig_free(&r);
}

/* Nobody told of it: only its module knows what it tells. */
static void
a_modules_value_is_read_again(void **state)
{
	(void)state;
	for (int module = 0; module < 2; module++) {
		struct fake f = {.expiry = ":-1\r\n",
		    .scans = {ONE_SCAN},
		    .tells = true,
		    .module = module};
		struct rig r;

		rig_init(&r);
		r.opts.hold_max = (uint64_t)1 << 30;
		if (dump_fake(&r, &f) != 0)
			fail_msg("%s", r.err.text);
		if (!r.facts.again)
			fail_msg("%s", r.facts.once);
		assert_int_equal(r.facts.changed, module ? 2 : 0);
		keys_are(&r, "0:a 0:b ");
		rig_free(&r);
	}
}

static void
what_changes_unwanted_is_not_read_again(void **state)
{
	static const char *const commands[] = {
	    "MSET a1 2 a2 2 b1 2 b2 2 b3 2", "SELECT 1", "SET a 1", NULL};
	struct redis_conn *conn;
	struct real_redis *server = start(&conn);
	struct meddler m = {.conn = conn, .commands = commands};
	struct key_filter *f = key_filter_new();
	struct rig r;

	(void)state;
	redis_data_do(conn, "CONFIG SET notify-keyspace-events AE");
	redis_data_do(conn, "SET a1 1");
	rig_init(&r);
	assert_int_equal(key_filter_add(f, KEY_RULE_KEYS, "a*", &r.err), 0);
	assert_int_equal(key_filter_add(f, KEY_RULE_DBS, "0", &r.err), 0);
	r.opts.filter = f;
	r.opts.hold_max = (uint64_t)1 << 30;
	r.opts.progress = meddle;
	r.opts.progress_arg = &m;
	must_dump(&r, real_redis_port(server));
	assert_true(r.facts.again);
	assert_int_equal(r.facts.changed, 2);
	rig_free(&r);
	key_filter_free(f);
	redis_conn_free(conn);
	real_redis_stop(server);
}

static void
what_is_not_all_told_makes_no_second_pass(void **state)
{
	static const struct {
		const char *flags, *command, *why;
	} cases[] = {
	    {NULL, "SET a 1", "and not 'AE'"},
	    {"E$lshzx", "SET a 1", "and not 'AE'"},
	    {"A", "SET a 1", "and not 'AE'"},
	    {"AE", "FLUSHALL", "flushed, swapped or configured"},
	    {"AE", "FLUSHDB", "flushed, swapped or configured"},
	    {"AE", "SWAPDB 0 1", "flushed, swapped or configured"},
	    {"AE", "DEBUG RELOAD", "flushed, swapped or configured"},
	    {"AE", "CONFIG SET notify-keyspace-events AKE",
		"flushed, swapped or configured"},
	    {"AE", "CONFIG RESETSTAT", "flushed, swapped or configured"},
	    {"AE", "REPLICAOF 127.0.0.1 1", "a replica"},
	    {"AE", "CLIENT KILL TYPE pubsub", "closed the connection"},
	    {"AE",
		"EVAL for\ni=1,50000\ndo\nredis.call('set',"
		"string.rep('x',90)..i,'')\nend 0",
		"too many keys"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *const commands[] = {cases[i].command, NULL};
		struct redis_conn *conn;
		struct real_redis *server = start(&conn);
		struct rig r;

		redis_data_do(conn, "DEBUG POPULATE 600 k 8");
		dump_twice(&r, server, conn, cases[i].flags, commands);
		assert_false(r.facts.again);
		if (strstr(r.facts.once, cases[i].why) == NULL)
			fail_msg("%s: %s", cases[i].command, r.facts.once);
		/* What one pass read is a dump all the same. */
		assert_true(r.facts.keys >= 512);
		assert_int_equal(r.facts.began_ms, r.facts.first_ms);
		rig_free(&r);
		redis_conn_free(conn);
		real_redis_stop(server);
	}
}

static void
refuse_config(struct redis_conn *conn)
{
	redis_data_do(conn, "ACL SETUSER default -config");
}

/* A user who may not use CONFIG; the server tells by these flags. */
static void
dump_by_trust(struct rig *r, enum scan_trust trust, const char *flags,
    const char *const *commands)
{
	struct redis_conn *conn, *admin;
	struct real_redis *server = start(&conn);
	struct meddler m = {.commands = commands};

	redis_data_do(conn, "CONFIG SET notify-keyspace-events %s", flags);
	redis_data_do(conn, "DEBUG POPULATE 600 k 8");
	redis_data_do(conn, "ACL SETUSER admin on nopass ~* &* +@all");
	admin = redis_data_connect(server, NULL);
	redis_data_do(admin, "AUTH admin any");
	m.conn = admin;
	refuse_config(conn);
	rig_init(r);
	r->opts.trust = trust;
	r->opts.hold_max = (uint64_t)1 << 30;
	r->opts.progress = meddle;
	r->opts.progress_arg = &m;
	must_dump(r, real_redis_port(server));
	if (r->facts.again)
		holds_what_is_there_now(r, server, admin);
	redis_conn_free(admin);
	redis_conn_free(conn);
	real_redis_stop(server);
}

/* Of what a server tells of a key of ours each class counts, at the beginning
 * and at the end; and none of it is left. */
static void
where_config_is_refused_a_key_of_ours_tells(void **state)
{
	static const struct {
		enum scan_trust trust;
		const char *flags, *command, *why;
	} cases[] = {
	    {SCAN_ASK, "AE", "SET k:1 2", "CONFIG GET"},
	    {SCAN_PROBE, "AE", "SET k:1 2", NULL},
	    {SCAN_PROBE, "AK", "SET k:1 2", NULL},
	    {SCAN_PROBE, "AKE", "SET k:1 2", NULL},
	    {SCAN_PROBE, "A", "SET k:1 2", "told nothing of a key"},
	    {SCAN_PROBE, "Eg$lshz", "SET k:1 2", "done to streams"},
	    {SCAN_PROBE, "Eglshzt", "SET k:1 2", "done to strings"},
	    {SCAN_PROBE, "E$lshzt", "SET k:1 2", "what is deleted"},
	    {SCAN_PROBE, "AE", "CONFIG SET notify-keyspace-events A",
		"told nothing of a key"},
	    {SCAN_TRUST, "AE", "SET k:1 2", NULL},
	    {SCAN_TRUST, "A", "SET k:1 2", "told nothing of it"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *const commands[] = {cases[i].command, NULL};
		struct rig r;

		dump_by_trust(&r, cases[i].trust, cases[i].flags, commands);
		if (r.facts.again != (cases[i].why == NULL))
			fail_msg("%zu: %s", i, r.facts.once);
		if (cases[i].why != NULL &&
		    strstr(r.facts.once, cases[i].why) == NULL)
			fail_msg("%zu: %s", i, r.facts.once);
		if (cases[i].why == NULL)
			assert_int_equal(r.facts.known, cases[i].trust);
		if (cases[i].why == NULL)
			assert_int_equal(r.facts.changed, 1);
		rig_free(&r);
	}
}

static void
what_may_not_fit_is_not_kept_back(void **state)
{
	struct redis_conn *conn;
	struct real_redis *server = start(&conn);
	struct rig r;

	(void)state;
	redis_data_do(conn, "CONFIG SET notify-keyspace-events AE");
	redis_data_do(conn, "SET a 1");
	rig_init(&r);
	r.opts.hold_max = 4096;
	must_dump(&r, real_redis_port(server));
	assert_false(r.facts.again);
	assert_non_null(strstr(r.facts.once, "the spool's ceiling"));
	keys_are(&r, "0:a ");
	rig_free(&r);
	redis_conn_free(conn);
	real_redis_stop(server);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(it_holds_what_the_server_holds),
	    cmocka_unit_test(an_empty_server_makes_a_valid_dump),
	    cmocka_unit_test(how_keys_are_used_goes_along),
	    cmocka_unit_test(a_key_told_twice_is_written_once),
	    cmocka_unit_test(what_went_meanwhile_is_left_out),
	    cmocka_unit_test(use_and_expiry_are_asked_as_the_server_tells_them),
	    cmocka_unit_test(a_clock_that_is_not_told_is_done_without),
	    cmocka_unit_test(what_a_server_should_not_answer_ends_it),
	    cmocka_unit_test(a_name_of_several_servers_is_not_read),
	    cmocka_unit_test(functions_that_are_refused_are_told),
	    cmocka_unit_test(a_server_whose_answers_are_late_is_left_alone),
	    cmocka_unit_test(below_7_0_no_expiry_comes_out_late),
	    cmocka_unit_test(no_more_keys_a_second_than_wanted),
	    cmocka_unit_test(what_no_rule_can_take_is_not_asked_for),
	    cmocka_unit_test(both_connections_show_a_fresh_token_in_mid_scan),
	    cmocka_unit_test(what_changes_in_the_first_pass_is_read_again),
	    cmocka_unit_test(what_changes_in_silence_is_read_again),
	    cmocka_unit_test(the_window_is_that_of_the_second_pass),
	    cmocka_unit_test(the_window_begins_when_the_first_pass_ends),
	    cmocka_unit_test(a_modules_value_is_read_again),
	    cmocka_unit_test(what_changes_unwanted_is_not_read_again),
	    cmocka_unit_test(what_is_not_all_told_makes_no_second_pass),
	    cmocka_unit_test(where_config_is_refused_a_key_of_ours_tells),
	    cmocka_unit_test(what_may_not_fit_is_not_kept_back),
	};

	return cmocka_run_group_tests_name("scan_client", tests, NULL, NULL);
}
