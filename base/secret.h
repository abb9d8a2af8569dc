/*
 * secret.h -- a password or key: referred to in configuration, wiped in memory.
 *
 * Secrets come from the environment or from a file, never from the command
 * line or from the configuration itself.
 */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include <stddef.h>

struct err;

#define SECRET_MAX 65536

/* len bytes and a NUL; zeroed before they are freed. */
struct secret {
	char *data; /* NULL: none */
	size_t len;
};

void secret_set(struct secret *, const void *, size_t); /* replaces */
void secret_copy(struct secret *, const struct secret *from);
void secret_release(struct secret *);

/* ERR_USAGE when the variable is unset, the file unreadable, empty or over
 * SECRET_MAX.  One newline at a file's end is not part of the secret. */
int secret_from_env(struct secret *, const char *name, struct err *);
int secret_from_file(struct secret *, const char *path, struct err *);

#endif
