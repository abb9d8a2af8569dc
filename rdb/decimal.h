/* decimal.h -- numbers as the text that Redis makes of them, and back. */
#ifndef RDB_DECIMAL_H
#define RDB_DECIMAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DECIMAL_INT_MAX	  20  /* bytes of INT64_MIN; no NUL is written */
#define DECIMAL_SCORE_MAX 127 /* bytes of a score as text, as Redis has it */

/* Returns the number of bytes. */
size_t decimal_format(char out[DECIMAL_INT_MAX], int64_t);

/*
 * An integer as decimal_format() writes it: no sign but a minus, no leading
 * zero, nothing around it.  Such text Redis keeps as an integer.
 */
bool decimal_integer(const char *, size_t len, int64_t *);

/*
 * A score: decimal, inf or -inf, whatever the locale.  False for nan, for
 * what is not all a number, and beyond DECIMAL_SCORE_MAX bytes.
 */
bool decimal_score(const char *, size_t len, double *);

#endif
