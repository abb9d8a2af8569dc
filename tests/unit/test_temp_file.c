#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/temp_file.h"
#include "tests/sim/temp_dir.h"

static void
it_has_no_name_and_is_nobody_elses(void **state)
{
	struct temp_dir dir;
	struct err err = {0};
	struct stat st;
	int fd;

	(void)state;
	temp_dir_make(&dir);
	fd = temp_file_open(dir.path, &err);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_nlink, 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
	temp_dir_remove(&dir);
}

static void
what_was_written_is_read_and_no_more(void **state)
{
	struct err err = {0};
	char got[8];
	int fd = temp_file_open(NULL, &err);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(temp_file_write(fd, "abcdef", 6, 100, &err), 0);
	assert_int_equal(temp_file_read(fd, got, 4, 101, &err), 0);
	assert_memory_equal(got, "bcde", 4);
	assert_int_equal(temp_file_read(fd, got, 8, 101, &err), -1);
	assert_int_equal(err.kind, ERR_SYSTEM);
	close(fd);
	assert_int_equal(temp_file_read(-1, got, 1, 0, &err), -1);
	assert_int_equal(temp_file_write(-1, got, 1, 0, &err), -1);
	assert_int_equal(err.kind, ERR_SYSTEM);
}

static void
a_directory_that_is_none_is_named(void **state)
{
	struct err err = {0};

	(void)state;
	assert_int_equal(temp_file_open("/nowhere/at/all", &err), -1);
	assert_int_equal(err.kind, ERR_SYSTEM);
	assert_non_null(strstr(err.text, "/nowhere/at/all"));
	setenv("TMPDIR", "/nowhere/else", 1);
	assert_int_equal(temp_file_open(NULL, &err), -1);
	assert_non_null(strstr(err.text, "/nowhere/else"));
	unsetenv("TMPDIR");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(it_has_no_name_and_is_nobody_elses),
	    cmocka_unit_test(what_was_written_is_read_and_no_more),
	    cmocka_unit_test(a_directory_that_is_none_is_named),
	};

	return cmocka_run_group_tests_name("temp_file", tests, NULL, NULL);
}
