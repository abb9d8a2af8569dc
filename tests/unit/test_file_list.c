#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/scope.h"
#include "base/xalloc.h"
#include "storage/file_dir.h"
#include "storage/file_list.h"
#include "storage/store.h"
#include "tests/sim/temp_dir.h"

#define FILES	 120
#define PREFIXES 60

struct ground {
	struct temp_dir dir;
	struct file_dir d;
	struct scope scope;
	char *names[FILES];
	size_t n;
	uint32_t seed;
};

static uint32_t
draw(struct ground *g, uint32_t below)
{
	g->seed = g->seed * 1664525 + 1013904223;
	return (g->seed >> 8) % below;
}

/* Letters around the slash in byte order, so that siblings, directories and
 * names that begin alike meet often. */
static void
draw_name(struct ground *g, char *out, size_t max)
{
	static const char letters[] = "ab-./0/";
	size_t len = draw(g, (uint32_t)max) + 1;

	for (size_t i = 0; i < len; i++)
		out[i] = letters[draw(g, sizeof(letters) - 1)];
	out[len] = '\0';
}

static void
make_file(struct ground *g, const char *name)
{
	struct file_path p;
	struct err err = {0};
	int fd;

	if (file_name_check(name, &err) != 0 ||
	    file_dir_make_parents(&g->d, name, &err) != 0)
		return;
	file_path_make(&p, &g->d, NULL, name);
	fd = open(p.s, O_WRONLY | O_CREAT | O_EXCL, 0600);
	if (fd == -1)
		return;
	close(fd);
	g->names[g->n++] = xstrdup(name);
}

static int
by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int
setup(void **state)
{
	struct ground *g = xcalloc(1, sizeof(*g));
	struct err err = {0};
	char url[300];
	char name[40];

	g->seed = 12345;
	g->scope = scope_root(NULL);
	temp_dir_make(&g->dir);
	snprintf(url, sizeof(url), "file://%s", g->dir.path);
	assert_int_equal(file_dir_init(&g->d, url, &err), 0);
	for (int tries = 0; g->n < FILES && tries < 100 * FILES; tries++) {
		draw_name(g, name, 9);
		make_file(g, name);
	}
	assert_true(g->n > FILES / 2);
	qsort(g->names, g->n, sizeof(*g->names), by_bytes);
	*state = g;
	return 0;
}

static int
teardown(void **state)
{
	struct ground *g = *state;

	for (size_t i = 0; i < g->n; i++)
		free(g->names[i]);
	file_dir_release(&g->d);
	temp_dir_remove(&g->dir);
	free(g);
	return 0;
}

/* What a listing must show, said in the simplest way: every name, cut behind
 * the first slash after the prefix, and each but once. */
static size_t
model(const struct ground *g, const struct list_opts *opts, char want[][40])
{
	size_t n = 0;

	for (size_t i = 0; i < g->n; i++) {
		size_t skip = strlen(opts->prefix);
		char *slash;

		if (strncmp(g->names[i], opts->prefix, skip) != 0)
			continue;
		strcpy(want[n], g->names[i]);
		slash = opts->by_directory ? strchr(want[n] + skip, '/') : NULL;
		if (slash != NULL)
			slash[1] = '\0';
		if (n == 0 || strcmp(want[n - 1], want[n]) != 0)
			n++;
	}
	return n;
}

static void
assert_as_model(struct ground *g, const struct list_opts *opts)
{
	char want[FILES][40];
	size_t n = model(g, opts, want);
	size_t seen = 0;
	char *marker = NULL;

	do {
		struct list_page page;
		struct err err = {0};

		assert_int_equal(
		    file_list(&g->d, &g->scope, opts, marker, &page, &err), 0);
		for (size_t i = 0; i < page.n; i++, seen++) {
			assert_true(seen < n);
			assert_string_equal(page.items[i].name, want[seen]);
		}
		free(marker);
		marker = page.next;
		page.next = NULL;
		list_page_release(&page);
	} while (marker != NULL);
	assert_int_equal(seen, n);
}

static void
listings_agree_with_a_plain_model(void **state)
{
	struct ground *g = *state;
	char prefix[40] = "";

	for (int i = 0; i < PREFIXES; i++) {
		for (unsigned size = 0; size < 8; size++)
			for (int cut = 0; cut < 2; cut++)
				assert_as_model(g,
				    &(struct list_opts){.prefix = prefix,
					.page_size = size,
					.by_directory = cut});
		if (i % 2)
			draw_name(g, prefix, 5);
		else
			strcpy(prefix, g->names[draw(g, (uint32_t)g->n)]);
		prefix[draw(g, 6)] = '\0';
	}
}

static void
a_marker_whose_blob_is_gone_still_marks_the_place(void **state)
{
	struct ground *g = *state;
	struct list_opts opts = {.page_size = 1};

	for (size_t i = 0; i + 1 < g->n; i++) {
		struct list_page page;
		struct err err = {0};
		struct file_path p;

		file_path_make(&p, &g->d, NULL, g->names[i]);
		assert_int_equal(unlink(p.s), 0);
		assert_int_equal(file_list(&g->d, &g->scope, &opts, g->names[i],
				     &page, &err),
		    0);
		assert_int_equal(page.n, 1);
		assert_string_equal(page.items[0].name, g->names[i + 1]);
		list_page_release(&page);
	}
}

#define WITH_GROUND(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_GROUND(listings_agree_with_a_plain_model),
	    WITH_GROUND(a_marker_whose_blob_is_gone_still_marks_the_place),
	};

	return cmocka_run_group_tests_name("file_list", tests, NULL, NULL);
}
