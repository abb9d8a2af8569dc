#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "rdb/key_set.h"

#define PAGE ((size_t)4096)

static bool
add(struct key_set *s, uint32_t db, const char *name)
{
	struct err err = {0};
	bool is_new;

	if (key_set_add(s, db, name, strlen(name), &is_new, &err) != 0)
		fail_msg("%s", err.text);
	return is_new;
}

static bool
add_number(struct key_set *s, unsigned i)
{
	char name[32];

	snprintf(name, sizeof(name), "key:%u", i);
	return add(s, 0, name);
}

static void
a_key_is_new_once(void **state)
{
	struct err err = {0};
	struct key_set *s = key_set_new(0, PAGE, NULL, &err);

	(void)state;
	assert_non_null(s);
	assert_true(add(s, 0, "a"));
	assert_true(add(s, 0, "b"));
	assert_false(add(s, 0, "a"));
	assert_true(add(s, 1, "a"));
	assert_true(add(s, 0, ""));
	assert_false(add(s, 0, ""));
	assert_false(add(s, 1, "a"));
	assert_int_equal(key_set_count(s), 4);
	key_set_free(s);
}

/* In memory, in a file, and from the one into the other on the way. */
static void
none_is_lost_while_it_grows(void **state)
{
	static const struct {
		uint64_t expected;
		size_t memory;
	} cases[] = {{0, 64 << 20}, {0, 16 * PAGE}, {0, 0}, {40000, 0},
	    {40000, 64 << 20}, {UINT64_MAX, PAGE}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err err = {0};
		struct key_set *s = key_set_new(
		    cases[i].expected, cases[i].memory, NULL, &err);

		assert_non_null(s);
		for (unsigned k = 0; k < 40000; k++)
			assert_true(add_number(s, k));
		for (unsigned k = 0; k < 40000; k++)
			assert_false(add_number(s, k));
		assert_int_equal(key_set_count(s), 40000);
		assert_true(add_number(s, 40000));
		key_set_free(s);
	}
}

static void
a_file_that_cannot_be_made_is_told(void **state)
{
	struct err err = {0};
	struct key_set *s;
	unsigned k = 0;
	bool is_new;

	(void)state;
	setenv("TMPDIR", "/nowhere/at/all", 1);
	assert_null(key_set_new(0, 0, NULL, &err));
	assert_int_equal(err.kind, ERR_SYSTEM);
	/* And when it comes to that on the way. */
	s = key_set_new(0, PAGE, NULL, &err);
	assert_non_null(s);
	while (key_set_add(s, 0, &k, sizeof(k), &is_new, &err) == 0)
		assert_true(++k < 1000);
	assert_int_equal(err.kind, ERR_SYSTEM);
	assert_non_null(strstr(err.text, "/nowhere/at/all"));
	key_set_free(s);
	/* Unless it is to be elsewhere. */
	s = key_set_new(0, 0, "/var/tmp", &err);
	assert_non_null(s);
	key_set_free(s);
	unsetenv("TMPDIR");
	assert_null(key_set_new(0, 0, "/nowhere/else", &err));
}

/* Asked for, it is not there for it; in memory and in a file. */
static void
what_was_added_is_told(void **state)
{
	static const size_t memory[] = {PAGE, 64 * PAGE};

	(void)state;
	for (size_t m = 0; m < sizeof(memory) / sizeof(memory[0]); m++) {
		struct err err = {0};
		struct key_set *s = key_set_new(0, memory[m], NULL, &err);

		assert_non_null(s);
		for (unsigned i = 0; i < 2000; i++)
			assert_true(add_number(s, 2 * i));
		for (unsigned i = 0; i < 4000; i++) {
			char name[32];
			bool has;

			snprintf(name, sizeof(name), "key:%u", i);
			assert_int_equal(
			    key_set_has(s, 0, name, strlen(name), &has, &err),
			    0);
			assert_int_equal(has, i % 2 == 0);
		}
		assert_int_equal(key_set_count(s), 2000);
		key_set_free(s);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_key_is_new_once),
	    cmocka_unit_test(none_is_lost_while_it_grows),
	    cmocka_unit_test(a_file_that_cannot_be_made_is_told),
	    cmocka_unit_test(what_was_added_is_told),
	};

	return cmocka_run_group_tests_name("key_set", tests, NULL, NULL);
}
