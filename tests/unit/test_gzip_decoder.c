#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

#include "base/budget.h"
#include "base/err.h"
#include "base/scope.h"
#include "base/xalloc.h"
#include "storage/codec.h"
#include "tests/sim/catcher.h"

#define MIB ((size_t)1 << 20)

/* RFC 1952's flags. */
enum { FTEXT = 1, FHCRC = 2, FEXTRA = 4, FNAME = 8, FCOMMENT = 16 };

/* A member, by zlib, appended at p; returns its length. */
static size_t
make_member(unsigned char *p, size_t room, const void *data, size_t len,
    gz_header *header)
{
	z_stream z = {0};

	assert_int_equal(
	    deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY),
	    Z_OK);
	if (header != NULL)
		assert_int_equal(deflateSetHeader(&z, header), Z_OK);
	z.next_in = (unsigned char *)data;
	z.avail_in = (uInt)len;
	z.next_out = p;
	z.avail_out = (uInt)room;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	deflateEnd(&z);
	return z.total_out;
}

/* end is filled; the caller releases it. */
static int
decode(const unsigned char *coded, size_t len, size_t step, struct catcher *end,
    struct err *err)
{
	struct scope scope = scope_root(NULL);
	struct codec_opts opts = {0};
	struct sink *s;
	int rc;

	opts.budget = budget_new(decoder_cost(CODEC_GZIP, &opts));
	s = decoder_new(CODEC_GZIP, &scope, &opts, err);
	assert_non_null(s);
	rc = catcher_run(end, s, coded, len, step, err);
	assert_int_equal(budget_left(opts.budget), budget_size(opts.budget));
	budget_free(opts.budget);
	return rc;
}

static void
assert_decodes(const unsigned char *coded, size_t len, size_t step,
    const void *data, size_t data_len)
{
	struct catcher end;
	struct err err = {0};

	if (decode(coded, len, step, &end, &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(end.len, data_len);
	assert_memory_equal(end.data, data, data_len);
	catcher_release(&end);
}

static void
assert_corrupt(const unsigned char *coded, size_t len, size_t step)
{
	struct catcher end;
	struct err err = {0};

	assert_int_equal(decode(coded, len, step, &end, &err), -1);
	assert_int_equal(err.kind, ERR_CORRUPT);
	catcher_release(&end);
}

/* Every optional field, and the input cut at every place. */
static void
headers_with_all_fields_are_read(void **state)
{
	static const int steps[] = {1, 2, 3, 5, 13, 0};
	char text[] = "the same text the same text the same text";
	unsigned char extra[700], coded[4096];
	gz_header header = {
	    .extra = extra,
	    .extra_len = sizeof(extra),
	    .name = (unsigned char *)"dump.rdb",
	    .comment = (unsigned char *)"made by somebody",
	    .hcrc = 1,
	    .text = 1,
	};
	size_t n;

	(void)state;
	fill_noise(extra, sizeof(extra), 1);
	n = make_member(coded, sizeof(coded), text, sizeof(text), &header);
	assert_int_equal(coded[3], FTEXT | FHCRC | FEXTRA | FNAME | FCOMMENT);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		assert_decodes(coded, n, steps[i], text, sizeof(text));
}

/* RFC 1952: a reserved flag may mean fields that we would take for data. */
static void
reserved_flags_are_refused(void **state)
{
	unsigned char coded[100];
	size_t n = make_member(coded, sizeof(coded), "hello", 5, NULL);

	(void)state;
	for (unsigned bit = 5; bit < 8; bit++) {
		coded[3] = (unsigned char)(1u << bit);
		assert_corrupt(coded, n, 0);
	}
}

static void
members_in_a_row_are_one_stream(void **state)
{
	static const size_t steps[] = {0, 1, 17, 4096};
	size_t len = 200000;
	unsigned char *data = xmalloc(len), *coded = xmalloc(2 * len);
	size_t n = 0;

	(void)state;
	fill_text(data, len, 2);
	n += make_member(coded + n, len, data, 1000, NULL);
	n += make_member(coded + n, len, "", 0, NULL);
	n += make_member(coded + n, len, data + 1000, 99000, NULL);
	n += make_member(coded + n, len, data + 100000, 100000, NULL);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		assert_decodes(coded, n, steps[i], data, len);
	free(coded);
	free(data);
}

static void
zeros_after_the_end_are_ignored(void **state)
{
	static const size_t steps[] = {0, 1, 512};
	unsigned char coded[4096] = {0};
	size_t n;

	(void)state;
	n = make_member(coded, sizeof(coded), "hello", 5, NULL);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		assert_decodes(coded, n + 1, steps[i], "hello", 5);
		assert_decodes(coded, sizeof(coded), steps[i], "hello", 5);
	}
}

static void
garbage_after_the_end_is_not(void **state)
{
	static const char *const garbage[] = {
	    "x", "\x1e", "\x1f\x8c", "\x1f", "\x1f\x8b\x08"};
	unsigned char coded[4096] = {0};
	size_t n;

	(void)state;
	n = make_member(coded, sizeof(coded), "hello", 5, NULL);
	for (size_t i = 0; i < sizeof(garbage) / sizeof(garbage[0]); i++) {
		strcpy((char *)coded + n, garbage[i]);
		assert_corrupt(coded, n + strlen(garbage[i]), 0);
		assert_corrupt(coded, n + strlen(garbage[i]), 1);
	}
	/* Nor is it after zeros, be it a member. */
	memset(coded + n, 0, 100);
	coded[n + 100] = 'x';
	assert_corrupt(coded, n + 101, 0);
	make_member(coded + n + 50, 1000, "hello", 5, NULL);
	assert_corrupt(coded, n + 80, 0);
}

static void
a_cut_anywhere_is_seen(void **state)
{
	size_t len = 3000;
	unsigned char data[3000], coded[6000];
	gz_header header = {.name = (unsigned char *)"n", .hcrc = 1};
	size_t n;

	(void)state;
	fill_text(data, len, 3);
	n = make_member(coded, sizeof(coded), data, len, &header);
	for (size_t cut = 0; cut < n; cut++) {
		assert_corrupt(coded, cut, 0);
		assert_corrupt(coded, cut, 3);
	}
	assert_decodes(coded, n, 3, data, len);
}

/*
 * A flipped bit is an error, or tells nothing of the data: the time, the
 * system, the bits behind the last block, a match that is as good elsewhere.
 */
static void
a_flip_anywhere_is_seen_or_harmless(void **state)
{
	size_t len = 2000;
	unsigned char data[2000], coded[4000];
	size_t n;

	(void)state;
	fill_text(data, len, 4);
	n = make_member(coded, sizeof(coded), data, len, NULL);
	for (size_t bit = 0; bit < 8 * n; bit++) {
		struct catcher end;
		struct err err = {0};

		coded[bit / 8] ^= (unsigned char)(1u << bit % 8);
		if (decode(coded, n, 0, &end, &err) == 0) {
			assert_int_equal(end.len, len);
			assert_memory_equal(end.data, data, len);
		} else {
			assert_int_equal(err.kind, ERR_CORRUPT);
		}
		catcher_release(&end);
		coded[bit / 8] ^= (unsigned char)(1u << bit % 8);
	}
}

/* 64 MiB of zeros in 64 KiB go through in a budget of one chunk. */
static void
a_bomb_takes_no_memory(void **state)
{
	size_t len = 64 * MIB;
	unsigned char *data = xcalloc(1, len), *coded = xmalloc(MIB);
	struct catcher end;
	struct err err = {0};
	size_t n;

	(void)state;
	n = make_member(coded, MIB, data, len, NULL);
	assert_in_range(n, 0, 70000);
	if (decode(coded, n, 0, &end, &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(end.len, len);
	assert_int_equal(end.biggest, CHUNK_SIZE);
	catcher_release(&end);
	free(coded);
	free(data);
}

/* Whatever the data's shape, zlib's streams and ours are the same to it. */
static void
zlibs_streams_of_every_level_are_read(void **state)
{
	size_t len = MIB + 5;
	unsigned char *data = xmalloc(len), *coded = xmalloc(2 * len);

	(void)state;
	fill_text(data, len, 5);
	fill_noise(data + MIB / 2, MIB / 4, 5);
	memset(data + MIB / 4, 'a', MIB / 8);
	for (int level = 0; level <= 9; level += 3)
		for (int strategy = 0; strategy <= Z_FIXED; strategy++) {
			z_stream z = {0};

			deflateInit2(&z, level, Z_DEFLATED, 31, 9, strategy);
			z.next_in = data;
			z.avail_in = (uInt)len;
			z.next_out = coded;
			z.avail_out = (uInt)(2 * len);
			assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
			assert_decodes(coded, z.total_out, 65537, data, len);
			deflateEnd(&z);
		}
	free(coded);
	free(data);
}

static void
what_is_no_gzip_is_refused(void **state)
{
	(void)state;
	assert_corrupt((const unsigned char *)"", 0, 0);
	assert_corrupt((const unsigned char *)"REDIS0011\xfa", 10, 0);
	assert_corrupt((const unsigned char *)"\0\0\0\0", 4, 0);
	/* Method 7 is nobody's. */
	assert_corrupt(
	    (const unsigned char *)"\x1f\x8b\x07\0\0\0\0\0\0\x03", 10, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(headers_with_all_fields_are_read),
	    cmocka_unit_test(reserved_flags_are_refused),
	    cmocka_unit_test(members_in_a_row_are_one_stream),
	    cmocka_unit_test(zeros_after_the_end_are_ignored),
	    cmocka_unit_test(garbage_after_the_end_is_not),
	    cmocka_unit_test(a_cut_anywhere_is_seen),
	    cmocka_unit_test(a_flip_anywhere_is_seen_or_harmless),
	    cmocka_unit_test(a_bomb_takes_no_memory),
	    cmocka_unit_test(zlibs_streams_of_every_level_are_read),
	    cmocka_unit_test(what_is_no_gzip_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
