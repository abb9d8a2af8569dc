/* store_says.h -- what a store's operation must have answered. */
#ifndef TESTS_SIM_STORE_SAYS_H
#define TESTS_SIM_STORE_SAYS_H

#include "base/err.h"

/* Any failure shows its text. */
#define OK(call) \
	do { \
		struct err err = {0}; \
		if ((call) != 0) \
			fail_msg( \
			    "%s: kind %d: %s", #call, err.kind, err.text); \
	} while (0)

#define FAILS(call, want) \
	do { \
		struct err err = {0}; \
		assert_int_equal(call, -1); \
		if (err.kind != (want)) \
			fail_msg("%s: kind %d instead of %d: %s", #call, \
			    err.kind, want, err.text); \
		assert_true(err.text[0] != '\0'); \
	} while (0)

#endif
