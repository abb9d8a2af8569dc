/*
 * private_file.h -- a temporary file that tells nobody what is in it.
 *
 * It has no name (temp_file.h), and lies on the disk enciphered, by AES-256-CTR
 * with a key that was made for it and is in memory alone: once it is closed
 * nobody can read what is left of it.  That it was not altered is not proved;
 * who reads something from it that must be whole checks that himself.
 */
#ifndef BASE_PRIVATE_FILE_H
#define BASE_PRIVATE_FILE_H

#include <stddef.h>
#include <stdint.h>

struct err;
struct private_file;
struct scope;

/* dir NULL: TMPDIR, else /var/tmp.  Of the scope only the randomness counts. */
struct private_file *
private_file_open(const char *dir, const struct scope *, struct err *);
void private_file_close(struct private_file *); /* NULL is fine */

/* At its end: what was written is not written over, which would show how the
 * two differ.  After a failure none of it is there, and nothing more can be
 * appended. */
int
private_file_append(struct private_file *, const void *, size_t, struct err *);
uint64_t private_file_size(const struct private_file *);

/* ERR_SYSTEM past its end. */
int private_file_read(
    struct private_file *, void *, size_t, uint64_t at, struct err *);

#endif
