#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/scope.h"
#include "storage/blob_name.h"
#include "storage/listing.h"
#include "storage/listing_pair.h"
#include "storage/store.h"
#include "tests/sim/named_pages.h"

#define NAMES_MAX 40

/* All that may be names, ascending by blob_name_compare(). */
static const char *const words[NAMES_MAX] = {"!", "$root", "+", "A", "B", "a",
    "a ", "a!", "a-b", "a.", "a.b", "a/", "a/!", "a/a", "a/a/a", "a/b", "a/b ",
    "a0", "aa", "aaa", "ab", "b", "b/blobs/c", "c", "c%20", "c/d", "ca", "d",
    "e", "f", "z", "~", "\xc3\xa9", "\xc3\xa9/a", "\xe6\x97\xa5",
    "\xed\x9f\xbf", "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80/", "\xee\x80\x80",
    "\xef\xbf\xbd"};

struct sides {
	const char *names[2][NAMES_MAX];
	size_t n[2];
	struct named_pages pages[2];
	struct listing *listing[2];
	struct listing_pair pair;
};

static uint32_t
random_below(uint32_t *seed, uint32_t n)
{
	*seed = *seed * 1664525 + 1013904223;
	return (*seed >> 8) % n;
}

/* The page of that number of one side cannot be had. */
static void
start_failing(struct sides *s, size_t page_source, size_t page_copy, int side,
    unsigned fail_at)
{
	static const struct list_opts all;
	struct scope scope = scope_root(NULL);
	struct err err = {0};

	for (int i = 0; i < 2; i++) {
		named_pages_init(&s->pages[i], s->names[i], s->n[i],
		    i == 0 ? page_source : page_copy);
		s->pages[i].fail_at = i == side ? fail_at : 0;
		s->listing[i] = listing_new(
		    &s->pages[i].base, &scope, &all, &err);
		assert_non_null(s->listing[i]);
	}
	listing_pair_init(&s->pair, s->listing[0], s->listing[1]);
}

static void
start(struct sides *s, size_t page_source, size_t page_copy)
{
	start_failing(s, page_source, page_copy, 0, 0);
}

static void
end(struct sides *s)
{
	for (int i = 0; i < 2; i++) {
		listing_free(s->listing[i]);
		named_pages_release(&s->pages[i]);
	}
}

static void
choose(struct sides *s, uint32_t *seed)
{
	s->n[0] = s->n[1] = 0;
	for (size_t i = 0; i < NAMES_MAX; i++)
		for (int side = 0; side < 2; side++)
			if (random_below(seed, 3) > 0)
				s->names[side][s->n[side]++] = words[i];
}

static void
shuffle(struct sides *s, uint32_t *seed)
{
	for (int side = 0; side < 2; side++) {
		for (size_t i = s->n[side]; i > 1; i--) {
			size_t j = random_below(seed, (uint32_t)i);
			const char *swap = s->names[side][i - 1];

			s->names[side][i - 1] = s->names[side][j];
			s->names[side][j] = swap;
		}
	}
}

static bool
has(const struct sides *s, int side, const char *name)
{
	for (size_t i = 0; i < s->n[side]; i++)
		if (strcmp(s->names[side][i], name) == 0)
			return true;
	return false;
}

static bool
is_at(const struct list_item *item, const char *name)
{
	return item != NULL && strcmp(item->name, name) == 0;
}

static void
tells_each_name_with_the_sides_it_is_on(void **state)
{
	uint32_t seed = 7;
	struct err err;

	(void)state;
	for (int round = 0; round < 200; round++) {
		const struct list_item *source, *copy;
		struct sides s;

		choose(&s, &seed);
		start(&s, random_below(&seed, 7), random_below(&seed, 7));
		for (size_t i = 0; i < NAMES_MAX; i++) {
			bool here = has(&s, 0, words[i]);
			bool there = has(&s, 1, words[i]);

			if (!here && !there)
				continue;
			assert_int_equal(
			    listing_pair_next(&s.pair, &source, &copy, &err),
			    1);
			assert_int_equal(is_at(source, words[i]), here);
			assert_int_equal(is_at(copy, words[i]), there);
		}
		assert_int_equal(
		    listing_pair_next(&s.pair, &source, &copy, &err), 0);
		assert_int_equal(
		    listing_pair_next(&s.pair, &source, &copy, &err), 0);
		end(&s);
	}
}

/* Whatever the order: all of each side, in the order of that side. */
static void
disorder_loses_no_name(void **state)
{
	uint32_t seed = 11;
	struct err err;

	(void)state;
	for (int round = 0; round < 200; round++) {
		const struct list_item *source, *copy;
		size_t told[2] = {0};
		struct sides s;

		choose(&s, &seed);
		shuffle(&s, &seed);
		start(&s, random_below(&seed, 7), random_below(&seed, 7));
		while (listing_pair_next(&s.pair, &source, &copy, &err) == 1) {
			assert_true(source != NULL || copy != NULL);
			if (source != NULL)
				assert_string_equal(
				    source->name, s.names[0][told[0]++]);
			if (copy != NULL)
				assert_string_equal(
				    copy->name, s.names[1][told[1]++]);
			if (source != NULL && copy != NULL)
				assert_string_equal(source->name, copy->name);
		}
		assert_int_equal(told[0], s.n[0]);
		assert_int_equal(told[1], s.n[1]);
		end(&s);
	}
}

/* One name a page: nothing but the promise keeps what was told. */
static void
what_was_told_outlives_the_next_call(void **state)
{
	const struct list_item *told[2] = {0}, *source, *copy;
	char names[2][32] = {{0}};
	uint32_t seed = 13;
	struct sides s;
	struct err err;

	(void)state;
	choose(&s, &seed);
	start(&s, 1, 1);
	while (listing_pair_next(&s.pair, &source, &copy, &err) == 1) {
		const struct list_item *now[2] = {source, copy};

		for (int i = 0; i < 2; i++) {
			if (told[i] != NULL)
				assert_string_equal(told[i]->name, names[i]);
			told[i] = now[i];
			if (now[i] != NULL)
				snprintf(names[i], sizeof(names[i]), "%s",
				    now[i]->name);
		}
	}
	end(&s);
}

static void
a_listing_that_fails_fails_both(void **state)
{
	(void)state;
	for (int side = 0; side < 2; side++) {
		const struct list_item *source, *copy;
		uint32_t seed = 17;
		struct err err = {0};
		struct sides s;
		int told = 0;

		choose(&s, &seed);
		start_failing(&s, 4, 4, side, 2);
		while (listing_pair_next(&s.pair, &source, &copy, &err) == 1)
			told++;
		assert_in_range(told, 1, 8);
		assert_string_equal(err.text,
		    side == 0
			? "source: page 2 of the listing: page refused"
			: "destination: page 2 of the listing: page refused");
		err = (struct err){0};
		assert_int_equal(
		    listing_pair_next(&s.pair, &source, &copy, &err), -1);
		assert_int_equal(err.kind, ERR_SERVER);
		end(&s);
	}
}

static void
the_words_of_this_test_ascend(void **state)
{
	(void)state;
	for (size_t i = 1; i < NAMES_MAX; i++)
		assert_true(blob_name_compare(words[i - 1], words[i]) < 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_words_of_this_test_ascend),
	    cmocka_unit_test(tells_each_name_with_the_sides_it_is_on),
	    cmocka_unit_test(disorder_loses_no_name),
	    cmocka_unit_test(what_was_told_outlives_the_next_call),
	    cmocka_unit_test(a_listing_that_fails_fails_both),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
