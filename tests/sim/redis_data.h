/*
 * redis_data.h -- a dataset of every kind in a real redis-server, its dump,
 * and whether two servers hold the same.
 *
 * The servers must allow DEBUG (REDIS_DATA_DEBUG).  All functions fail the
 * test when something is wrong.
 */
#ifndef TESTS_SIM_REDIS_DATA_H
#define TESTS_SIM_REDIS_DATA_H

#include <stddef.h>
#include <stdint.h>

struct real_redis;
struct redis_conn;

#define REDIS_DATA_DEBUG "--enable-debug-command", "yes"

/* To its unix socket, with the password unless that is NULL. */
struct redis_conn *
redis_data_connect(struct real_redis *, const char *password);

/* One command, whose reply is dropped; the second form returns its number, or
 * its text, to be freed. */
void redis_data_do(struct redis_conn *, const char *format, ...);
long long redis_data_int(struct redis_conn *, const char *format, ...);
char *redis_data_text(struct redis_conn *, const char *format, ...);

/*
 * Every kind in small and large encodings, in databases 0, 3 and 15, with
 * times to live that lie far ahead, and a library of functions; extra adds so
 * many strings to database 1.
 */
void redis_data_fill(struct redis_conn *, unsigned extra);

/* DEBUG DIGEST and the functions, to be freed. */
char *redis_data_digest(struct redis_conn *);

/* What SAVE writes, to be freed. */
unsigned char *
redis_data_dump(struct real_redis *, struct redis_conn *, size_t *len);

#endif
