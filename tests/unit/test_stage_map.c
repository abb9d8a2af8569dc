#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "storage/stage_map.h"

static struct extent
block(unsigned i, uint64_t len)
{
	struct extent e = {.len = len};

	snprintf(e.id.hex, sizeof(e.id.hex), "%016x%08x", 7u, i);
	return e;
}

static struct extent
placed(struct stage_map *m, unsigned i, uint64_t len)
{
	struct extent e = block(i, len);

	stage_map_place(m, &e);
	e.ready = true;
	stage_map_set(m, &e);
	return e;
}

static void
alike_blocks_lie_as_in_the_blob_however_they_come(void **state)
{
	struct stage_map m = {0};
	struct block_id ids[3] = {
	    block(0, 0).id, block(1, 0).id, block(2, 0).id};
	uint64_t size = 0;

	(void)state;
	assert_int_equal(placed(&m, 1, 100).off, 100);
	assert_int_equal(placed(&m, 2, 30).off, 200);
	assert_false(stage_map_is_whole(&m, ids, 3, &size));
	assert_int_equal(placed(&m, 0, 100).off, 0);
	assert_true(stage_map_is_whole(&m, ids, 3, &size));
	assert_int_equal(size, 230);
	assert_false(stage_map_is_whole(&m, ids, 2, &size));
	ids[0] = ids[1];
	assert_false(stage_map_is_whole(&m, ids, 3, &size));
	stage_map_release(&m);
}

static void
what_does_not_fit_is_loose(void **state)
{
	struct stage_map m = {0};
	struct extent longer, again, far;
	struct block_id ids[2] = {block(0, 0).id, block(1, 0).id};
	uint64_t size;

	(void)state;
	placed(&m, 0, 100);
	longer = placed(&m, 1, 101);
	assert_int_equal(longer.file, FILE_LOOSE);
	assert_int_equal(longer.off, 0);
	again = placed(&m, 0, 100);
	assert_int_equal(again.file, FILE_LOOSE);
	assert_int_equal(again.off, 101);
	far = placed(&m, BLOCKS_MAX, 1);
	assert_int_equal(far.file, FILE_LOOSE);
	assert_int_equal(far.off, 201);
	assert_int_equal(m.n, 3);
	assert_int_equal(stage_map_find(&m, &ids[0])->file, FILE_LOOSE);
	stage_map_remove(&m, &far.id);
	stage_map_remove(&m, &far.id);
	assert_null(stage_map_find(&m, &far.id));
	assert_false(stage_map_is_whole(&m, ids, 2, &size));
	stage_map_release(&m);
}

/* Its place is taken from the moment that it is given. */
static void
a_block_that_is_being_written_is_no_part_of_the_whole(void **state)
{
	struct stage_map m = {0};
	struct extent e = block(0, 10);
	uint64_t size;

	(void)state;
	stage_map_place(&m, &e);
	assert_non_null(stage_map_find(&m, &e.id));
	assert_false(stage_map_is_whole(&m, &e.id, 1, &size));
	stage_map_release(&m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(alike_blocks_lie_as_in_the_blob_however_they_come),
	    cmocka_unit_test(what_does_not_fit_is_loose),
	    cmocka_unit_test(
		a_block_that_is_being_written_is_no_part_of_the_whole),
	};

	return cmocka_run_group_tests_name("stage_map", tests, NULL, NULL);
}
