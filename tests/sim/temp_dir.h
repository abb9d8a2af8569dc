/* temp_dir.h -- a directory for one test, and a file: store in it. */
#ifndef TESTS_TEMP_DIR_H
#define TESTS_TEMP_DIR_H

struct store;

struct temp_dir {
	char path[256];
};

/* Below TMPDIR, else /tmp; asserts. */
void temp_dir_make(struct temp_dir *);

/* With all that is in it. */
void temp_dir_remove(const struct temp_dir *);

/* The store whose directory it is; several may be open at once. */
struct store *temp_dir_store(const struct temp_dir *);

#endif
