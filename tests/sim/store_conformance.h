/*
 * store_conformance.h -- the promises of store.h, as tests for any driver.
 *
 *	struct conformance_env env = { .open = open_mine, .arg = &mine };
 *	return store_conformance_run("store_mine", &env);
 *
 * A test opens the store anew, works below a prefix drawn at random, so that
 * the suite may be repeated on one container, and removes what it made.  Tests
 * of what the driver has no capability for are left out.
 */
#ifndef TESTS_STORE_CONFORMANCE_H
#define TESTS_STORE_CONFORMANCE_H

#include <stdbool.h>

struct store;

struct conformance_env {
	/* A store that the test frees; it asserts rather than return NULL. */
	struct store *(*open)(void *arg);
	void *arg;
	/* This place keeps no content type, no MD5 and nothing else beside the
	 * bytes (a file system without user attributes). */
	bool no_props;
};

/* The number of tests that failed, as from cmocka. */
int store_conformance_run(const char *group, struct conformance_env *);

#endif
