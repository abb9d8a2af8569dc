#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/err.h"
#include "storage/gone_spool.h"
#include "storage/replica_book.h"
#include "storage/store.h"

/* Of any length that a name can have, so that each falls across a border. */
static void
name_of(unsigned i, char name[BLOB_NAME_MAX + 1])
{
	unsigned len = 10 + i * 37 % (BLOB_NAME_MAX - 10);
	char head[16];

	snprintf(head, sizeof(head), "%09u-", i);
	memset(name, 'a' + i % 26, len);
	memcpy(name, head, 10);
	name[len] = '\0';
}

static void
assert_reads_back(struct gone_spool *s, unsigned n)
{
	char name[BLOB_NAME_MAX + 1], etag[32];
	struct book_gone gone;
	struct err err = {0};

	assert_int_equal(gone_spool_rewind(s, &err), 0);
	for (unsigned i = 0; i < n; i++) {
		name_of(i, name);
		snprintf(etag, sizeof(etag), "\"%u\"", i);
		assert_int_equal(gone_spool_next(s, &gone, &err), 1);
		assert_string_equal(gone.name, name);
		assert_string_equal(gone.etag, etag);
		assert_string_equal(gone.version, i % 2 ? "v" : "");
		assert_int_equal(gone.size, i * 7);
	}
	assert_int_equal(gone_spool_next(s, &gone, &err), 0);
	assert_int_equal(gone_spool_next(s, &gone, &err), 0);
}

static void
what_was_added_comes_back_in_order(void **state)
{
	static const unsigned counts[] = {0, 1, 100, 5000};

	(void)state;
	for (int c = 0; c < 4; c++) {
		struct err err = {0};
		struct gone_spool *s = gone_spool_new(&err);

		assert_non_null(s);
		for (unsigned i = 0; i < counts[c]; i++) {
			char name[BLOB_NAME_MAX + 1], etag[32];
			struct book_gone gone = {.name = name,
			    .etag = etag,
			    .version = i % 2 ? "v" : "",
			    .size = i * 7};

			name_of(i, name);
			snprintf(etag, sizeof(etag), "\"%u\"", i);
			assert_int_equal(gone_spool_add(s, &gone, &err), 0);
		}
		assert_int_equal(gone_spool_count(s), counts[c]);
		assert_reads_back(s, counts[c]);
		assert_reads_back(s, counts[c]);
		gone_spool_free(s);
	}
}

static void
what_no_store_has_told_is_refused(void **state)
{
	struct err err = {0};
	struct gone_spool *s = gone_spool_new(&err);
	char *name = malloc(5000);
	struct book_gone gone = {.name = name, .etag = "", .version = ""};

	(void)state;
	assert_non_null(name);
	memset(name, 'x', 4999);
	name[4999] = '\0';
	assert_int_equal(gone_spool_add(s, &gone, &err), -1);
	assert_int_equal(err.kind, ERR_CORRUPT);
	gone_spool_free(s);
	free(name);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_was_added_comes_back_in_order),
	    cmocka_unit_test(what_no_store_has_told_is_refused),
	};

	return cmocka_run_group_tests_name("gone_spool", tests, NULL, NULL);
}
