#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ZSTD_STATIC_LINKING_ONLY
#include <zstd.h>

#include <cmocka.h>

#include "base/budget.h"
#include "base/err.h"
#include "base/scope.h"
#include "base/xalloc.h"
#include "storage/codec.h"
#include "tests/sim/catcher.h"

#define MIB ((size_t)1 << 20)

/* A frame by the library's own one-shot functions. */
static size_t
make_frame(unsigned char *p, size_t room, const void *data, size_t len,
    int checksum, int window_log)
{
	ZSTD_CCtx *c = ZSTD_createCCtx();
	ZSTD_inBuffer in = {data, len, 0};
	ZSTD_outBuffer out = {p, room, 0};

	ZSTD_CCtx_setParameter(c, ZSTD_c_checksumFlag, checksum);
	ZSTD_CCtx_setParameter(c, ZSTD_c_windowLog, window_log);
	/* Begun without the end: the size, and so the window, is not known. */
	assert_false(
	    ZSTD_isError(ZSTD_compressStream2(c, &out, &in, ZSTD_e_continue)));
	assert_int_equal(ZSTD_compressStream2(c, &out, &in, ZSTD_e_end), 0);
	ZSTD_freeCCtx(c);
	return out.pos;
}

static int
decode_within(size_t extra, const unsigned char *coded, size_t len, size_t step,
    struct catcher *end, struct err *err)
{
	struct scope scope = scope_root(NULL);
	struct codec_opts opts = {0};
	struct sink *s;
	int rc;

	opts.budget = budget_new(decoder_cost(CODEC_ZSTD, &opts) + extra);
	s = decoder_new(CODEC_ZSTD, &scope, &opts, err);
	assert_non_null(s);
	rc = catcher_run(end, s, coded, len, step, err);
	budget_free(opts.budget);
	return rc;
}

static void
assert_decodes(const unsigned char *coded, size_t len, size_t step,
    const void *data, size_t data_len)
{
	struct catcher end;
	struct err err = {0};

	if (decode_within(0, coded, len, step, &end, &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(end.len, data_len);
	if (data_len > 0)
		assert_memory_equal(end.data, data, data_len);
	catcher_release(&end);
}

static void
assert_corrupt(const unsigned char *coded, size_t len, size_t step)
{
	struct catcher end;
	struct err err = {0};

	assert_int_equal(decode_within(0, coded, len, step, &end, &err), -1);
	assert_int_equal(err.kind, ERR_CORRUPT);
	catcher_release(&end);
}

static void
frames_in_a_row_are_one_stream(void **state)
{
	static const size_t steps[] = {0, 1, 17, 4096};
	size_t len = 100000, n = 0;
	unsigned char *data = xmalloc(len), *coded = xmalloc(4 * len);

	(void)state;
	fill_text(data, len, 1);
	n += make_frame(coded + n, len, data, 1000, 1, 0);
	n += make_frame(coded + n, len, "", 0, 0, 0);
	/* A skippable one of five bytes. */
	memcpy(coded + n, "\x53\x2a\x4d\x18\x05\0\0\0skip!", 13);
	n += 13;
	n += make_frame(coded + n, len, data + 1000, len - 1000, 0, 0);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		assert_decodes(coded, n, steps[i], data, len);
	free(coded);
	free(data);
}

static void
zeros_after_the_end_are_ignored_garbage_is_not(void **state)
{
	unsigned char coded[1000] = {0};
	size_t n;

	(void)state;
	n = make_frame(coded, sizeof(coded), "hello", 5, 1, 0);
	assert_decodes(coded, n + 1, 0, "hello", 5);
	assert_decodes(coded, sizeof(coded), 0, "hello", 5);
	assert_decodes(coded, sizeof(coded), 1, "hello", 5);
	coded[n + 5] = 'x';
	assert_corrupt(coded, n + 6, 0);
	assert_corrupt(coded, n + 6, 1);
	coded[n] = 'x';
	assert_corrupt(coded, n + 1, 0);
	coded[n] = 0x28;
	assert_corrupt(coded, n + 1, 0);
	assert_corrupt(coded, n + 100, 0);
}

static void
a_cut_anywhere_is_seen(void **state)
{
	unsigned char data[3000], coded[6000];
	size_t n;

	(void)state;
	fill_text(data, sizeof(data), 2);
	n = make_frame(coded, sizeof(coded), data, sizeof(data), 1, 0);
	for (size_t cut = 0; cut < n; cut++) {
		assert_corrupt(coded, cut, 0);
		assert_corrupt(coded, cut, 3);
	}
}

static void
a_flip_anywhere_is_seen_or_harmless(void **state)
{
	unsigned char data[1000], coded[2000];
	size_t n;

	(void)state;
	fill_text(data, sizeof(data), 3);
	n = make_frame(coded, sizeof(coded), data, sizeof(data), 1, 0);
	for (size_t bit = 0; bit < 8 * n; bit++) {
		struct catcher end;
		struct err err = {0};
		int rc;

		coded[bit / 8] ^= (unsigned char)(1u << bit % 8);
		rc = decode_within((size_t)200 << 20, coded, n, 0, &end, &err);
		if (rc == 0) {
			assert_int_equal(end.len, sizeof(data));
			assert_memory_equal(end.data, data, sizeof(data));
		} else {
			assert_true(err.kind == ERR_CORRUPT ||
			    err.kind == ERR_UNSUPPORTED);
		}
		catcher_release(&end);
		coded[bit / 8] ^= (unsigned char)(1u << bit % 8);
	}
}

/* 8 MiB are in the cost; up to 128 the budget decides; then nobody. */
static void
a_big_window_is_carved_or_refused(void **state)
{
	unsigned char data[1000], coded[2000];
	struct catcher end;
	struct err err = {0};
	size_t n;

	(void)state;
	fill_text(data, sizeof(data), 4);
	n = make_frame(coded, sizeof(coded), data, sizeof(data), 1, 23);
	assert_decodes(coded, n, 0, data, sizeof(data));

	n = make_frame(coded, sizeof(coded), data, sizeof(data), 1, 25);
	assert_int_equal(decode_within(0, coded, n, 0, &end, &err), -1);
	assert_int_equal(err.kind, ERR_USAGE);
	catcher_release(&end);
	assert_int_equal(decode_within(40 * MIB, coded, n, 0, &end, &err), 0);
	catcher_release(&end);

	n = make_frame(coded, sizeof(coded), data, sizeof(data), 1, 28);
	assert_int_equal(decode_within(500 * MIB, coded, n, 0, &end, &err), -1);
	assert_int_equal(err.kind, ERR_UNSUPPORTED);
	catcher_release(&end);
}

static void
a_bomb_takes_no_memory(void **state)
{
	size_t len = 64 * MIB;
	unsigned char *data = xcalloc(1, len), *coded = xmalloc(MIB);
	struct catcher end;
	struct err err = {0};
	size_t n;

	(void)state;
	n = make_frame(coded, MIB, data, len, 0, 0);
	assert_in_range(n, 0, 10000);
	if (decode_within(0, coded, n, 0, &end, &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(end.len, len);
	assert_int_equal(end.biggest, CHUNK_SIZE);
	catcher_release(&end);
	free(coded);
	free(data);
}

static void
what_is_no_zstd_is_refused(void **state)
{
	(void)state;
	assert_corrupt((const unsigned char *)"", 0, 0);
	assert_corrupt((const unsigned char *)"REDIS0011", 9, 0);
	assert_corrupt((const unsigned char *)"(nothing like it)", 17, 0);
	assert_corrupt((const unsigned char *)"\0\0\0\0", 4, 0);
}

struct encoded {
	struct catcher end;
	struct seek_point points[16];
	size_t npoints;
};

static void
encode(int level, uint64_t seek_every, const unsigned char *data, size_t len,
    struct encoded *e)
{
	struct scope scope = scope_root(NULL);
	struct codec_opts opts = {.level = level, .seek_every = seek_every};
	const struct seek_point *points;
	struct err err = {0};
	struct sink *s;

	opts.budget = budget_new(encoder_cost(CODEC_ZSTD, &opts));
	s = encoder_new(CODEC_ZSTD, &scope, &opts, &err);
	assert_non_null(s);
	catcher_init(&e->end);
	s->next = &e->end.base;
	assert_int_equal(write_steps(s, data, len, 300001, &err), 0);
	assert_int_equal(sink_finish(s, &err), 0);
	points = encoder_seek_points(s, &e->npoints);
	assert_in_range(e->npoints, 0, 16);
	for (size_t i = 0; i < e->npoints; i++)
		e->points[i] = points[i];
	sink_free(s);
	assert_int_equal(budget_left(opts.budget), budget_size(opts.budget));
	budget_free(opts.budget);
}

static void
every_frame_has_a_checksum_and_a_small_window(void **state)
{
	static const int levels[] = {CODEC_LEVEL_FAST, 1, 3, 9, 19};
	unsigned char data[5000];

	(void)state;
	fill_text(data, sizeof(data), 5);
	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
		ZSTD_frameHeader header;
		struct encoded e;

		encode(levels[i], 0, data, sizeof(data), &e);
		assert_int_equal(
		    ZSTD_getFrameHeader(&header, e.end.data, e.end.len), 0);
		assert_int_equal(header.checksumFlag, 1);
		assert_in_range(header.windowSize, 1, 8 * MIB);
		assert_decodes(e.end.data, e.end.len, 0, data, sizeof(data));
		catcher_release(&e.end);
	}
}

/* What the encoder charges for its context is no less than it takes. */
static void
the_estimate_covers_the_context(void **state)
{
	unsigned char *data = xmalloc(12 * MIB), *out = xmalloc(13 * MIB);

	(void)state;
	fill_text(data, 12 * MIB, 6);
	for (int level = 1; level <= 7; level += 3) {
		ZSTD_CCtx *c = ZSTD_createCCtx();
		ZSTD_inBuffer in = {data, 12 * MIB, 0};
		ZSTD_outBuffer o = {out, 13 * MIB, 0};

		ZSTD_CCtx_setParameter(c, ZSTD_c_compressionLevel, level);
		ZSTD_compressStream2(c, &o, &in, ZSTD_e_continue);
		assert_in_range(
		    ZSTD_sizeof_CCtx(c), 1, ZSTD_estimateCStreamSize(level));
		ZSTD_freeCCtx(c);
	}
	free(out);
	free(data);
}

static void
a_seek_point_is_a_place_to_start(void **state)
{
	size_t len = 4 * MIB + 10;
	unsigned char *data = xmalloc(len);
	struct encoded e;

	(void)state;
	fill_text(data, len, 7);
	encode(1, MIB, data, len, &e);
	assert_int_equal(e.npoints, 4);
	assert_decodes(e.end.data, e.end.len, 0, data, len);
	for (size_t i = 0; i < e.npoints; i++) {
		struct seek_point p = e.points[i];

		assert_int_equal(p.raw, (i + 1) * MIB);
		assert_decodes(e.end.data + p.coded, e.end.len - p.coded, 0,
		    data + p.raw, len - p.raw);
	}
	catcher_release(&e.end);

	/* Data that ends just there has no empty frame behind it. */
	encode(1, MIB, data, 4 * MIB, &e);
	assert_int_equal(e.npoints, 3);
	assert_decodes(e.end.data, e.end.len, 0, data, 4 * MIB);
	catcher_release(&e.end);
	free(data);
}

/* zstd(1), where there is one, reads ours, and we read its. */
static void
the_program_and_we_read_each_other(void **state)
{
	char dir[] = "/tmp/test-zstd-XXXXXX", cmd[256], path[64];
	unsigned char *data, *coded;
	size_t len = 3 * MIB + 7, n;
	struct encoded e;
	FILE *f;

	(void)state;
	if (system("command -v zstd >/dev/null 2>&1") != 0) {
		print_message("no zstd here\n");
		skip();
	}
	data = xmalloc(len);
	coded = xmalloc(2 * len);
	fill_text(data, len, 8);
	encode(3, MIB, data, len, &e);
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/x.zst", dir);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(e.end.data, 1, e.end.len, f), e.end.len);
	fclose(f);
	snprintf(cmd, sizeof(cmd),
	    "cd %s && zstd -dq x.zst -o x && zstd -q --no-check x -o n.zst && "
	    "zstd -q -19 x -o c.zst && cat n.zst c.zst >b.zst",
	    dir);
	assert_int_equal(system(cmd), 0);
	snprintf(path, sizeof(path), "%s/b.zst", dir);
	f = fopen(path, "r");
	assert_non_null(f);
	n = fread(coded, 1, 2 * len, f);
	fclose(f);
	catcher_release(&e.end);
	data = xreallocarray(data, 2, len);
	memcpy(data + len, data, len);
	assert_decodes(coded, n, 50000, data, 2 * len);
	snprintf(cmd, sizeof(cmd), "rm -r %s", dir);
	assert_int_equal(system(cmd), 0);
	free(coded);
	free(data);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(frames_in_a_row_are_one_stream),
	    cmocka_unit_test(zeros_after_the_end_are_ignored_garbage_is_not),
	    cmocka_unit_test(a_cut_anywhere_is_seen),
	    cmocka_unit_test(a_flip_anywhere_is_seen_or_harmless),
	    cmocka_unit_test(a_big_window_is_carved_or_refused),
	    cmocka_unit_test(a_bomb_takes_no_memory),
	    cmocka_unit_test(what_is_no_zstd_is_refused),
	    cmocka_unit_test(every_frame_has_a_checksum_and_a_small_window),
	    cmocka_unit_test(the_estimate_covers_the_context),
	    cmocka_unit_test(a_seek_point_is_a_place_to_start),
	    cmocka_unit_test(the_program_and_we_read_each_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
