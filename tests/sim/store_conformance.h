/*
 * store_conformance.h -- the promises of store.h, as tests for any driver.
 *
 *	struct conformance_env env = { .open = open_mine, .arg = &mine };
 *	return store_conformance_run("store_mine", &env);
 *
 * A test opens the store anew, works below a prefix drawn at random, so that
 * the suite may be repeated on one container, and removes what it made.  What
 * the driver has no capability for is skipped.
 */
#ifndef TESTS_STORE_CONFORMANCE_H
#define TESTS_STORE_CONFORMANCE_H

#include <stdbool.h>
#include <stddef.h>

struct CMUnitTest;
struct store;

struct conformance_env {
	/* A store that the test frees; asserts rather than return NULL. */
	struct store *(*open)(void *arg);
	void *arg;
	/* This place keeps no content type and no MD5 (a file system without
	 * user attributes). */
	bool no_props;
};

/* For a runner of one's own: each test's state is a struct conformance_env. */
extern const struct CMUnitTest store_conformance_tests[];
extern const size_t store_conformance_count;

/* The number of tests that failed, as from cmocka. */
int store_conformance_run(const char *group, struct conformance_env *);

#endif
