/*
 * spool_file.h -- the spool's file: it has no name, so it goes with us.
 *
 * It may be written and read by two threads at once, at different places.
 */
#ifndef STORAGE_SPOOL_FILE_H
#define STORAGE_SPOOL_FILE_H

#include <stddef.h>
#include <stdint.h>

struct err;
struct spool_file;

struct spool_file *spool_file_open(const char *dir, struct err *);
void spool_file_close(struct spool_file *); /* NULL is fine */

int spool_file_write(
    struct spool_file *, const void *, size_t, uint64_t at, struct err *);
int
spool_file_read(struct spool_file *, void *, size_t, uint64_t at, struct err *);

/*
 * The bytes in between are not needed any more.  Returns how far from there
 * on their room was given back: whole blocks only, or nothing where the file
 * system cannot do it.
 */
uint64_t spool_file_drop(struct spool_file *, uint64_t from, uint64_t to);

/* No byte is needed any more. */
int spool_file_clear(struct spool_file *, struct err *);

#endif
