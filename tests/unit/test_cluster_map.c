/* What nodes tell of their cluster, honest and not; e2e has real ones. */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/scope.h"
#include "rdb/cluster_map.h"
#include "rdb/redis_conn.h"
#include "rdb/slot_set.h"
#include "tests/sim/script_server.h"

/*
 * Replies are written down as lists of words: [ and ] around a list, digits
 * for an integer, nil, '' for an empty string.
 */
static const char *
encode(const char *p, struct buf *out)
{
	struct buf items;
	unsigned n = 0;
	size_t len;

	buf_init(&items, (size_t)1 << 20);
	for (p++; *p != ']'; n++) {
		p += strspn(p, " ");
		if (*p == ']')
			break;
		len = strcspn(p, " []");
		if (*p == '[') {
			p = encode(p, &items);
			len = 0;
		} else if (strncmp(p, "nil", len) == 0) {
			buf_adds(&items, "$-1\r\n");
		} else if (strspn(p, "-0123456789") == len) {
			buf_addf(&items, ":%.*s\r\n", (int)len, p);
		} else if (strncmp(p, "''", len) == 0) {
			buf_adds(&items, "$0\r\n\r\n");
		} else {
			buf_addf(&items, "$%zu\r\n%.*s\r\n", len, (int)len, p);
		}
		p += len;
	}
	buf_addf(out, "*%u\r\n", n);
	buf_add(out, items.data, items.len);
	buf_release(&items);
	return p + 1;
}

/* To be freed. */
static char *
bytes_of(const char *words)
{
	struct buf b;

	buf_init(&b, (size_t)1 << 20);
	assert_string_equal(encode(words, &b), "");
	return buf_take(&b);
}

static const struct redis_address asked = {.host = (char *)"seed", .port = 1};
static const struct redis_address asked_tls = {
    .host = (char *)"seed", .port = 1, .tls = true};

typedef struct cluster_map *
parse_fn(const redisReply *, const struct redis_address *, struct err *);

static struct cluster_map *
parse(parse_fn *fn, const char *words, const struct redis_address *from,
    struct err *err)
{
	char *bytes = bytes_of(words);
	redisReader *reader = redisReaderCreate();
	struct cluster_map *m;
	void *r = NULL;

	*err = (struct err){0};
	assert_int_equal(redisReaderFeed(reader, bytes, strlen(bytes)), 0);
	assert_int_equal(redisReaderGetReply(reader, &r), 0);
	assert_non_null(r);
	m = fn(r, from, err);
	freeReplyObject(r);
	redisReaderFree(reader);
	free(bytes);
	return m;
}

static struct cluster_map *
shards(const char *words)
{
	struct err err;
	struct cluster_map *m = parse(
	    cluster_map_parse_shards, words, &asked, &err);

	if (m == NULL)
		fail_msg("%s", err.text);
	return m;
}

static struct cluster_map *
slots(const char *words)
{
	struct err err;
	struct cluster_map *m = parse(
	    cluster_map_parse_slots, words, &asked, &err);

	if (m == NULL)
		fail_msg("%s", err.text);
	return m;
}

static void
refuses(parse_fn *fn, const char *words, enum err_kind kind, const char *text)
{
	struct err err;
	struct cluster_map *m = parse(fn, words, &asked, &err);

	if (m != NULL)
		fail_msg("taken: %s", words);
	if (err.kind != kind || strstr(err.text, text) == NULL)
		fail_msg("kind %d: %s", (int)err.kind, err.text);
}

static void
expect_node(const struct cluster_map *m, size_t shard, size_t node,
    const char *host, int port)
{
	const struct cluster_node *n;

	assert_true(shard < m->nshards);
	assert_true(node < m->shards[shard].nnodes);
	n = &m->shards[shard].nodes[node];
	assert_string_equal(n->address.host, host);
	assert_int_equal(n->address.port, port);
}

/* "0-99 200-200 " */
static void
expect_slots(const struct cluster_map *m, size_t shard, const char *want)
{
	struct slot_range r;
	char got[200] = "";

	for (bool more = cluster_map_next(m, shard, NULL, &r); more;
	     more = cluster_map_next(m, shard, &r, &r))
		snprintf(got + strlen(got), sizeof(got) - strlen(got), "%u-%u ",
		    r.from, r.to);
	assert_string_equal(got, want);
}

#define NODE(id, ip, port, role, health) \
	"[id " id " port " port " ip " ip " endpoint " ip " role " role \
	" replication-offset 14 health " health "] "

static void
shards_come_by_their_slots_with_the_primary_first(void **state)
{
	struct cluster_map *m = shards("[[slots [5461 10922] nodes [" NODE("b",
	    "10.0.0.2", "7002", "master",
	    "online") "]] "
		      "[slots [0 5460 10923 16383] nodes [" NODE("d",
			  "10.0.0.4", "7004", "replica", "loading") NODE("e",
			  "10.0.0.5", "7005", "replica", "fail") NODE("a",
			  "10.0.0.1", "7001", "master", "online") "]]]");

	(void)state;
	assert_int_equal(m->nshards, 2);
	assert_int_equal(m->nslots, CLUSTER_SLOTS);
	expect_slots(m, 0, "0-5460 10923-16383 ");
	expect_slots(m, 1, "5461-10922 ");
	assert_int_equal(m->shards[0].nslots, 10922);
	assert_int_equal(m->owner[5460], 0);
	assert_int_equal(m->owner[5461], 1);
	expect_node(m, 0, 0, "10.0.0.1", 7001);
	assert_string_equal(m->shards[0].nodes[0].id, "a");
	assert_int_equal(m->shards[0].nodes[0].health, CLUSTER_ONLINE);
	assert_int_equal(m->shards[0].nnodes, 3);
	for (size_t i = 1; i < 3; i++)
		assert_int_equal(m->shards[0].nodes[i].health,
		    m->shards[0].nodes[i].id[0] == 'd' ? CLUSTER_LOADING
						       : CLUSTER_FAILED);
	expect_node(m, 1, 0, "10.0.0.2", 7002);
	cluster_map_free(m);
}

/* As told after a failover, which the old primary was not there for. */
static void
a_failed_primary_is_not_the_first_when_there_is_another(void **state)
{
	const char *const orders[] = {
	    "[[slots [0 16383] nodes [" NODE("a", "h", "7001", "master", "fail")
		NODE("b", "h", "7002", "master", "online") "]]]",
	    "[[slots [0 16383] nodes [" NODE("b", "h", "7002", "master",
		"online") NODE("a", "h", "7001", "master", "fail") "]]]",
	};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct cluster_map *m = shards(orders[i]);

		expect_node(m, 0, 0, "h", 7002);
		cluster_map_free(m);
	}
}

static void
who_has_no_slots_is_left_out_but_may_give_the_name(void **state)
{
	struct cluster_map *m = shards("[[slots [] nodes [" NODE("x",
	    "10.0.0.1", "1", "master",
	    "fail") "]] [slots [] nodes []] [slots [1 16383] nodes [" NODE("y",
	    "10.0.0.2", "1", "master", "online") "]]]");

	(void)state;
	assert_int_equal(m->nshards, 1);
	assert_int_equal(m->nslots, CLUSTER_SLOTS - 1);
	assert_int_equal(m->owner[0], CLUSTER_NO_SHARD);
	assert_string_equal(m->name, "10.0.0.1:1");
	cluster_map_free(m);

	m = shards("[]");
	assert_int_equal(m->nshards, 0);
	assert_int_equal(m->nslots, 0);
	cluster_map_free(m);
}

static void
an_address_that_is_not_announced_is_the_one_that_was_asked(void **state)
{
	struct cluster_map *m = shards(
	    "[[slots [0 1] nodes [[id a port 7 ip '' endpoint '' "
	    "role master health online]]] "
	    "[slots [2 3] nodes [[id b port 8 ip 10.0.0.2 endpoint nil "
	    "role master health online]]] "
	    "[slots [4 5] nodes [[id c port 9 ip 10.0.0.3 endpoint ? "
	    "role master health online]]] "
	    "[slots [6 7] nodes [[id d port 10 ip 10.0.0.4 endpoint n.example "
	    "hostname n.example role master health online]]]]");

	(void)state;
	expect_node(m, 0, 0, "seed", 7);
	expect_node(m, 1, 0, "seed", 8);
	expect_node(m, 2, 0, "10.0.0.3", 9);
	expect_node(m, 3, 0, "n.example", 10);
	cluster_map_free(m);

	m = slots("[[0 1 ['' 7 a]] [2 3 [nil 8 b]] "
		  "[4 5 [? 9 c [ip 10.0.0.3]]] [6 7 [? 10 d]]]");
	expect_node(m, 0, 0, "seed", 7);
	expect_node(m, 1, 0, "seed", 8);
	expect_node(m, 2, 0, "10.0.0.3", 9);
	expect_node(m, 3, 0, "seed", 10);
	cluster_map_free(m);
}

static void
the_port_is_of_the_kind_that_is_spoken(void **state)
{
	static const char both[] =
	    "[[slots [0 1] nodes [[id a port 7 tls-port 8 ip h endpoint h "
	    "role master health online]]]]";
	static const char tls[] =
	    "[[slots [0 1] nodes [[id a tls-port 8 ip h endpoint h "
	    "role master health online]]]]";
	struct cluster_map *m;
	struct err err;

	(void)state;
	m = shards(both);
	expect_node(m, 0, 0, "h", 7);
	assert_false(m->shards[0].nodes[0].address.tls);
	cluster_map_free(m);
	m = parse(cluster_map_parse_shards, both, &asked_tls, &err);
	assert_non_null(m);
	expect_node(m, 0, 0, "h", 8);
	assert_true(m->shards[0].nodes[0].address.tls);
	cluster_map_free(m);
	refuses(cluster_map_parse_shards, tls, ERR_UNSUPPORTED,
	    "'h' tells no port without TLS");
}

static void
rows_of_one_primary_are_one_shard(void **state)
{
	struct cluster_map *m = slots(
	    "[[10 20 [h 7002 b [hostname x]] [h 7003 c []]] [0 9 [h 7001 a]] "
	    "[30 30 [h 7002 b] [h 7003 c]]]");

	(void)state;
	assert_int_equal(m->nshards, 2);
	expect_slots(m, 0, "0-9 ");
	expect_slots(m, 1, "10-20 30-30 ");
	assert_int_equal(m->shards[1].nnodes, 2);
	expect_node(m, 1, 1, "h", 7003);
	assert_string_equal(m->shards[1].nodes[1].id, "c");
	assert_string_equal(m->name, "h:7001");
	cluster_map_free(m);

	/* Redis 3.0 tells no ids. */
	m = slots("[[0 16383 [h 7001]]]");
	assert_string_equal(m->shards[0].nodes[0].id, "");
	cluster_map_free(m);
}

static void
slots_that_cannot_be_are_refused(void **state)
{
	static const char *const ranges[] = {"-1 5", "5 4", "0 16384",
	    "16384 16384", "a 5", "0 nil", "[] 1",
	    "-9223372036854775808 9223372036854775807"};

	(void)state;
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		char words[200];

		snprintf(words, sizeof(words), "[[%s [h 1 a]]]", ranges[i]);
		refuses(cluster_map_parse_slots, words, ERR_CORRUPT,
		    "a range of slots that is none");
		snprintf(words, sizeof(words),
		    "[[slots [%s] nodes [" NODE(
			"a", "h", "1", "master", "online") "]]]",
		    ranges[i]);
		refuses(cluster_map_parse_shards, words, ERR_CORRUPT,
		    "a range of slots that is none");
	}
	refuses(cluster_map_parse_slots, "[[0 5 [h 1 a]] [5 6 [h 2 b]]]",
	    ERR_CORRUPT, "two owners of slot 5");
	refuses(cluster_map_parse_slots, "[[0 5 [h 1 a]] [5 6 [h 1 a]]]",
	    ERR_CORRUPT, "two owners of slot 5");
}

static void
what_is_no_map_is_refused(void **state)
{
	static const struct {
		const char *words, *text;
	} rows[] = {
	    {"[nodes]", "a shard without slots or nodes"},
	    {"[[slots [0 1]]]", "a shard without slots or nodes"},
	    {"[[nodes []]]", "a shard without slots or nodes"},
	    {"[[slots x nodes []]]", "a shard without slots or nodes"},
	    {"[[slots [1] nodes []]]", "a shard without slots or nodes"},
	    {"[[slots [0 1] nodes []]]", "slots without a primary"},
	    {"[[slots [0 1] nodes [" NODE(
		 "a", "h", "1", "replica", "online") "]]]",
		"slots without a primary"},
	    {"[[slots [0 1] nodes [" NODE(
		 "a", "h", "65536", "master", "x") "]]]",
		"a port that is none"},
	    {"[[slots [0 1] nodes [" NODE("a", "h", "p", "master", "x") "]]]",
		"a port that is none"},
	    {"[[slots [0 1] nodes [" NODE(
		 "a", "h\001", "1", "master", "x") "]]]",
		"unprintable"},
	};
	char words[600];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		refuses(cluster_map_parse_shards, rows[i].words, ERR_CORRUPT,
		    rows[i].text);
	refuses(cluster_map_parse_slots, "[[0 1]]", ERR_CORRUPT,
	    "without a primary");
	refuses(cluster_map_parse_slots, "[[0 1 [h]]]", ERR_CORRUPT,
	    "without host or port");
	refuses(cluster_map_parse_slots, "[[0 1 h]]", ERR_CORRUPT,
	    "without host or port");
	snprintf(words, sizeof(words), "[[0 1 [%0300d 1 a]]]", 0);
	memset(strchr(words, '0') + 5, 'h', 300);
	refuses(
	    cluster_map_parse_slots, words, ERR_CORRUPT, "a host of 300 bytes");
}

static void
more_nodes_than_a_cluster_can_have_are_refused(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, (size_t)1 << 20);
	buf_adds(&b, "[[0 1");
	for (int i = 0; i < CLUSTER_NODES_MAX; i++)
		buf_addf(&b, " [h %d a]", i + 1);
	buf_adds(&b, "]]");
	cluster_map_free(slots(b.data));
	buf_truncate(&b, b.len - 2);
	buf_adds(&b, " [h 1 a]]]");
	refuses(
	    cluster_map_parse_slots, b.data, ERR_CORRUPT, "over 4096 nodes");
	buf_release(&b);
}

/* A server that answers each CLUSTER command in its turn. */
struct script {
	const char *shards, *slots;
};

static void
serve(struct script_conn *c, void *arg)
{
	const struct script *s = arg;

	if (script_expects(c, "*1\r\n$4\r\nPING\r\n") != 0 ||
	    script_sends(c, "+PONG\r\n") != 0 ||
	    script_expects(c, "*2\r\n$7\r\nCLUSTER\r\n$6\r\nSHARDS\r\n") != 0)
		return;
	if (s->shards != NULL && script_sends(c, s->shards) == 0 &&
	    s->slots != NULL &&
	    script_expects(c, "*2\r\n$7\r\nCLUSTER\r\n$5\r\nSLOTS\r\n") == 0)
		script_sends(c, s->slots);
	script_close(c);
}

static struct cluster_map *
ask(struct script s, struct err *err)
{
	static const struct redis_opts opts;
	struct script_server *server = script_server_new(NULL, serve, &s);
	struct redis_address a = {
	    .host = (char *)"127.0.0.1", .port = script_server_port(server)};
	struct scope scope = scope_root(NULL);
	struct cluster_map *m;
	struct redis_conn *c;

	*err = (struct err){0};
	c = redis_connect(&a, NULL, &opts, &scope, err);
	assert_non_null(c);
	m = cluster_map_ask(c, &a, &scope, err);
	redis_conn_free(c);
	assert_null(script_server_failure(server));
	script_server_free(server);
	return m;
}

static void
a_server_without_shards_is_asked_for_slots(void **state)
{
	static const char *const refusals[] = {
	    "-ERR Unknown subcommand or wrong number of arguments for "
	    "'SHARDS'. Try CLUSTER HELP.\r\n",
	    "-ERR Wrong CLUSTER subcommand or number of arguments\r\n",
	    "-NOPERM this user has no permissions to run the "
	    "'cluster|shards' command\r\n"};
	char *row = bytes_of("[[0 16383 ['' 7001 a]]]");

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct err err;
		struct cluster_map *m = ask(
		    (struct script){refusals[i], row}, &err);

		assert_non_null(m);
		expect_node(m, 0, 0, "127.0.0.1", 7001);
		assert_string_equal(m->name, "127.0.0.1:7001");
		cluster_map_free(m);
	}
	free(row);
}

static void
one_that_answers_is_asked_once(void **state)
{
	char *reply = bytes_of("[[slots [0 16383] nodes [" NODE(
	    "a", "h", "7001", "master", "online") "]]]");
	struct err err;
	struct cluster_map *m = ask((struct script){reply, NULL}, &err);

	(void)state;
	assert_non_null(m);
	expect_node(m, 0, 0, "h", 7001);
	cluster_map_free(m);
	free(reply);
}

static void
what_goes_wrong_names_the_server(void **state)
{
	static const char off[] =
	    "-ERR This instance has cluster support disabled\r\n";
	struct err err;

	(void)state;
	assert_null(ask((struct script){off, off}, &err));
	assert_int_equal(err.kind, ERR_SERVER);
	assert_non_null(strstr(err.text, "'127.0.0.1:"));
	assert_null(ask((struct script){"+OK\r\n", NULL}, &err));
	assert_int_equal(err.kind, ERR_CORRUPT);
	assert_non_null(strstr(err.text, "'127.0.0.1:"));
	assert_null(ask((struct script){NULL, NULL}, &err));
	assert_int_equal(err.kind, ERR_TRANSIENT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(shards_come_by_their_slots_with_the_primary_first),
	    cmocka_unit_test(
		a_failed_primary_is_not_the_first_when_there_is_another),
	    cmocka_unit_test(
		who_has_no_slots_is_left_out_but_may_give_the_name),
	    cmocka_unit_test(
		an_address_that_is_not_announced_is_the_one_that_was_asked),
	    cmocka_unit_test(the_port_is_of_the_kind_that_is_spoken),
	    cmocka_unit_test(rows_of_one_primary_are_one_shard),
	    cmocka_unit_test(slots_that_cannot_be_are_refused),
	    cmocka_unit_test(what_is_no_map_is_refused),
	    cmocka_unit_test(more_nodes_than_a_cluster_can_have_are_refused),
	    cmocka_unit_test(a_server_without_shards_is_asked_for_slots),
	    cmocka_unit_test(one_that_answers_is_asked_once),
	    cmocka_unit_test(what_goes_wrong_names_the_server),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
