#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

#include "rdb/redis_target.h"

static void
release_hosts(struct redis_address *hosts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(hosts[i].host);
	free(hosts);
}

void
redis_target_release(struct redis_target *t)
{
	release_hosts(t->hosts, t->nhosts);
	release_hosts(t->sentinels, t->nsentinels);
	free(t->master);
	free(t->cluster);
	free(t->user);
	free(t->shown);
	*t = (struct redis_target){0};
}

static struct redis_address *
copy_hosts(const struct redis_address *hosts, size_t n)
{
	struct redis_address *copy = xcalloc(n, sizeof(*copy));

	for (size_t i = 0; i < n; i++) {
		copy[i] = hosts[i];
		copy[i].host = xstrdup(hosts[i].host);
	}
	return copy;
}

struct redis_target
redis_target_at(const struct redis_target *t, const struct redis_address *hosts,
    size_t nhosts)
{
	struct redis_target at = {
	    .nhosts = nhosts, .db = t->db, .shard = t->shard};

	at.hosts = copy_hosts(hosts, nhosts);
	if (t->master != NULL) {
		at.master = xstrdup(t->master);
		at.sentinels = copy_hosts(t->sentinels, t->nsentinels);
		at.nsentinels = t->nsentinels;
	}
	at.cluster = t->cluster != NULL ? xstrdup(t->cluster) : NULL;
	at.user = t->user != NULL ? xstrdup(t->user) : NULL;
	at.shown = xstrdup(t->shown);
	return at;
}

struct redis_target
redis_target_pin(const struct redis_target *t, size_t host)
{
	return redis_target_at(t, &t->hosts[host], 1);
}

void
redis_target_name(const struct redis_target *t, char *out, size_t size)
{
	bool sentinel = t->master != NULL;
	const struct redis_address *hosts = sentinel ? t->sentinels : t->hosts;
	size_t n = sentinel ? t->nsentinels : t->nhosts;
	char least[300] = "", name[300];

	if (t->cluster != NULL)
		snprintf(least, sizeof(least), "%s", t->cluster);
	for (size_t i = 0; t->cluster == NULL && i < n; i++) {
		if (hosts[i].port == 0)
			snprintf(name, sizeof(name), "%s", hosts[i].host);
		else
			snprintf(name, sizeof(name), "%s:%d", hosts[i].host,
			    hosts[i].port);
		if (i == 0 || strcmp(name, least) < 0)
			memcpy(least, name, sizeof(least));
	}
	snprintf(out, size, "%s%s%s", sentinel ? t->master : "",
	    sentinel ? "@" : "", least);
}
