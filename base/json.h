/*
 * json.h -- cJSON with ceilings, comments and errors that say where.
 *
 * Documents are built with cJSON itself; this module reads them.  Getters
 * take the object and the key; a wrong type is an error that names the key.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

struct err;

/*
 * At most max bytes, nested at most 64 deep.  With comments, // and C ones
 * are blanked first.  ERR_CORRUPT with line and column.  The caller frees
 * with cJSON_Delete().
 */
cJSON *json_parse(
    const char *text, size_t len, size_t max, bool comments, struct err *);

/* -1 and ERR_CORRUPT when missing or of another type. */
int json_get_str(const cJSON *, const char *key, const char **, struct err *);
int json_get_int(const cJSON *, const char *key, int64_t *, struct err *);
int json_get_bool(const cJSON *, const char *key, bool *, struct err *);
int
json_get_array(const cJSON *, const char *key, const cJSON **, struct err *);
int
json_get_object(const cJSON *, const char *key, const cJSON **, struct err *);

/* Missing or null leaves the value as it is and is no error. */
int json_opt_str(const cJSON *, const char *key, const char **, struct err *);
int json_opt_int(const cJSON *, const char *key, int64_t *, struct err *);
int json_opt_bool(const cJSON *, const char *key, bool *, struct err *);

/*
 * Integers beyond 2^53 do not survive JSON numbers, so 64-bit sums travel as
 * strings; these are for counts, which are asserted to fit.
 */
void json_add_int(cJSON *, const char *key, int64_t);

/* Printed with an indentation of two and a newline at the end; to be freed. */
char *json_format(const cJSON *);
char *json_format_line(const cJSON *); /* on one line, no newline */

#endif
