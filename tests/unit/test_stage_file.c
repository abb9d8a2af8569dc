/* What a staged file holds, by whichever way its bytes went into it. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/chunk.h"
#include "base/err.h"
#include "base/scope.h"
#include "storage/file_dir.h"
#include "storage/stage_file.h"
#include "tests/sim/temp_dir.h"

#define PAGES 8
#define BYTES ((size_t)PAGES * CHUNK_ALIGN + 100)

struct ground {
	struct temp_dir tmp;
	struct file_dir dir;
	struct stage_file f;
	unsigned char *bytes; /* BYTES and a page, aligned */
};

static int
ground_up(void **state)
{
	struct ground *g = calloc(1, sizeof(*g));
	struct scope scope = scope_root(NULL);
	struct err err = {0};
	char url[600];
	void *p;

	temp_dir_make(&g->tmp);
	snprintf(url, sizeof(url), "file://%s", g->tmp.path);
	assert_int_equal(file_dir_init(&g->dir, url, &err), 0);
	if (stage_file_open(&g->f, &g->dir, &scope, false, &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(
	    posix_memalign(&p, CHUNK_ALIGN, BYTES + CHUNK_ALIGN), 0);
	g->bytes = p;
	for (size_t i = 0; i < BYTES + CHUNK_ALIGN; i++)
		g->bytes[i] = (unsigned char)(i * 7 + i / 251);
	*state = g;
	return 0;
}

static int
ground_down(void **state)
{
	struct ground *g = *state;

	stage_file_close(&g->f, false);
	file_dir_release(&g->dir);
	temp_dir_remove(&g->tmp);
	free(g->bytes);
	free(g);
	return 0;
}

static void
write_at(struct ground *g, uint64_t off, const unsigned char *p, size_t len)
{
	struct chunk *c = chunk_view(p, len);

	assert_int_equal(stage_file_write(&g->f, off, &c, 1), 0);
	chunk_unref(c);
}

static void
holds(struct ground *g, uint64_t off, const unsigned char *p, size_t len)
{
	unsigned char *got = malloc(len + 1);

	assert_int_equal(
	    pread(g->f.fd, got, len + 1, (off_t)off), (ssize_t)len);
	assert_memory_equal(got, p, len);
	free(got);
}

/* How many of the first n pages the page cache has. */
static size_t
cached(struct ground *g, size_t n)
{
	unsigned char in[PAGES + 1] = {0};
	size_t count = 0;
	void *map = mmap(
	    NULL, n * CHUNK_ALIGN, PROT_READ, MAP_SHARED, g->f.fd, 0);

	assert_ptr_not_equal(map, MAP_FAILED);
	assert_int_equal(mincore(map, n * CHUNK_ALIGN, in), 0);
	munmap(map, n * CHUNK_ALIGN);
	for (size_t i = 0; i < n; i++)
		count += in[i] & 1;
	return count;
}

static void
aligned_pages_leave_the_page_cache_alone(void **state)
{
	struct ground *g = *state;

	write_at(g, 0, g->bytes, BYTES);
	/* A file system that cannot do it has said so at the opening. */
	assert_int_equal(cached(g, PAGES), g->f.direct == -1 ? PAGES : 0);
	holds(g, 0, g->bytes, BYTES);
}

static void
what_is_not_aligned_is_written_all_the_same(void **state)
{
	struct ground *g = *state;

	/* In memory, in the file, and both. */
	write_at(g, 0, g->bytes + 1, BYTES);
	holds(g, 0, g->bytes + 1, BYTES);
	write_at(g, 17, g->bytes, BYTES);
	holds(g, 17, g->bytes, BYTES);
	write_at(g, 33, g->bytes + 3, BYTES);
	holds(g, 33, g->bytes + 3, BYTES);
}

static void
blocks_that_touch_within_a_page_keep_each_other_s_bytes(void **state)
{
	struct ground *g = *state;

	/* The first ends within a page that the second then begins in. */
	write_at(g, 0, g->bytes, BYTES);
	write_at(g, BYTES, g->bytes + BYTES, CHUNK_ALIGN);
	holds(g, 0, g->bytes, BYTES + CHUNK_ALIGN);
	/* And the same place again, past the cache that has its end. */
	write_at(g, 0, g->bytes, BYTES);
	holds(g, 0, g->bytes, BYTES + CHUNK_ALIGN);
}

static void
several_chunks_follow_one_another(void **state)
{
	struct ground *g = *state;
	struct chunk *c[2] = {
	    chunk_view(g->bytes, CHUNK_ALIGN),
	    chunk_view(g->bytes + CHUNK_ALIGN, BYTES - CHUNK_ALIGN),
	};

	assert_int_equal(stage_file_write(&g->f, 0, c, 2), 0);
	holds(g, 0, g->bytes, BYTES);
	chunk_unref(c[0]);
	chunk_unref(c[1]);
}

/* One that refuses each direct write, as a file system may at any time. */
static void
a_direct_write_that_fails_goes_the_usual_way(void **state)
{
	struct ground *g = *state;

	if (g->f.direct != -1)
		close(g->f.direct);
	g->f.direct = open("/dev/full", O_WRONLY | O_CLOEXEC);
	assert_int_not_equal(g->f.direct, -1);
	write_at(g, 0, g->bytes, BYTES);
	holds(g, 0, g->bytes, BYTES);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, ground_up, ground_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(aligned_pages_leave_the_page_cache_alone),
	    TEST(what_is_not_aligned_is_written_all_the_same),
	    TEST(blocks_that_touch_within_a_page_keep_each_other_s_bytes),
	    TEST(several_chunks_follow_one_another),
	    TEST(a_direct_write_that_fails_goes_the_usual_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
