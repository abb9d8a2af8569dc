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
#include "base/xalloc.h"
#include "rdb/cluster_slot.h"
#include "rdb/rdb_reader.h"
#include "rdb/value_carry.h"
#include "rdb/value_commands.h"
#include "rdb/value_stream.h"
#include "rdb/value_writer.h"
#include "tests/sim/rdb_bytes.h"
#include "tests/sim/rdb_keys.h"

/* Takes what is written; fails at the call fail_at, counted from 1. */
struct taker {
	struct buf bytes;
	char steps[64]; /* a letter for each command */
	size_t nsteps;
	unsigned calls, fail_at;
};

static int
count(struct taker *t, struct err *err)
{
	if (++t->calls == t->fail_at)
		return err_set(err, ERR_TRANSIENT, "gone");
	return 0;
}

static int
put(void *arg, const void *data, size_t len, struct err *err)
{
	struct taker *t = arg;

	buf_add(&t->bytes, data, len);
	return count(t, err);
}

static int
end(void *arg, enum value_step step, struct err *err)
{
	struct taker *t = arg;

	if (t->nsteps < sizeof(t->steps) - 1)
		t->steps[t->nsteps++] = "wcsx"[step];
	return count(t, err);
}

static int
hold(void *arg, struct err *err)
{
	struct taker *t = arg;

	if (t->nsteps < sizeof(t->steps) - 1)
		t->steps[t->nsteps++] = 'h';
	return count(t, err);
}

/* What follows a '$' or '*'. */
static size_t
number(const char **p)
{
	char *after;
	size_t n = strtoul(*p + 1, &after, 10);

	assert_int_equal(memcmp(after, "\r\n", 2), 0);
	*p = after + 2;
	return n;
}

/* A command a line, the temporary name as T. */
static char *
as_lines(const struct taker *t)
{
	const char *p = t->bytes.data, *stop = p + t->bytes.len;
	struct buf out;

	buf_init(&out, 1 << 20);
	while (p < stop) {
		assert_int_equal(*p, '*');
		for (size_t args = number(&p); args > 0; args--) {
			size_t n;

			assert_int_equal(*p, '$');
			n = number(&p);
			if (n > 5 && memcmp(p, "temp:{", 6) == 0)
				buf_adds(&out, "T");
			else
				buf_add(&out, p, n);
			buf_addc(&out, args > 1 ? ' ' : '\n');
			p += n;
			assert_int_equal(memcmp(p, "\r\n", 2), 0);
			p += 2;
		}
	}
	assert_ptr_equal(p, stop);
	return buf_take(&out);
}

static const struct value_server redis7 = {
    .version = 70015,
    .arg_max = 1 << 20,
    .string_max = 4 << 20,
    .arg_setting = "proto-max-bulk-len",
};

static int
write_dump(const struct buf *dump, const struct value_server *server,
    struct taker *t, uint32_t *lost, struct err *err)
{
	const struct value_out out = {put, end, hold, t};
	struct value_commands *c = value_commands_new(&out, server);
	int rc;

	value_commands_next(c, "temp:");
	rc = rdb_keys_read(dump, value_commands_visitor(c), err);
	*lost = value_commands_lost(c);
	value_commands_free(c);
	return rc;
}

/* The dump becomes these commands; it is released. */
static void
becomes(struct buf *dump, const struct value_server *server, const char *want,
    const char *steps, uint32_t want_lost)
{
	struct taker t = {0};
	struct err err = {0};
	uint32_t lost;
	char *lines;

	rdb_end(dump);
	buf_init(&t.bytes, 1 << 20);
	if (write_dump(dump, server, &t, &lost, &err) != 0)
		fail_msg("%s", err.text);
	lines = as_lines(&t);
	assert_string_equal(lines, want);
	assert_string_equal(t.steps, steps);
	assert_int_equal(lost, want_lost);
	free(lines);
	buf_release(&t.bytes);
	buf_release(dump);
}

static void
a_string_is_set(void **state)
{
	struct buf b;

	(void)state;
	rdb_begin_key(&b, "REDIS0010", 0);
	rdb_put_string(&b, "hello");
	becomes(&b, &redis7, "DEL T k\nSET T hello\nRENAME T k\n", "wws", 0);
	rdb_begin_key(&b, "REDIS0010", 0);
	rdb_put_string(&b, "");
	becomes(&b, &redis7, "DEL T k\nSET T \nRENAME T k\n", "wws", 0);
}

static void
lists_and_sets_are_pushed_in_order(void **state)
{
	struct buf b;

	(void)state;
	rdb_begin_key(&b, "REDIS0010", 18);
	rdb_put_len(&b, 2);
	rdb_put_len(&b, 2);
	rdb_put_listpack(&b, "b a 12");
	rdb_put_len(&b, 1);
	rdb_put_string(&b, "plain");
	becomes(&b, &redis7, "DEL T k\nRPUSH T b a 12 plain\nRENAME T k\n",
	    "wws", 0);
	rdb_begin_key(&b, "REDIS0011", 20);
	rdb_put_listpack(&b, "x 7");
	becomes(&b, &redis7, "DEL T k\nSADD T x 7\nRENAME T k\n", "wws", 0);
}

/* Each score is read back as the same double. */
static void
scores_are_exact(void **state)
{
	static const char bits[4][9] = {
	    "\x9a\x99\x99\x99\x99\x99\xb9\x3f",
	    "\0\0\0\0\0\0\xf0\x7f",
	    "\0\0\0\0\0\0\xf0\xff",
	    "\1\0\0\0\0\0\0\0",
	};
	struct buf b;

	(void)state;
	rdb_begin_key(&b, "REDIS0010", 5);
	rdb_put_len(&b, 4);
	for (int i = 0; i < 4; i++) {
		rdb_put_string(&b, (char[2]){(char)('a' + i), '\0'});
		buf_add(&b, bits[i], 8);
	}
	becomes(&b, &redis7,
	    "DEL T k\nZADD T 0.10000000000000001 a inf b -inf c "
	    "4.9406564584124654e-324 d\nRENAME T k\n",
	    "wws", 0);
}

static void
hashes_are_set_as_the_server_knows_it(void **state)
{
	struct value_server old = redis7;
	struct buf b;

	(void)state;
	old.version = 30200;
	for (int i = 0; i < 2; i++) {
		rdb_begin_key(&b, "REDIS0010", 16);
		rdb_put_listpack(&b, "f 1 g x");
		becomes(&b, i == 0 ? &redis7 : &old,
		    i == 0 ? "DEL T k\nHSET T f 1 g x\nRENAME T k\n"
			   : "DEL T k\nHMSET T f 1 g x\nRENAME T k\n",
		    "wws", 0);
	}
}

static void
expiry_of_fields_goes_along_or_is_refused(void **state)
{
	struct value_server s = redis7;
	struct buf b;

	(void)state;
	s.version = 70400;
	rdb_begin_key(&b, "REDIS0012", 25);
	rdb_put_le(&b, 4102444800123, 8);
	rdb_put_listpack(&b, "g y 0 f x 4102444800123");
	becomes(&b, &s,
	    "DEL T k\nHSET T g y f x\n"
	    "HPEXPIREAT T 4102444800123 FIELDS 1 f\nRENAME T k\n",
	    "wwwhs", 0);
	/* Only such a hash can have gone by then. */
	rdb_begin_key(&b, "REDIS0012", 25);
	rdb_put_le(&b, 4102444800123, 8);
	rdb_put_listpack(&b, "f x 4102444800123");
	becomes(&b, &s,
	    "DEL T k\nHSET T f x\n"
	    "HPEXPIREAT T 4102444800123 FIELDS 1 f\nRENAME T k\n",
	    "wwwhx", 0);
	assert_non_null(value_carry_refuse(25, &redis7));
	assert_null(value_carry_refuse(25, &s));
	s.valkey = true;
	s.version = 80100;
	assert_non_null(value_carry_refuse(22, &s));
	s.version = 90000;
	assert_null(value_carry_refuse(22, &s));
}

static void
what_no_command_writes_is_named(void **state)
{
	struct value_server s = redis7;

	(void)state;
	assert_non_null(strstr(value_carry_refuse(7, &s), "module"));
	assert_non_null(strstr(value_carry_refuse(27, &s), "not known"));
	s.version = 40000;
	assert_non_null(strstr(value_carry_refuse(15, &s), "stream"));
	assert_null(value_carry_refuse(0, &s));
}

static void
a_key_is_seen_with_its_expiry_or_not_at_all(void **state)
{
	struct buf b;

	(void)state;
	rdb_keys_begin(&b);
	rdb_keys_expire(&b, INT64_C(1700000000001));
	rdb_keys_string(&b, "k", "v");
	becomes(&b, &redis7,
	    "DEL T k\nSET T v\nPEXPIREAT T 1700000000001\nRENAME T k\n", "wwwx",
	    0);
}

#define STREAM_HEAD \
	"DEL T k\nXADD T 100-5 f a g 1\nXADD T 107-2 h x\n" \
	"XSETID T 200-0 ENTRIESADDED 9 MAXDELETEDID 101-0\n"

/* Of the encoding that came with 7.0: a group with two consumers. */
static void
put_stream(struct buf *b)
{
	rdb_begin_key(b, "REDIS0010", 19);
	rdb_put_stream_node(b);
	rdb_put_len(b, 2);
	rdb_put_len(b, 200); /* last id */
	rdb_put_len(b, 0);
	rdb_put_len(b, 100); /* first id */
	rdb_put_len(b, 5);
	rdb_put_len(b, 101); /* highest deleted */
	rdb_put_len(b, 0);
	rdb_put_len(b, 9);
	rdb_put_len(b, 1);
	rdb_put_string(b, "grp");
	rdb_put_len(b, 107);
	rdb_put_len(b, 2);
	rdb_put_len(b, 8); /* entries read */
	rdb_put_len(b, 1);
	buf_add(b, &RDB_NODE_ID[1], 16);
	rdb_put_le(b, 1600000000000, 8);
	rdb_put_len(b, 3);
	rdb_put_len(b, 2);
	rdb_put_string(b, "alice");
	rdb_put_le(b, 1600000000001, 8);
	rdb_put_len(b, 1);
	buf_add(b, &RDB_NODE_ID[1], 16);
	rdb_put_string(b, "bob");
	rdb_put_le(b, 1600000000002, 8);
	rdb_put_len(b, 0);
}

static void
streams_are_written_as_an_append_only_file_has_them(void **state)
{
	struct buf b;

	(void)state;
	put_stream(&b);
	becomes(&b, &redis7,
	    STREAM_HEAD "XGROUP CREATE T grp 107-2 ENTRIESREAD 8\n"
			"XGROUP CREATECONSUMER T grp alice\n"
			"XCLAIM T grp alice 0 100-5 "
			"TIME 1600000000000 RETRYCOUNT 3 JUSTID FORCE\n"
			"XGROUP CREATECONSUMER T grp bob\nRENAME T k\n",
	    "wwwwwwcwhs", 1 << VALUE_LOST_SEEN);
}

static void
an_older_server_gets_less_and_the_loss_is_named(void **state)
{
	struct value_server s = redis7;
	struct buf b;

	(void)state;
	s.version = 50000;
	put_stream(&b);
	becomes(&b, &s,
	    "DEL T k\nXADD T 100-5 f a g 1\nXADD T 107-2 h x\nXSETID T 200-0\n"
	    "XGROUP CREATE T grp 107-2\n"
	    "XCLAIM T grp alice 0 100-5 "
	    "TIME 1600000000000 RETRYCOUNT 3 JUSTID FORCE\n"
	    "RENAME T k\n",
	    "wwwwwchs",
	    1 << VALUE_LOST_SEEN | 1 << VALUE_LOST_COUNTERS |
		1 << VALUE_LOST_CONSUMER);
}

static void
a_stream_without_entries_is_there_all_the_same(void **state)
{
	struct buf b;

	(void)state;
	rdb_begin_key(&b, "REDIS0009", 15);
	for (int i = 0; i < 5; i++)
		rdb_put_len(&b, 0); /* nodes, length, last id, groups */
	becomes(&b, &redis7,
	    "DEL T k\nXADD T MAXLEN 0 0-1 x y\nXSETID T 0-0\nRENAME T k\n",
	    "wwwhs", 0);
}

/* A list of n items of len bytes. */
static void
put_list(struct buf *b, size_t n, size_t len)
{
	char *item = xmalloc(len + 1);

	memset(item, 'x', len);
	item[len] = '\0';
	rdb_begin_key(b, "REDIS0010", 1);
	b->max = 8 << 20;
	rdb_put_len(b, n);
	for (size_t i = 0; i < n; i++)
		rdb_put_string(b, item);
	rdb_end(b);
	free(item);
}

/* The length of the longest command, and how many there were. */
static size_t
longest(const struct buf *dump, size_t *commands)
{
	struct taker t = {0};
	struct err err = {0};
	const char *p, *stop;
	size_t most = 0;
	uint32_t lost;

	buf_init(&t.bytes, 64 << 20);
	if (write_dump(dump, &redis7, &t, &lost, &err) != 0)
		fail_msg("%s", err.text);
	p = t.bytes.data;
	stop = p + t.bytes.len;
	for (*commands = 0; p < stop; ++*commands) {
		const char *from = p;

		for (size_t args = number(&p); args > 0; args--) {
			size_t n = number(&p);

			p += n + 2;
		}
		if ((size_t)(p - from) > most)
			most = (size_t)(p - from);
	}
	buf_release(&t.bytes);
	return most;
}

static void
commands_are_bounded_in_bytes_and_arguments(void **state)
{
	struct buf b;
	size_t n;

	(void)state;
	put_list(&b, 3000, 1000);
	assert_in_range(longest(&b, &n), 200000, 300000);
	assert_in_range(n, 12, 16);
	buf_release(&b);
	put_list(&b, 5000, 1);
	assert_in_range(longest(&b, &n), 1024, 10000);
	assert_int_equal(n, 2 + 5);
	buf_release(&b);
}

/* Larger than all that is kept in memory, it waits in a file. */
static void
an_element_of_any_size_has_a_command(void **state)
{
	struct buf b;
	size_t n;

	(void)state;
	put_list(&b, 2, 900000);
	assert_in_range(longest(&b, &n), 900000, 900100);
	assert_int_equal(n, 2 + 2);
	buf_release(&b);
}

static void
a_long_string_comes_in_pieces(void **state)
{
	char *text = xmalloc(3000001);
	struct buf b;
	size_t n;

	(void)state;
	memset(text, 'y', 3000000);
	text[3000000] = '\0';
	rdb_begin_key(&b, "REDIS0010", 0);
	b.max = 8 << 20;
	rdb_put_string(&b, text);
	rdb_end(&b);
	assert_in_range(longest(&b, &n), 262144, 262300);
	assert_int_equal(n, 2 + 12);
	buf_release(&b);
	free(text);
}

static void
what_the_server_cannot_take_is_told(void **state)
{
	struct value_server s = redis7;
	struct taker t = {0};
	struct err err = {0};
	uint32_t lost;
	struct buf b;

	(void)state;
	s.arg_max = 999;
	put_list(&b, 2, 1000);
	buf_init(&t.bytes, 1 << 20);
	assert_int_equal(write_dump(&b, &s, &t, &lost, &err), -1);
	assert_int_equal(err.kind, ERR_UNSUPPORTED);
	assert_non_null(strstr(err.text, "an element of over 999 bytes"));
	buf_release(&b);
	s.string_max = 4;
	rdb_begin_key(&b, "REDIS0010", 0);
	rdb_put_string(&b, "12345");
	rdb_end(&b);
	assert_int_equal(write_dump(&b, &s, &t, &lost, &err), -1);
	assert_int_equal(err.kind, ERR_UNSUPPORTED);
	assert_non_null(strstr(err.text, "a string of over 4 bytes"));
	buf_release(&b);
	buf_release(&t.bytes);
}

/* The name that is written to lies in the slot of the key's. */
static void
the_temporary_name_is_in_the_keys_slot(void **state)
{
	static const char *const names[] = {"k", "a{b}c", "}{", "{}x", ""};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct taker t = {0};
		struct err err = {0};
		uint32_t lost;
		const char *temp;
		struct buf b;

		buf_init(&t.bytes, 4096);
		rdb_keys_begin(&b);
		rdb_keys_string(&b, names[i], "v");
		rdb_keys_end(&b);
		assert_int_equal(write_dump(&b, &redis7, &t, &lost, &err), 0);
		temp = strstr(t.bytes.data, "temp:");
		assert_int_equal(cluster_slot(temp, strcspn(temp, "\r")),
		    cluster_slot(names[i], strlen(names[i])));
		buf_release(&t.bytes);
		buf_release(&b);
	}
}

/* The dump is right all the same. */
static void
what_is_too_long_for_a_stream_of_ours_is_no_damage(void **state)
{
	struct taker t = {0};
	const struct value_out out = {put, end, hold, &t};
	const struct rdb_stream_id id = {1, 1};
	struct value_stream *s;
	struct value_writer w;
	struct err err = {0};
	uint32_t lost;
	struct buf b;
	char *name = xcalloc(1, (1 << 20) + 2);

	(void)state;
	memset(name, 'n', (1 << 20) + 1);
	rdb_begin_key(&b, "REDIS0009", 15);
	b.max = 8 << 20;
	for (int i = 0; i < 4; i++)
		rdb_put_len(&b, 0);
	rdb_put_len(&b, 1);
	rdb_put_string(&b, name);
	for (int i = 0; i < 4; i++)
		rdb_put_len(&b, 0);
	rdb_end(&b);
	buf_init(&t.bytes, 4 << 20);
	assert_int_equal(write_dump(&b, &redis7, &t, &lost, &err), -1);
	assert_int_equal(err.kind, ERR_UNSUPPORTED);
	assert_non_null(strstr(err.text, "a group's name of over 1048576"));
	buf_release(&b);
	free(name);

	value_writer_init(&w, &out, &redis7, 1000);
	s = value_stream_new(&w);
	value_stream_begin(s);
	assert_int_equal(value_stream_entry(s, id, 512000, &err), 0);
	assert_int_equal(value_stream_entry(s, id, 512001, &err), -1);
	assert_int_equal(err.kind, ERR_UNSUPPORTED);
	assert_non_null(strstr(err.text, "512001 fields"));
	assert_int_equal(value_stream_entry(s, id, 0, &err), -1);
	assert_int_equal(err.kind, ERR_CORRUPT);
	value_stream_free(s);
	value_writer_release(&w);
	buf_release(&t.bytes);
}

static void
each_failure_ends_the_writing(void **state)
{
	unsigned calls;
	struct buf b;

	(void)state;
	put_stream(&b);
	rdb_end(&b);
	for (calls = 1;; calls++) {
		struct taker t = {.fail_at = calls};
		struct err err = {0};
		uint32_t lost;
		int rc;

		buf_init(&t.bytes, 1 << 20);
		rc = write_dump(&b, &redis7, &t, &lost, &err);
		buf_release(&t.bytes);
		if (rc == 0)
			break;
		assert_int_equal(t.calls, calls);
		assert_string_equal(err.text, "gone");
	}
	assert_in_range(calls, 20, 60);
	buf_release(&b);
}

static void
a_consumers_entry_that_the_group_lacks_is_corrupt(void **state)
{
	struct taker t = {0};
	struct err err = {0};
	uint32_t lost;
	struct buf b;

	(void)state;
	rdb_begin_key(&b, "REDIS0009", 15);
	for (int i = 0; i < 4; i++)
		rdb_put_len(&b, 0);
	rdb_put_len(&b, 1);
	rdb_put_string(&b, "g");
	rdb_put_len(&b, 0);
	rdb_put_len(&b, 0);
	rdb_put_len(&b, 0); /* pending */
	rdb_put_len(&b, 1);
	rdb_put_string(&b, "c");
	rdb_put_le(&b, 1, 8);
	rdb_put_len(&b, 1);
	buf_add(&b, &RDB_NODE_ID[1], 16);
	rdb_end(&b);
	buf_init(&t.bytes, 1 << 20);
	assert_int_equal(write_dump(&b, &redis7, &t, &lost, &err), -1);
	assert_int_equal(err.kind, ERR_CORRUPT);
	buf_release(&t.bytes);
	buf_release(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_string_is_set),
	    cmocka_unit_test(lists_and_sets_are_pushed_in_order),
	    cmocka_unit_test(scores_are_exact),
	    cmocka_unit_test(hashes_are_set_as_the_server_knows_it),
	    cmocka_unit_test(expiry_of_fields_goes_along_or_is_refused),
	    cmocka_unit_test(what_no_command_writes_is_named),
	    cmocka_unit_test(a_key_is_seen_with_its_expiry_or_not_at_all),
	    cmocka_unit_test(
		streams_are_written_as_an_append_only_file_has_them),
	    cmocka_unit_test(an_older_server_gets_less_and_the_loss_is_named),
	    cmocka_unit_test(a_stream_without_entries_is_there_all_the_same),
	    cmocka_unit_test(commands_are_bounded_in_bytes_and_arguments),
	    cmocka_unit_test(an_element_of_any_size_has_a_command),
	    cmocka_unit_test(a_long_string_comes_in_pieces),
	    cmocka_unit_test(what_the_server_cannot_take_is_told),
	    cmocka_unit_test(the_temporary_name_is_in_the_keys_slot),
	    cmocka_unit_test(
		what_is_too_long_for_a_stream_of_ours_is_no_damage),
	    cmocka_unit_test(each_failure_ends_the_writing),
	    cmocka_unit_test(a_consumers_entry_that_the_group_lacks_is_corrupt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
