/*
 * real_redis.h -- a real redis-server of a test's own.
 *
 * It lives in a temporary directory, listens on a unix socket there and on
 * free ports of 127.0.0.1, saves nothing by itself, and is stopped and removed
 * by real_redis_stop().  All functions fail the test when something is wrong.
 */
#ifndef TESTS_SIM_REAL_REDIS_H
#define TESTS_SIM_REAL_REDIS_H

struct real_redis;
struct test_ca;

struct real_redis_opts {
	/* More of the command line: "--requirepass", "x", ..., NULL. */
	const char *const *args;

	/* A TLS port beside, with a certificate for 127.0.0.1 and localhost,
	 * which demands a client's certificate when tls_clients is set. */
	struct test_ca *tls;
	int tls_clients;
};

/* Returns when it is ready to accept connections.  opts may be NULL. */
struct real_redis *real_redis_start(const struct real_redis_opts *);
void real_redis_stop(struct real_redis *); /* NULL is fine */

int real_redis_port(const struct real_redis *);
int real_redis_tls_port(const struct real_redis *);
const char *real_redis_socket(const struct real_redis *);
const char *real_redis_dir(const struct real_redis *);
int real_redis_pid(const struct real_redis *);

#endif
