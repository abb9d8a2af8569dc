#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "rdb/key_table.h"

/* Digests are what a caller says they are. */
static struct key_record
record(uint32_t db, unsigned char digest, size_t name_len)
{
	struct key_record r = {.db = db, .name_len = (uint32_t)name_len};

	memset(r.name_digest.b, digest, sizeof(r.name_digest.b));
	return r;
}

static struct key_record
record_of(unsigned i, char name[32])
{
	struct key_record r = {.bytes = i};

	r.name_len = (uint32_t)snprintf(name, 32, "key:%u", i);
	memcpy(r.name_digest.b, &i, sizeof(i));
	return r;
}

static bool
put(struct key_table *t, uint32_t db, unsigned char digest, const char *name)
{
	struct key_record r = record(db, digest, strlen(name));

	return key_table_put(t, &r, (const unsigned char *)name);
}

static const struct key_record *
find(struct key_table *t, uint32_t db, unsigned char digest, const char *name)
{
	struct key_record r = record(db, digest, strlen(name));

	return key_table_find(t, &r, (const unsigned char *)name);
}

static void
names_whose_digests_collide_stay_two_keys(void **state)
{
	struct key_table *t = key_table_new(KEY_TABLE_LEAST);
	const struct key_record *a, *b;

	(void)state;
	assert_true(put(t, 0, 7, "one"));
	assert_true(put(t, 0, 7, "two"));
	a = find(t, 0, 7, "one");
	b = find(t, 0, 7, "two");
	assert_non_null(a);
	assert_non_null(b);
	assert_ptr_not_equal(a, b);
	assert_memory_equal(key_record_name(a), "one", 3);
	assert_memory_equal(key_record_name(b), "two", 3);
	assert_null(find(t, 0, 7, "six"));
	assert_null(find(t, 0, 7, "on"));
	assert_null(find(t, 1, 7, "one"));
	assert_null(find(t, 0, 8, "one"));
	key_table_free(t);
	key_table_free(NULL);
}

static void
of_a_long_name_the_beginning_is_kept(void **state)
{
	struct key_table *t = key_table_new(KEY_TABLE_LEAST);
	char name[1000];

	(void)state;
	memset(name, 'n', sizeof(name));
	name[999] = '\0';
	assert_true(put(t, 0, 7, name));
	assert_non_null(find(t, 0, 7, name));
	assert_memory_equal(
	    key_record_name(find(t, 0, 7, name)), name, KEY_NAME_KEPT);
	name[998] = '\0';
	assert_null(find(t, 0, 7, name));
	key_table_free(t);
}

/* As many as fit. */
static unsigned
fill(struct key_table *t)
{
	struct key_record r;
	char name[32];
	unsigned i;

	for (i = 0;; i++) {
		r = record_of(i, name);
		if (!key_table_put(t, &r, (unsigned char *)name))
			return i;
	}
}

static void
check_there(struct key_table *t, unsigned n, unsigned every)
{
	const struct key_record *found;
	struct key_record r;
	char name[32];

	for (unsigned i = 0; i < n; i++) {
		r = record_of(i, name);
		found = key_table_find(t, &r, (unsigned char *)name);
		if (i % every != 0) {
			assert_null(found);
			continue;
		}
		assert_non_null(found);
		assert_int_equal(found->bytes, i);
	}
}

static void
a_full_table_stays_as_it_was(void **state)
{
	struct key_table *t = key_table_new(2 * KEY_TABLE_LEAST);
	unsigned n = fill(t);

	(void)state;
	/* Some 100 bytes each, and the index. */
	assert_in_range(n, 20000, 42000);
	assert_int_equal(key_table_count(t), n);
	check_there(t, n, 1);
	key_table_free(t);
}

static bool
every_third(const struct key_record *r, const void *arg)
{
	(void)arg;
	return r->bytes % 3 == 0;
}

static void
what_is_not_kept_makes_room(void **state)
{
	struct key_table *t = key_table_new(2 * KEY_TABLE_LEAST);
	unsigned n = fill(t), i = 0, again;
	const struct key_record *r;
	struct key_cursor c = {0};

	(void)state;
	key_table_keep(t, every_third, NULL);
	assert_int_equal(key_table_count(t), (n + 2) / 3);
	check_there(t, n, 3);
	for (; (r = key_table_next(t, &c)) != NULL; i += 3) {
		assert_int_equal(r->bytes, i);
		assert_memory_equal(key_record_name(r), "key:", 4);
	}
	assert_int_equal(i, (n + 2) / 3 * 3);
	again = fill(t);
	assert_in_range(again, n / 2, n);
	key_table_keep(t, NULL, NULL);
	assert_int_equal(key_table_count(t), 0);
	assert_null(key_table_next(t, &(struct key_cursor){0, 0}));
	assert_int_equal(fill(t), n);
	key_table_free(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names_whose_digests_collide_stay_two_keys),
	    cmocka_unit_test(of_a_long_name_the_beginning_is_kept),
	    cmocka_unit_test(a_full_table_stays_as_it_was),
	    cmocka_unit_test(what_is_not_kept_makes_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
