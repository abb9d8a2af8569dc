/*
 * azure_time.h -- the two ways in which Azure Storage writes an instant.
 *
 * Neither asks the locale what a day or a month is called.
 */
#ifndef STORAGE_AZURE_TIME_H
#define STORAGE_AZURE_TIME_H

#include <stdint.h>

struct err;

#define AZURE_TIME_MAX 64

/* "Sat, 21 Nov 2026 06:27:49 GMT", of HTTP headers and listings. */
void azure_time_format(int64_t unix_ms, char out[AZURE_TIME_MAX]);
int azure_time_parse(const char *, int64_t *unix_ms, struct err *);

/*
 * "2026-11-21T06:27:49Z", of a SAS, rounded down to the second.  Parsing
 * takes the shorter forms too (no seconds; the day alone).
 */
void azure_time_iso_format(int64_t unix_ms, char out[AZURE_TIME_MAX]);
int azure_time_iso_parse(const char *, int64_t *unix_ms, struct err *);

#endif
