/*
 * redis_target.h -- which Redis is meant: its URL, taken apart.
 *
 *	redis://[USER@]HOST[:6379][,HOST2[:PORT]...][/DB]
 *	rediss://...			the same over TLS
 *	unix://[USER@]/PATH[?db=N]
 *	redis+sentinel://[USER@]HOST[:26379][,HOST2...]/NAME[?db=N]
 *	rediss+sentinel://...		the same over TLS, servers too
 *
 * The hosts of the last two are Sentinels, which know by NAME where the
 * servers are (redis_sentinel.h); USER is the servers'.
 *
 * USER, PATH and NAME may be percent-encoded; an IPv6 address stands in brackets.
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
	/* Of a Sentinel's URL none, until redis_sentinel_find() knows them. */
	struct redis_address *hosts;
	size_t nhosts;
	char *master; /* NAME in such a URL; NULL in others */
	struct redis_address *sentinels;
	size_t nsentinels;
	/*
	 * What the cluster is called that the hosts are of, which any of them
	 * tells; NULL: of none, or not known yet (redis_primary_pin()).
	 */
	char *cluster;
	char *user; /* NULL: not given */
	int db;
	/* The hosts are of one shard of a cluster, and its keys are meant. */
	bool shard;
	char *shown; /* the URL as it may be shown */
};

/* ERR_USAGE with a text that holds no password; out needs a release only
 * after success. */
int redis_target_parse(const char *url, struct redis_target *, struct err *);
void redis_target_release(struct redis_target *);

/* As target, and hosts[host] its only one; to be released, too. */
struct redis_target redis_target_pin(const struct redis_target *, size_t host);

/* As target, and at other hosts; to be released, too. */
struct redis_target redis_target_at(const struct redis_target *,
    const struct redis_address *hosts, size_t nhosts);

/*
 * What it is called: "host:port" or a path, the least one of several, so that
 * their order does not matter; of a Sentinel's "NAME@host:port" with the least
 * of the Sentinels, which stays when another server becomes the primary; of a
 * cluster the least of all its nodes, whichever of them was named.
 */
void redis_target_name(const struct redis_target *, char *out, size_t size);

#endif
