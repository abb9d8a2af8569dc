#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/journal.h"

static int
add_entry(void *arg, const char *key, const char *value, struct err *err)
{
	(void)err;
	buf_addf(arg, "%s=%s;", key, value);
	return 0;
}

static void
put_replaces_get_finds_remove_forgets(void **state)
{
	struct journal *j = journal_memory_new();
	struct err err = {0};
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	assert_int_equal(j->ops->put(j, "k", "one", &err), 0);
	assert_int_equal(j->ops->put(j, "k", "two", &err), 0);
	assert_int_equal(j->ops->get(j, "k", &b, &err), 0);
	assert_string_equal(b.data, "two");
	assert_int_equal(j->ops->remove(j, "k", &err), 0);
	assert_int_equal(j->ops->remove(j, "k", &err), 0);
	assert_int_equal(j->ops->get(j, "k", &b, &err), -1);
	assert_int_equal(err.kind, ERR_MISSING);
	buf_release(&b);
	journal_memory_free(j);
	journal_memory_free(NULL);
}

static void
each_walks_a_prefix_in_order(void **state)
{
	static const char *const keys[] = {"b/2", "a/1", "b", "b/10", "c/1",
	    "b/1", "ba/1", "b/3", "b/0", "a/2"};
	struct journal *j = journal_memory_new();
	struct err err = {0};
	struct buf b;

	(void)state;
	buf_init(&b, 200);
	for (size_t i = 0; i < 10; i++)
		assert_int_equal(j->ops->put(j, keys[i], "v", &err), 0);
	assert_int_equal(j->ops->each(j, "b/", add_entry, &b, &err), 0);
	assert_string_equal(b.data, "b/0=v;b/1=v;b/10=v;b/2=v;b/3=v;");
	buf_truncate(&b, 0);
	assert_int_equal(j->ops->each(j, "x", add_entry, &b, &err), 0);
	assert_string_equal(b.data, "");
	assert_int_equal(j->ops->each(j, "", add_entry, &b, &err), 0);
	assert_string_equal(b.data,
	    "a/1=v;a/2=v;b=v;b/0=v;b/1=v;b/10=v;"
	    "b/2=v;b/3=v;ba/1=v;c/1=v;");
	buf_release(&b);
	journal_memory_free(j);
}

static int
remove_it(void *arg, const char *key, const char *value, struct err *err)
{
	struct journal *j = arg;

	if (strcmp(value, "bad") == 0)
		return err_set(err, ERR_CORRUPT, "'%s'", key);
	return j->ops->remove(j, key, err);
}

/* As undoing what an earlier run left does. */
static void
a_walk_may_remove_and_ends_with_a_failure(void **state)
{
	struct journal *j = journal_memory_new();
	struct err err = {0};
	struct buf b;

	(void)state;
	buf_init(&b, 200);
	j->ops->put(j, "1", "good", &err);
	j->ops->put(j, "2", "bad", &err);
	j->ops->put(j, "3", "good", &err);
	assert_int_equal(j->ops->each(j, "", remove_it, j, &err), -1);
	assert_int_equal(err.kind, ERR_CORRUPT);
	assert_int_equal(j->ops->each(j, "", add_entry, &b, &err), 0);
	assert_string_equal(b.data, "2=bad;3=good;");
	buf_release(&b);
	journal_memory_free(j);
}

static void
a_value_over_the_buffers_ceiling_is_told(void **state)
{
	struct journal *j = journal_memory_new();
	struct err err = {0};
	struct buf b;

	(void)state;
	buf_init(&b, 3);
	j->ops->put(j, "k", "four", &err);
	assert_int_equal(j->ops->get(j, "k", &b, &err), -1);
	assert_int_equal(err.kind, ERR_CORRUPT);
	buf_release(&b);
	journal_memory_free(j);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(put_replaces_get_finds_remove_forgets),
	    cmocka_unit_test(each_walks_a_prefix_in_order),
	    cmocka_unit_test(a_walk_may_remove_and_ends_with_a_failure),
	    cmocka_unit_test(a_value_over_the_buffers_ceiling_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
