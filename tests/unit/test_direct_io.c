/* What goes past the page cache is the file's, and the rest is left alone. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/chunk.h"
#include "base/err.h"
#include "storage/direct_io.h"
#include "tests/sim/temp_dir.h"

#define PAGES 4
#define BYTES ((size_t)PAGES * CHUNK_ALIGN + 100)

struct ground {
	struct temp_dir tmp;
	int fd, direct;
	struct chunk *chunk; /* 64 KiB: aligned */
	unsigned char *room;
	unsigned char bytes[BYTES];
};

static int
ground_up(void **state)
{
	struct ground *g = calloc(1, sizeof(*g));
	struct err err = {0};
	char path[300];

	temp_dir_make(&g->tmp);
	snprintf(path, sizeof(path), "%s/file", g->tmp.path);
	g->fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	assert_int_not_equal(g->fd, -1);
	for (size_t i = 0; i < BYTES; i++)
		g->bytes[i] = (unsigned char)(i * 11 + i / 253);
	assert_int_equal(write(g->fd, g->bytes, BYTES), BYTES);
	g->direct = direct_open(g->fd, O_RDWR);
	g->chunk = chunk_new(NULL, (size_t)64 << 10, NULL, &err);
	g->room = chunk_room(g->chunk);
	*state = g;
	return 0;
}

static int
ground_down(void **state)
{
	struct ground *g = *state;

	chunk_unref(g->chunk);
	close(g->fd);
	if (g->direct != -1)
		close(g->direct);
	temp_dir_remove(&g->tmp);
	free(g);
	return 0;
}

/* A file system that cannot do it has said so at the opening. */
static size_t
where_it_can(const struct ground *g, size_t bytes)
{
	return g->direct != -1 ? bytes : 0;
}

static void
the_front_of_a_read_is_taken(void **state)
{
	struct ground *g = *state;
	size_t n = direct_read(g->direct, 0, g->room, BYTES);

	assert_int_equal(n, where_it_can(g, (size_t)PAGES * CHUNK_ALIGN));
	assert_memory_equal(g->room, g->bytes, n);
	n = direct_read(
	    g->direct, CHUNK_ALIGN, g->room, (size_t)2 * CHUNK_ALIGN);
	assert_int_equal(n, where_it_can(g, (size_t)2 * CHUNK_ALIGN));
	assert_memory_equal(g->room, g->bytes + CHUNK_ALIGN, n);
}

static void
a_read_past_the_end_says_how_far_it_came(void **state)
{
	struct ground *g = *state;
	size_t n = direct_read(g->direct, 0, g->room, (size_t)64 << 10);

	assert_int_equal(n, where_it_can(g, BYTES));
	assert_memory_equal(g->room, g->bytes, n);
}

static void
what_is_not_aligned_is_left_to_the_usual_way(void **state)
{
	struct ground *g = *state;

	assert_int_equal(direct_read(g->direct, 1, g->room, CHUNK_ALIGN), 0);
	assert_int_equal(
	    direct_read(g->direct, 0, g->room + 1, CHUNK_ALIGN), 0);
	assert_int_equal(
	    direct_read(g->direct, 0, g->room, CHUNK_ALIGN - 1), 0);
	assert_int_equal(direct_read(-1, 0, g->room, CHUNK_ALIGN), 0);
	assert_int_equal(direct_write(-1, 0, g->room, CHUNK_ALIGN), 0);
}

static void
what_was_written_is_read_by_others(void **state)
{
	struct ground *g = *state;
	unsigned char got[2 * CHUNK_ALIGN];
	size_t n;

	memset(g->room, 'x', sizeof(got));
	n = direct_write(g->direct, CHUNK_ALIGN, g->room, CHUNK_ALIGN + 1);
	assert_int_equal(n, where_it_can(g, CHUNK_ALIGN));
	memcpy(g->bytes + CHUNK_ALIGN, g->room, n);
	assert_int_equal(
	    pread(g->fd, got, sizeof(got), CHUNK_ALIGN), sizeof(got));
	assert_memory_equal(got, g->bytes + CHUNK_ALIGN, sizeof(got));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, ground_up, ground_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(the_front_of_a_read_is_taken),
	    TEST(a_read_past_the_end_says_how_far_it_came),
	    TEST(what_is_not_aligned_is_left_to_the_usual_way),
	    TEST(what_was_written_is_read_by_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
