/* Which of two sources is read, and what the other's failure may be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agent/snapshot/env.h"
#include "agent/snapshot/source.h"
#include "base/err.h"
#include "base/scope.h"
#include "rdb/rdb_reader.h"
#include "tests/sim/catcher.h"

/* Fails so, after it fed so much of a dump; or says that it was read. */
struct tried {
	struct source source;
	enum err_kind fails;
	const char *feeds;
	unsigned *freed, calls;
};

static size_t
cost(const struct source *s, const struct source_call *call)
{
	(void)s;
	(void)call;
	return 0;
}

static int
dump(struct source *s, const struct scope *scope,
    const struct source_call *call, struct sink *sink,
    struct source_facts *facts, struct err *err)
{
	struct tried *t = (struct tried *)s;

	(void)scope;
	(void)sink;
	t->calls++;
	facts->offset = 4711;
	if (t->feeds != NULL)
		assert_int_equal(rdb_reader_feed(call->reader, t->feeds,
				     strlen(t->feeds), err),
		    0);
	if (t->fails == ERR_NONE)
		return 0;
	return err_set(err, t->fails, "no '%s'", s->ops->way);
}

static void
count_free(struct source *s)
{
	++*((struct tried *)s)->freed;
}

static const struct source_ops first_ops = {
    .way = "first", .cost = cost, .dump = dump, .free = count_free};
static const struct source_ops second_ops = {
    .way = "second", .cost = cost, .dump = dump, .free = count_free};

struct outcome {
	int rc;
	unsigned first, second;
	char way[16];
	struct err err;
};

static struct outcome
try_both(enum err_kind first, const char *feeds, enum err_kind second)
{
	unsigned freed = 0;
	struct tried a = {.source = {.ops = &first_ops, .shown = "redis://x"},
	    .fails = first,
	    .feeds = feeds,
	    .freed = &freed};
	struct tried b = {.source = {.ops = &second_ops, .shown = "redis://x"},
	    .fails = second,
	    .freed = &freed};
	struct snapshot_env env = {0};
	struct source_call call = {.env = &env, .reader = rdb_reader_new()};
	struct scope scope = scope_root(NULL);
	struct source_facts facts = {0};
	struct outcome o = {0};
	struct catcher out;
	struct source *s = source_either_new(&a.source, &b.source);

	catcher_init(&out);
	o.rc = s->ops->dump(s, &scope, &call, &out.base, &facts, &o.err);
	strcpy(o.way, s->ops->way);
	o.first = a.calls;
	o.second = b.calls;
	source_free(s);
	assert_int_equal(freed, 2);
	catcher_release(&out);
	rdb_reader_free(call.reader);
	return o;
}

static void
the_first_that_works_is_read(void **state)
{
	struct outcome o = try_both(ERR_NONE, NULL, ERR_NONE);

	(void)state;
	assert_int_equal(o.rc, 0);
	assert_string_equal(o.way, "first");
	assert_int_equal(o.second, 0);
}

static void
the_second_is_read_where_the_first_is_not_to_be_had(void **state)
{
	static const enum err_kind kinds[] = {ERR_UNSUPPORTED, ERR_AUTH};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct outcome o = try_both(kinds[i], NULL, ERR_NONE);

		assert_int_equal(o.rc, 0);
		assert_string_equal(o.way, "second");
		assert_int_equal(o.first, 1);
		assert_int_equal(o.second, 1);
	}
}

static void
what_passes_or_is_a_guards_is_no_reason_for_the_second(void **state)
{
	static const enum err_kind kinds[] = {ERR_TRANSIENT, ERR_REFUSED,
	    ERR_UNREACHABLE, ERR_CANCELLED, ERR_CORRUPT};

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct outcome o = try_both(kinds[i], NULL, ERR_NONE);

		assert_int_equal(o.rc, -1);
		assert_int_equal(o.err.kind, kinds[i]);
		assert_int_equal(o.second, 0);
	}
}

/* An unknown type is unsupported, too, and the dump has begun. */
static void
a_dump_that_has_begun_is_not_begun_by_another(void **state)
{
	struct outcome o = try_both(ERR_UNSUPPORTED, "REDIS0010", ERR_NONE);

	(void)state;
	assert_int_equal(o.rc, -1);
	assert_int_equal(o.err.kind, ERR_UNSUPPORTED);
	assert_non_null(strstr(o.err.text, "no 'first'"));
	assert_int_equal(o.second, 0);
}

static void
the_seconds_failure_is_told(void **state)
{
	struct outcome o = try_both(ERR_UNSUPPORTED, NULL, ERR_AUTH);

	(void)state;
	assert_int_equal(o.rc, -1);
	assert_int_equal(o.err.kind, ERR_AUTH);
	assert_non_null(strstr(o.err.text, "no 'second'"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_first_that_works_is_read),
	    cmocka_unit_test(
		the_second_is_read_where_the_first_is_not_to_be_had),
	    cmocka_unit_test(
		what_passes_or_is_a_guards_is_no_reason_for_the_second),
	    cmocka_unit_test(a_dump_that_has_begun_is_not_begun_by_another),
	    cmocka_unit_test(the_seconds_failure_is_told),
	};

	return cmocka_run_group_tests_name("source_either", tests, NULL, NULL);
}
