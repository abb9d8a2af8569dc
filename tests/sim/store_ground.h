/*
 * store_ground.h -- what one conformance test stands on.
 *
 * For the files of the suite alone, which include cmocka first.
 */
#ifndef TESTS_STORE_GROUND_H
#define TESTS_STORE_GROUND_H

#include <stdint.h>

#include "base/err.h"
#include "base/scope.h"
#include "storage/store.h"
#include "tests/sim/store_says.h"

/* One test's ground: the store and names that nobody else uses. */
struct ground {
	struct store *s;
	struct scope scope;
	char prefix[32];
};

#define ops(g) ((g)->s->ops)

/* state is a struct conformance_env. */
struct ground ground_open(void **state);

/* Removes what the test made. */
void ground_close(struct ground *);

/* Below the test's prefix; for test_free(). */
char *ground_name(const struct ground *, const char *name);

struct block_id ground_block(uint64_t writer, unsigned i);
int ground_stage(const struct ground *, const char *blob,
    const struct block_id *, const char *text, struct err *);

/* These assert. */
void ground_put(const struct ground *, const char *blob, const char *text);
void ground_holds(const struct ground *, const char *blob, const char *text);
void ground_lacks(const struct ground *, const char *blob);

#define NAME(g, s, var) char *var = ground_name(g, s)

/* A promise, and what a driver must be able to do to have made it. */
struct promise {
	struct CMUnitTest test;
	unsigned needs;
};

/* Each ends with a test without a name. */
extern const struct promise store_promises_blocks[];
extern const struct promise store_promises_list[];
extern const struct promise store_promises_share[];
extern const struct promise store_promises_traits[];

#endif
