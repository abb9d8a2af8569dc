#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"

static void
what_is_given_out_stays_as_it_is(void **state)
{
	struct arena a = {0};
	char *kept[2000];

	(void)state;
	for (size_t i = 0; i < 2000; i++) {
		kept[i] = arena_memdup(&a, "0123456789", i % 11);
		memset(arena_alloc(&a, i), 0xee, i);
	}
	for (size_t i = 0; i < 2000; i++) {
		assert_int_equal(strlen(kept[i]), i % 11);
		assert_memory_equal(kept[i], "0123456789", i % 11);
	}
	arena_release(&a);
}

static void
memory_is_zeroed_and_aligned(void **state)
{
	static const char zeros[100];
	struct arena a = {0};

	(void)state;
	for (int i = 0; i < 100; i++) {
		char *p;

		arena_strdup(&a, "odd");
		p = arena_alloc(&a, sizeof(zeros));
		assert_int_equal((uintptr_t)p % alignof(max_align_t), 0);
		assert_memory_equal(p, zeros, sizeof(zeros));
	}
	arena_release(&a);
}

static void
one_thing_may_be_larger_than_a_block(void **state)
{
	size_t len = (size_t)3 << 20;
	struct arena a = {0};
	char *small = arena_strdup(&a, "before");
	char *large = arena_alloc(&a, len);

	(void)state;
	memset(large, 1, len);
	assert_string_equal(arena_strdup(&a, "after"), "after");
	assert_string_equal(small, "before");
	arena_release(&a);
}

static void
what_was_given_out_is_counted_until_it_is_released(void **state)
{
	struct arena a = {0};

	(void)state;
	arena_strdup(&a, "four");
	arena_alloc(&a, 1000);
	assert_int_equal(a.bytes, 1005);
	arena_release(&a);
	assert_int_equal(a.bytes, 0);
	assert_null(a.last);
	assert_string_equal(arena_strdup(&a, "again"), "again");
	arena_release(&a);
	arena_release(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_given_out_stays_as_it_is),
	    cmocka_unit_test(memory_is_zeroed_and_aligned),
	    cmocka_unit_test(one_thing_may_be_larger_than_a_block),
	    cmocka_unit_test(
		what_was_given_out_is_counted_until_it_is_released),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
