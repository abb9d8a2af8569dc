/* quantity.h -- numbers as people write them: with a unit, and no sign. */
#ifndef BASE_QUANTITY_H
#define BASE_QUANTITY_H

#include <stdbool.h>
#include <stdint.h>

struct err;

/* The number that a text begins with, and what follows it; false: none. */
bool quantity_number(const char *, uint64_t *, const char **rest);

/* "8MiB", "64GiB", bytes; "500ms", "90s", "15m", "2h", "1d".  ERR_USAGE. */
int quantity_bytes(const char *, uint64_t *bytes, struct err *);
int quantity_ms(const char *, int64_t *ms, struct err *);

#endif
