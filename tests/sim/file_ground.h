/* file_ground.h -- a file: store in a directory of its own, for one test. */
#ifndef TESTS_FILE_GROUND_H
#define TESTS_FILE_GROUND_H

#include <stddef.h>

#include "base/err.h"
#include "base/scope.h"
#include "storage/store.h"
#include "tests/sim/temp_dir.h"

struct ground {
	struct temp_dir dir;
	struct store *s;
	struct scope scope;
};

int file_ground_setup(void **state);
int file_ground_teardown(void **state);

/* Of what is in the directory; good until the next call. */
const char *file_ground_path(const struct ground *, const char *name);

/* A whole blob, and one block of the writer "aa". */
int file_ground_put(
    const struct ground *, const char *blob, const char *text, struct err *);
int file_ground_stage(struct store *, const struct scope *, const char *blob,
    unsigned i, const void *, size_t, struct err *);

/* How many entries a directory has, and the last one's path (NULL: not). */
unsigned
file_ground_entries(const struct ground *, const char *name, char found[1000]);

#define WITH_GROUND(f) \
	cmocka_unit_test_setup_teardown( \
	    f, file_ground_setup, file_ground_teardown)

#endif
