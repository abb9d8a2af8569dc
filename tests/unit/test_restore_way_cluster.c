/* Values by plain commands, and what two scripted primaries may say to them;
 * e2e has real ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
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
#include "base/xalloc.h"
#include "rdb/rdb_reader.h"
#include "rdb/redis_conn.h"
#include "rdb/restore_loader.h"
#include "rdb/value_carry.h"
#include "tests/sim/rdb_keys.h"
#include "tests/sim/script_primaries.h"
#include "tests/sim/script_server.h"

/* In the first half of the slots. */
#define KEY "bar"

#define FAR_MS INT64_C(4102444800000)

#define ASK  "-ASK 5061 127.0.0.1:PORT"
#define DONE "*2\r\n:0\r\n+OK"

/* More than goes in one transaction. */
#define LARGE 100000

/* Loads a string of so many bytes, by commands. */
static int
load(struct script_primaries *p, size_t size, int64_t expires_ms,
    struct restore_facts *facts, struct err *err)
{
	static const struct redis_opts redis = {.reply_timeout_ms = 10000};
	static const struct restore_opts opts = {
	    .commands_over = 1, .temp_prefix = "T"};
	struct scope root = scope_root(NULL);
	struct scope scope = scope_within(&root, 20000);
	char *value = xcalloc(1, size + 1);
	struct restore_loader *l;
	struct buf dump;
	int rc;

	*err = (struct err){0};
	p->recorded = 200;
	script_primaries_up(p);
	memset(value, 'v', size);
	rdb_keys_begin(&dump);
	dump.max = 1 << 20;
	if (expires_ms > 0)
		rdb_keys_expire(&dump, expires_ms);
	rdb_keys_string(&dump, KEY, value);
	rdb_keys_end(&dump);
	l = restore_loader_new(&p->target, &redis, &scope, &opts, err);
	if (l == NULL)
		fail_msg("%s", err->text);
	rc = rdb_keys_read(&dump, restore_loader_visitor(l), err);
	if (rc == 0)
		rc = restore_loader_finish(l, facts, err);
	restore_loader_free(l);
	buf_release(&dump);
	free(value);
	return rc;
}

static void
must_load(struct script_primaries *p, size_t size, int64_t expires_ms,
    struct restore_facts *facts)
{
	struct err err;

	if (load(p, size, expires_ms, facts, &err) != 0)
		fail_msg("%s", err.text);
}

/* "T", a random number, ":0:{x}": as "T0". */
static void
add_short(struct buf *out, const char *words, size_t len)
{
	const char *stop = words + len;

	while (words < stop) {
		bool temp = *words == 'T' && stop - words > 18 &&
		    words[17] == ':' && words[-1] == ' ';

		buf_addc(out, *words);
		if (!temp) {
			words++;
			continue;
		}
		words += 18;
		buf_addc(out, *words);
		while (words < stop && *words != '}')
			words++;
		words++;
	}
}

/* Which commands came there, with a bar between them; values as v alone. */
static void
expect_came(struct script_primaries *p, int i, const char *want)
{
	struct script_server *s = p->nodes[i].server;
	struct buf got;

	buf_init(&got, 65536);
	for (size_t k = 0; k < script_server_count(s); k++) {
		struct script_record r = script_server_record(s, k);
		const char *v = memmem(r.data, r.len, " vv", 3);

		if (got.len > 0)
			buf_adds(&got, "|");
		add_short(
		    &got, r.data, v != NULL ? (size_t)(v - r.data) + 2 : r.len);
	}
	assert_string_equal(got.data, want);
	buf_release(&got);
}

#define TRANSACTION "MULTI|DEL bar|SET bar v|EXEC"

static void
a_small_value_is_a_transaction_of_its_key(void **state)
{
	struct script_primaries p = {
	    .nodes[0].answers = {"+OK", "+QUEUED", "+QUEUED", DONE}};
	struct restore_facts facts;

	(void)state;
	must_load(&p, 10, 0, &facts);
	expect_came(&p, 0, TRANSACTION);
	expect_came(&p, 1, "");
	assert_int_equal(facts.keys, 1);
	assert_int_equal(facts.by_commands, 1);
	assert_int_equal(facts.expired, 0);
	assert_int_equal(facts.lost, 0);
	script_primaries_down(&p);
}

static void
a_transaction_goes_where_ask_and_moved_say(void **state)
{
	struct script_primaries asks = {
	    .nodes[0].answers = {"+OK", ASK, ASK, "-EXECABORT no"},
	    .nodes[1].answers = {"+OK", "+QUEUED", "+QUEUED", DONE}};
	struct script_primaries moves = asks;
	struct restore_facts facts;

	(void)state;
	must_load(&asks, 10, 0, &facts);
	assert_int_equal(facts.keys, 1);
	expect_came(&asks, 0, TRANSACTION);
	expect_came(&asks, 1, "ASKING|" TRANSACTION);
	script_primaries_down(&asks);

	moves.nodes[0].answers[1] = "-MOVED 5061 127.0.0.1:PORT";
	must_load(&moves, 10, 0, &facts);
	assert_int_equal(facts.keys, 1);
	expect_came(&moves, 1, TRANSACTION);
	script_primaries_down(&moves);
}

/* It may have been done, or not. */
static void
a_transaction_goes_again_after_a_connection_that_broke(void **state)
{
	struct script_primaries p = {
	    .nodes[0].answers = {"+OK", "+QUEUED", "+QUEUED", SCRIPT_CLOSE,
		"+OK", "+QUEUED", "+QUEUED", DONE}};
	struct restore_facts facts;

	(void)state;
	must_load(&p, 10, 0, &facts);
	assert_int_equal(facts.keys, 1);
	expect_came(&p, 0, TRANSACTION "|" TRANSACTION);
	script_primaries_down(&p);
}

static void
a_transaction_that_was_not_done_ends_the_load(void **state)
{
	static const struct {
		const char *exec, *text;
		enum err_kind kind;
	} rows[] = {
	    {"-OOM no", "OOM", ERR_SERVER},
	    {"*2\r\n:0\r\n-WRONGTYPE what", "WRONGTYPE", ERR_SERVER},
	    {"+OK", "neither OK nor an error", ERR_CORRUPT},
	    {":1", "neither OK nor an error", ERR_CORRUPT},
	    {"$-1", "neither OK nor an error", ERR_CORRUPT},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct script_primaries p = {
		    .nodes[0].answers = {
			"+OK", "+QUEUED", "+QUEUED", rows[i].exec}};
		struct restore_facts facts;
		struct err err;

		assert_int_equal(load(&p, 10, 0, &facts, &err), -1);
		if (err.kind != rows[i].kind ||
		    strstr(err.text, rows[i].text) == NULL ||
		    strstr(err.text, "restoring key 'bar'") == NULL)
			fail_msg("%d: %s", (int)err.kind, err.text);
		script_primaries_down(&p);
	}
}

static void
what_a_transaction_could_not_claim_is_told(void **state)
{
	struct script_primaries p = {.nodes[0].answers = {"+OK", "+QUEUED",
					 "+QUEUED", "*2\r\n:0\r\n*0"}};
	struct restore_facts facts;

	(void)state;
	must_load(&p, 10, 0, &facts);
	assert_int_equal(facts.lost, 1 << VALUE_LOST_PENDING);
	script_primaries_down(&p);
}

/* It decides by its own clock. */
static void
a_key_whose_time_has_passed_is_left_to_the_server(void **state)
{
	struct script_primaries p = {
	    .nodes[0].answers = {"+OK", "+QUEUED", "+QUEUED", "+QUEUED",
		"*3\r\n:0\r\n+OK\r\n:1"}};
	struct script_primaries large = {
	    .nodes[0].answers = {NULL, NULL, ":1", "-ERR no such key"}};
	struct restore_facts facts;

	(void)state;
	must_load(&p, 10, 1, &facts);
	expect_came(&p, 0, "MULTI|DEL bar|SET bar v|PEXPIREAT bar 1|EXEC");
	assert_int_equal(facts.keys, 0);
	assert_int_equal(facts.expired, 1);
	script_primaries_down(&p);

	must_load(&large, LARGE, 1, &facts);
	expect_came(
	    &large, 0, "DEL T0 bar|SET T0 v|PEXPIREAT T0 1|RENAME T0 bar");
	assert_int_equal(facts.keys, 0);
	assert_int_equal(facts.expired, 1);
	script_primaries_down(&large);
}

static void
a_large_value_is_written_beside_its_key_and_renamed(void **state)
{
	struct script_primaries p = {0};
	struct restore_facts facts;

	(void)state;
	must_load(&p, LARGE, 0, &facts);
	expect_came(&p, 0, "DEL T0 bar|SET T0 v|RENAME T0 bar");
	assert_int_equal(facts.keys, 1);
	assert_int_equal(facts.by_commands, 1);
	assert_int_equal(facts.expired, 0);
	script_primaries_down(&p);
}

/* Nothing of it is sent that would be refused; what did not begin has the same
 * name again. */
static void
a_large_value_waits_while_its_slot_is_on_its_way(void **state)
{
	struct script_primaries p = {
	    .nodes[0].answers = {ASK, "-TRYAGAIN later"}};
	struct restore_facts facts;

	(void)state;
	must_load(&p, LARGE, 0, &facts);
	expect_came(&p, 0,
	    "DEL T0 bar|DEL T0 bar|"
	    "DEL T0 bar|SET T0 v|RENAME T0 bar");
	expect_came(&p, 1, "");
	assert_int_equal(facts.keys, 1);
	script_primaries_down(&p);
}

/* Under another name, since what was sent may still be done; and nothing is
 * left under the first one. */
static void
a_large_value_that_was_cut_short_is_begun_again(void **state)
{
	static const char *const says[] = {
	    SCRIPT_CLOSE, ASK, "-MOVED 5061 127.0.0.1:PORT", "-CLUSTERDOWN no"};

	(void)state;
	for (size_t i = 0; i < sizeof(says) / sizeof(says[0]); i++) {
		struct script_primaries p = {
		    .nodes[0].answers = {NULL, says[i]}};
		struct restore_facts facts;
		const char *renamed = i == 0 ? "" : "|RENAME T0 bar";
		char want[200];

		/* To what was sent with it. */
		if (i > 0)
			p.nodes[0].answers[2] = "-ERR no such key";
		p.nodes[0].answers[i == 0 ? 6 : 7] = ":1";
		must_load(&p, LARGE, 0, &facts);
		snprintf(want, sizeof(want),
		    "DEL T0 bar|SET T0 v%s|"
		    "DEL T1 bar|DEL T0|SET T1 v|RENAME T1 bar|DEL T0",
		    renamed);
		expect_came(&p, 0, want);
		assert_int_equal(facts.keys, 1);
		assert_int_equal(facts.by_commands, 1);
		script_primaries_down(&p);
	}
}

/* It has been done, and is done once more. */
static void
a_large_value_whose_last_answer_was_lost_is_begun_again(void **state)
{
	struct script_primaries p = {
	    .nodes[0].answers = {
		NULL, NULL, SCRIPT_CLOSE, NULL, NULL, NULL, NULL, ":0"}};
	struct restore_facts facts;

	(void)state;
	must_load(&p, LARGE, 0, &facts);
	expect_came(&p, 0,
	    "DEL T0 bar|SET T0 v|RENAME T0 bar|"
	    "DEL T1 bar|DEL T0|SET T1 v|RENAME T1 bar|DEL T0");
	assert_int_equal(facts.keys, 1);
	script_primaries_down(&p);
}

static void
a_large_value_that_expires_meanwhile_is_counted_so(void **state)
{
	struct script_primaries p = {
	    .nodes[0].answers = {NULL, NULL, ":1", "-ERR no such key"}};
	struct restore_facts facts;

	(void)state;
	must_load(&p, LARGE, FAR_MS, &facts);
	assert_int_equal(facts.keys, 0);
	assert_int_equal(facts.expired, 1);
	script_primaries_down(&p);
}

static void
a_primary_that_is_lost_in_the_midst_of_a_value_ends_the_load(void **state)
{
	struct script_primaries p = {
	    .nodes[0] = {.answers = {NULL, SCRIPT_CLOSE}, .restarts = true}};
	struct restore_facts facts;
	struct err err;

	(void)state;
	assert_int_equal(load(&p, LARGE, 0, &facts, &err), -1);
	assert_int_equal(err.kind, ERR_TRANSIENT);
	assert_non_null(strstr(err.text, "has to begin again"));
	script_primaries_down(&p);
}

static void
a_value_that_breaks_again_and_again_ends_the_load(void **state)
{
	struct script_primaries p = {0};
	struct restore_facts facts;
	struct err err;

	(void)state;
	for (int i = 0; i < SCRIPT_ANSWERS; i++)
		p.nodes[0].answers[i] = i % 3 == 1 ? SCRIPT_CLOSE : ":0";
	assert_int_equal(load(&p, LARGE, 0, &facts, &err), -1);
	assert_int_equal(err.kind, ERR_TRANSIENT);
	assert_non_null(strstr(err.text, "connection after connection broke"));
	script_primaries_down(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_small_value_is_a_transaction_of_its_key),
	    cmocka_unit_test(a_transaction_goes_where_ask_and_moved_say),
	    cmocka_unit_test(
		a_transaction_goes_again_after_a_connection_that_broke),
	    cmocka_unit_test(a_transaction_that_was_not_done_ends_the_load),
	    cmocka_unit_test(what_a_transaction_could_not_claim_is_told),
	    cmocka_unit_test(a_key_whose_time_has_passed_is_left_to_the_server),
	    cmocka_unit_test(
		a_large_value_is_written_beside_its_key_and_renamed),
	    cmocka_unit_test(a_large_value_waits_while_its_slot_is_on_its_way),
	    cmocka_unit_test(a_large_value_that_was_cut_short_is_begun_again),
	    cmocka_unit_test(
		a_large_value_whose_last_answer_was_lost_is_begun_again),
	    cmocka_unit_test(
		a_large_value_that_expires_meanwhile_is_counted_so),
	    cmocka_unit_test(
		a_primary_that_is_lost_in_the_midst_of_a_value_ends_the_load),
	    cmocka_unit_test(a_value_that_breaks_again_and_again_ends_the_load),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
