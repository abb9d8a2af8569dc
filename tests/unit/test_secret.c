#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>
#include <unistd.h>

#include "base/err.h"
#include "base/secret.h"

/* A file of those bytes, whose path the caller unlinks. */
static void
make_file(char path[32], const char *data, size_t len)
{
	int fd;

	strcpy(path, "/tmp/test_secret.XXXXXX");
	fd = mkstemp(path);
	assert_true(fd != -1);
	assert_int_equal(write(fd, data, len), len);
	close(fd);
}

static int
from_bytes(struct secret *s, const char *data, size_t len, struct err *err)
{
	char path[32];
	int rc;

	make_file(path, data, len);
	rc = secret_from_file(s, path, err);
	unlink(path);
	return rc;
}

static void
copies_are_apart(void **state)
{
	struct secret a = {0}, b = {0}, none = {0};

	(void)state;
	secret_set(&a, "hun\0ter", 7);
	assert_int_equal(a.len, 7);
	assert_memory_equal(a.data, "hun\0ter", 8);
	secret_copy(&b, &a);
	secret_set(&a, a.data + 4, 3); /* out of itself */
	assert_string_equal(a.data, "ter");
	assert_memory_equal(b.data, "hun\0ter", 8);
	secret_copy(&b, &none);
	assert_null(b.data);
	secret_release(&a);
	secret_release(&a);
	assert_null(a.data);
}

static void
comes_from_the_environment(void **state)
{
	struct secret s = {0};
	struct err err = {0};
	char *big = malloc(SECRET_MAX + 2);

	(void)state;
	setenv("TEST_SECRET", "hunter2", 1);
	assert_int_equal(secret_from_env(&s, "TEST_SECRET", &err), 0);
	assert_string_equal(s.data, "hunter2");

	setenv("TEST_SECRET", "", 1);
	assert_int_equal(secret_from_env(&s, "TEST_SECRET", &err), -1);
	assert_int_equal(err.kind, ERR_USAGE);
	assert_string_equal(
	    err.text, "environment variable 'TEST_SECRET' is empty");
	unsetenv("TEST_SECRET");
	assert_int_equal(secret_from_env(&s, "TEST_SECRET", &err), -1);
	assert_string_equal(
	    err.text, "environment variable 'TEST_SECRET' is not set");

	memset(big, 'x', SECRET_MAX + 1);
	big[SECRET_MAX + 1] = '\0';
	setenv("TEST_SECRET", big, 1);
	assert_int_equal(secret_from_env(&s, "TEST_SECRET", &err), -1);
	unsetenv("TEST_SECRET");

	/* What failed has not replaced what was there. */
	assert_string_equal(s.data, "hunter2");
	secret_release(&s);
	free(big);
}

static void
comes_from_a_file_less_one_newline(void **state)
{
	struct secret s = {0};
	struct err err = {0};

	(void)state;
	assert_int_equal(from_bytes(&s, "hunter2\n", 8, &err), 0);
	assert_string_equal(s.data, "hunter2");
	assert_int_equal(from_bytes(&s, "a\0b\n\n", 5, &err), 0);
	assert_int_equal(s.len, 4);
	assert_memory_equal(s.data, "a\0b\n", 4);
	assert_int_equal(from_bytes(&s, "x", 1, &err), 0);
	assert_string_equal(s.data, "x");
	secret_release(&s);
}

static void
files_that_hold_none_are_refused(void **state)
{
	struct secret s = {0};
	struct err err = {0};
	char *big = malloc(SECRET_MAX + 5);

	(void)state;
	assert_int_equal(from_bytes(&s, "", 0, &err), -1);
	assert_int_equal(err.kind, ERR_USAGE);
	assert_int_equal(from_bytes(&s, "\n", 1, &err), -1);
	assert_int_equal(secret_from_file(&s, "/nonexistent/key", &err), -1);
	assert_int_equal(err.kind, ERR_USAGE);
	assert_string_equal(
	    err.text, "'/nonexistent/key': No such file or directory");
	assert_int_equal(secret_from_file(&s, "/tmp", &err), -1);

	memset(big, 'x', SECRET_MAX + 5);
	assert_int_equal(from_bytes(&s, big, SECRET_MAX + 1, &err), -1);
	assert_int_equal(from_bytes(&s, big, SECRET_MAX + 5, &err), -1);
	assert_null(s.data);
	assert_int_equal(from_bytes(&s, big, SECRET_MAX, &err), 0);
	big[SECRET_MAX] = '\n';
	assert_int_equal(from_bytes(&s, big, SECRET_MAX + 1, &err), 0);
	assert_int_equal(s.len, SECRET_MAX);
	secret_release(&s);
	free(big);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(copies_are_apart),
	    cmocka_unit_test(comes_from_the_environment),
	    cmocka_unit_test(comes_from_a_file_less_one_newline),
	    cmocka_unit_test(files_that_hold_none_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
