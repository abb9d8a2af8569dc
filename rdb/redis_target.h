/*
 * redis_target.h -- which Redis is meant: its URL, taken apart.
 *
 *	redis://[USER@]HOST[:6379][,HOST2[:PORT]...][/DB]
 *	rediss://...			the same over TLS
 *	unix://[USER@]/PATH[?db=N]
 *
 * USER and PATH may be percent-encoded; an IPv6 address stands in brackets.
 * Passwords come by reference, never in a URL.
 */
#ifndef RDB_REDIS_TARGET_H
#define RDB_REDIS_TARGET_H

#include <stdbool.h>
#include <stddef.h>

struct err;

#define REDIS_HOSTS_MAX 32

/* Where one server is, taken from a URL that may name several. */
struct redis_address {
	char *host; /* or the path of a unix socket */
	int port;   /* 0: unix socket */
	bool tls;
	int db; /* selected after connecting; 0: as it is */
};

struct redis_target {
	struct redis_address *hosts;
	size_t nhosts;
	char *user; /* NULL: not given */
	int db;
	char *shown; /* the URL as it may be shown */
};

/* ERR_USAGE with a text that holds no password; out needs a release only
 * after success. */
int redis_target_parse(const char *url, struct redis_target *, struct err *);
void redis_target_release(struct redis_target *);

#endif
