#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "rdb/pending_list.h"

/* A few blocks and a part of one. */
#define MANY 7000

static struct pending_entry
entry(uint64_t i)
{
	return (struct pending_entry){{i / 3, 2 * (i % 3)}, i, (int64_t)i * 7};
}

static void
fill(struct pending_list *l, uint64_t n)
{
	struct err err = {0};

	for (uint64_t i = 0; i < n; i++) {
		struct pending_entry e = entry(i);

		if (pending_list_add(l, &e, &err) != 0)
			fail_msg("%s", err.text);
	}
}

static void
expect(struct pending_list *l, uint64_t i)
{
	struct pending_entry want = entry(i), got;
	struct err err = {0};

	if (pending_list_find(l, want.id, &got, &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(got.count, want.count);
	assert_int_equal(got.ms, want.ms);
}

static void
each_is_found_however_many_there_are(void **state)
{
	static const uint64_t sizes[] = {1, 2047, 2048, 2049, 4096, MANY};
	struct pending_list *l = pending_list_new();

	(void)state;
	for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
		pending_list_clear(l);
		fill(l, sizes[k]);
		for (uint64_t i = 0; i < sizes[k]; i++)
			expect(l, i);
		for (uint64_t i = 0; i < sizes[k]; i += 611)
			expect(l, (i * 7919) % sizes[k]);
	}
	pending_list_free(l);
}

static void
what_is_not_there_is_corrupt(void **state)
{
	struct pending_list *l = pending_list_new();
	struct pending_entry got;
	struct err err = {0};

	(void)state;
	for (uint64_t n = 0; n <= MANY; n += MANY / 2) {
		pending_list_clear(l);
		fill(l, n);
		for (uint64_t ms = 0; ms < 4000; ms += 333) {
			struct rdb_stream_id id = {ms, 1};

			err = (struct err){0};
			assert_int_equal(
			    pending_list_find(l, id, &got, &err), -1);
			assert_int_equal(err.kind, ERR_CORRUPT);
		}
	}
	pending_list_free(l);
}

static void
ids_must_ascend_across_blocks_too(void **state)
{
	struct pending_list *l = pending_list_new();

	(void)state;
	for (uint64_t n = 1; n <= 4096; n += 1365) {
		struct pending_entry e = entry(n - 1);
		struct err err = {0};

		pending_list_clear(l);
		fill(l, n);
		assert_int_equal(pending_list_add(l, &e, &err), -1);
		assert_int_equal(err.kind, ERR_CORRUPT);
	}
	pending_list_free(l);
}

static void
a_file_that_cannot_be_made_is_told(void **state)
{
	struct pending_list *l = pending_list_new();
	struct pending_entry e = entry(MANY);
	struct err err = {0};

	(void)state;
	fill(l, 2047);
	setenv("TMPDIR", "/nowhere/at/all", 1);
	assert_int_equal(pending_list_add(l, &e, &err), -1);
	assert_int_equal(err.kind, ERR_SYSTEM);
	unsetenv("TMPDIR");
	pending_list_free(l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_is_found_however_many_there_are),
	    cmocka_unit_test(what_is_not_there_is_corrupt),
	    cmocka_unit_test(ids_must_ascend_across_blocks_too),
	    cmocka_unit_test(a_file_that_cannot_be_made_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
