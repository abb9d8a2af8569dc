#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "rdb/db_map.h"

static void
databases_stand_in_order_however_they_came(void **state)
{
	static const uint32_t came[] = {7, UINT32_MAX, 0, 3};
	static const uint32_t order[] = {0, 3, 7, UINT32_MAX};
	struct db_map m = {0};

	(void)state;
	for (size_t i = 0; i < 4; i++)
		db_map_put(&m, came[i], (void *)&came[i]);
	assert_int_equal(m.n, 4);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(m.list[i].db, order[i]);
		assert_int_equal(*(uint32_t *)m.list[i].value, order[i]);
		assert_ptr_equal(db_map_get(&m, came[i]), &came[i]);
	}
	db_map_release(&m);
	assert_int_equal(m.n, 0);
}

static void
what_is_not_there_is_told_as_that(void **state)
{
	struct db_map m = {0};
	int thing;

	(void)state;
	assert_null(db_map_get(&m, 0));
	assert_int_equal(db_map_from(&m, 0), 0);
	db_map_put(&m, 5, &thing);
	assert_null(db_map_get(&m, 4));
	assert_null(db_map_get(&m, 6));
	assert_int_equal(db_map_from(&m, 4), 0);
	assert_int_equal(db_map_from(&m, 5), 0);
	assert_int_equal(db_map_from(&m, 6), 1);
	db_map_release(&m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(databases_stand_in_order_however_they_came),
	    cmocka_unit_test(what_is_not_there_is_told_as_that),
	};

	return cmocka_run_group_tests_name("db_map", tests, NULL, NULL);
}
