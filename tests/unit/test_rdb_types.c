#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "rdb/rdb_layout.h"
#include "rdb/rdb_types.h"

static void
every_known_type_has_a_name_a_version_and_a_layout(void **state)
{
	(void)state;
	for (int type = 0; type < 256; type++) {
		int known = type <= 25 && type != 6 && type != 8;

		assert_int_equal(rdb_type_known((uint8_t)type, false), known);
		assert_int_equal(
		    rdb_type_known((uint8_t)type, true), known && type <= 22);
		assert_int_equal(
		    rdb_type_min_version((uint8_t)type) != 0, known);
		assert_int_equal(
		    rdb_layout_of_type((uint8_t)type, false) != NULL, known);
		assert_int_equal(
		    strcmp(rdb_type_name((uint8_t)type, false), "unknown") != 0,
		    known);
	}
}

static void
types_are_stamped_with_the_version_that_brought_them(void **state)
{
	static const struct {
		uint8_t type;
		int version;
	} cases[] = {{0, 1}, {5, 8}, {7, 8}, {14, 7}, {15, 9}, {16, 10},
	    {18, 10}, {19, 10}, {20, 11}, {21, 11}, {22, 80}, {24, 12},
	    {25, 12}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(
		    rdb_type_min_version(cases[i].type), cases[i].version);
}

static void
the_families_share_type_22_and_nothing_else(void **state)
{
	(void)state;
	assert_string_equal(rdb_type_name(22, true), "hash-2");
	assert_string_equal(rdb_type_name(22, false), "hash-metadata-rc");
	assert_int_equal(rdb_type_kind(22), RDB_HASH);
	assert_ptr_not_equal(
	    rdb_layout_of_type(22, true), rdb_layout_of_type(22, false));
	assert_string_equal(rdb_kind_name(RDB_STREAM), "stream");
	assert_string_equal(rdb_kind_name(RDB_KINDS), "unknown");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		every_known_type_has_a_name_a_version_and_a_layout),
	    cmocka_unit_test(
		types_are_stamped_with_the_version_that_brought_them),
	    cmocka_unit_test(the_families_share_type_22_and_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
