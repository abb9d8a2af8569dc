/* What is read is what was appended; what lies on the disk is nothing. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/private_file.h"
#include "base/scope.h"
#include "tests/sim/catcher.h"
#include "tests/sim/temp_dir.h"

#define BYTES ((size_t)200000)

static struct private_file *
open_file(const char *dir)
{
	struct scope scope = scope_root(NULL);
	struct err err = {0};
	struct private_file *f = private_file_open(dir, &scope, &err);

	if (f == NULL)
		fail_msg("%s", err.text);
	return f;
}

static void
append(struct private_file *f, const void *data, size_t len)
{
	struct err err = {0};

	if (private_file_append(f, data, len, &err) != 0)
		fail_msg("%s", err.text);
}

/* In pieces of any size, and from any place on. */
static void
what_was_appended_is_read(void **state)
{
	static const size_t steps[] = {1, 15, 16, 17, 65535, 65536, 65537};
	struct private_file *f = open_file(NULL);
	unsigned char *data = malloc(BYTES), *got = malloc(BYTES);
	struct err err = {0};
	size_t done = 0;

	(void)state;
	assert_non_null(data);
	assert_non_null(got);
	fill_noise(data, BYTES, 3);
	for (size_t i = 0; done < BYTES; i = (i + 1) % 7) {
		size_t n = steps[i] < BYTES - done ? steps[i] : BYTES - done;

		append(f, data + done, n);
		done += n;
	}
	assert_int_equal(private_file_size(f), BYTES);
	for (size_t at = 0; at < BYTES; at = at * 3 + 7) {
		size_t n = BYTES - at;

		assert_int_equal(private_file_read(f, got, n, at, &err), 0);
		assert_memory_equal(got, data + at, n);
		assert_int_equal(private_file_read(f, got, 1, at, &err), 0);
		assert_memory_equal(got, data + at, 1);
	}
	assert_int_equal(private_file_read(f, got, 2, BYTES - 1, &err), -1);
	assert_int_equal(err.kind, ERR_SYSTEM);
	private_file_close(f);
	free(data);
	free(got);
}

/* The descriptor of the file that was opened last, by its path. */
static int
descriptor_in(const char *dir)
{
	for (int fd = 63; fd > 2; fd--) {
		char link[64], path[4096];
		ssize_t n;

		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		n = readlink(link, path, sizeof(path) - 1);
		if (n > 0 && strncmp(path, dir, strlen(dir)) == 0)
			return fd;
	}
	return -1;
}

static void
on_disk(const char *dir, unsigned char out[4096])
{
	struct private_file *f = open_file(dir);
	static const unsigned char zeros[4096];
	int fd = descriptor_in(dir);

	assert_true(fd >= 0);
	append(f, zeros, sizeof(zeros));
	assert_int_equal(pread(fd, out, 4096, 0), 4096);
	private_file_close(f);
}

static bool
has_a_repeated_block(const unsigned char *p, size_t len)
{
	for (size_t i = 16; i < len; i += 16)
		if (memcmp(p, p + i, 16) == 0)
			return true;
	return false;
}

/* And each file has a key of its own. */
static void
on_the_disk_nothing_of_it_shows(void **state)
{
	unsigned char first[4096], second[4096];
	struct temp_dir dir;

	(void)state;
	temp_dir_make(&dir);
	on_disk(dir.path, first);
	on_disk(dir.path, second);
	assert_false(has_a_repeated_block(first, sizeof(first)));
	assert_memory_not_equal(first, second, 16);
	temp_dir_remove(&dir);
}

/* Where it may have been written to, nothing is written over it. */
static void
after_a_failure_nothing_is_appended(void **state)
{
	struct temp_dir dir;
	struct private_file *f;
	struct err err = {0};
	int fd, full;

	(void)state;
	temp_dir_make(&dir);
	f = open_file(dir.path);
	fd = descriptor_in(dir.path);
	assert_true(fd >= 0);
	full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	assert_true(full >= 0);
	assert_int_equal(dup2(full, fd), fd);
	close(full);
	assert_int_equal(private_file_append(f, "a", 1, &err), -1);
	assert_int_equal(err.kind, ERR_SYSTEM);
	assert_int_equal(private_file_append(f, "b", 1, &err), -1);
	assert_non_null(strstr(err.text, "could not be written"));
	assert_int_equal(private_file_size(f), 0);
	private_file_close(f);
	temp_dir_remove(&dir);
}

static void
a_directory_that_is_none_is_named(void **state)
{
	struct scope scope = scope_root(NULL);
	struct err err = {0};

	(void)state;
	assert_null(private_file_open("/nowhere/at/all", &scope, &err));
	assert_non_null(strstr(err.text, "/nowhere/at/all"));
	private_file_close(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_was_appended_is_read),
	    cmocka_unit_test(on_the_disk_nothing_of_it_shows),
	    cmocka_unit_test(after_a_failure_nothing_is_appended),
	    cmocka_unit_test(a_directory_that_is_none_is_named),
	};

	return cmocka_run_group_tests_name("private_file", tests, NULL, NULL);
}
