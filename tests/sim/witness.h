/*
 * witness.h -- a real server asked by hiredis itself, so that what is under
 * test is not its own witness.  All functions fail the test when something is
 * wrong, an error reply too.
 */
#ifndef TESTS_SIM_WITNESS_H
#define TESTS_SIM_WITNESS_H

#include <hiredis/hiredis.h>

struct real_redis;

/* To be freed by redisFree(). */
redisContext *witness_connect(struct real_redis *);

/* The reply, to be freed; it is dropped; it is a number. */
redisReply *witness_ask(redisContext *, const char *format, ...);
void witness_do(redisContext *, const char *command);
long long witness_number(redisContext *, const char *format, ...);

#endif
