/*
 * temp_file.h -- a file without a name, gone with its last descriptor.
 */
#ifndef BASE_TEMP_FILE_H
#define BASE_TEMP_FILE_H

#include <stddef.h>
#include <stdint.h>

struct err;

/* dir NULL: TMPDIR, else /var/tmp.  For reading and writing, close-on-exec,
 * nobody else's to read; the descriptor, or -1. */
int temp_file_open(const char *dir, struct err *);

/* All of it, wherever a signal cuts in; read: ERR_SYSTEM past its end. */
int temp_file_write(int fd, const void *, size_t, uint64_t at, struct err *);
int temp_file_read(int fd, void *, size_t, uint64_t at, struct err *);

#endif
