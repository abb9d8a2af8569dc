#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/scope.h"
#include "base/xalloc.h"
#include "rdb/cluster_map.h"
#include "rdb/redis_primaries.h"
#include "rdb/redis_target.h"
#include "rdb/restore_lane.h"

#include "rdb/restore_routes.h"

struct restore_routes {
	const struct redis_target *target;
	const struct redis_opts *opts;
	const struct scope *scope;

	struct restore_lane **lanes;
	size_t n;
	size_t of[CLUSTER_SLOTS]; /* index of the lane */
};

static bool
same_address(const struct redis_address *a, const struct redis_address *b)
{
	return a->port == b->port && strcmp(a->host, b->host) == 0;
}

/* The lane to an address, which may have to be opened. */
static int
find_lane(struct restore_routes *r, const struct redis_address *a, size_t *i,
    struct err *err)
{
	struct restore_lane *lane;

	for (*i = 0; *i < r->n; ++*i)
		if (same_address(restore_lane_address(r->lanes[*i]), a))
			return 0;
	if (r->n == CLUSTER_NODES_MAX)
		return err_set(err, ERR_CORRUPT,
		    "keys were sent on to over %d servers", CLUSTER_NODES_MAX);
	lane = restore_lane_open(a, r->target->user, r->opts, r->scope, err);
	if (lane == NULL)
		return -1;
	r->lanes = xreallocarray(r->lanes, r->n + 1, sizeof(*r->lanes));
	r->lanes[r->n++] = lane;
	return 0;
}

static int
take_map(
    struct restore_routes *r, const struct redis_primaries *p, struct err *err)
{
	size_t *lanes = xcalloc(p->n, sizeof(*lanes));
	int rc = 0;

	for (size_t i = 0; i < p->n && rc == 0; i++)
		rc = find_lane(r, &p->parts[i].hosts[0], &lanes[i], err);
	for (size_t slot = 0; slot < CLUSTER_SLOTS && rc == 0; slot++)
		r->of[slot] = lanes[p->map->owner[slot]];
	free(lanes);
	return rc;
}

int
restore_routes_look(struct restore_routes *r, struct err *err)
{
	struct redis_primaries p;
	int rc;

	if (redis_primaries_find(r->target, r->opts, r->scope, &p, err) != 0)
		return -1;
	rc = take_map(r, &p, err);
	redis_primaries_release(&p);
	return rc;
}

struct restore_routes *
restore_routes_new(const struct redis_target *target,
    const struct redis_opts *opts, const struct scope *scope, struct err *err)
{
	struct restore_routes *r = xcalloc(1, sizeof(*r));

	r->target = target;
	r->opts = opts;
	r->scope = scope;
	if (restore_routes_look(r, err) == 0)
		return r;
	restore_routes_free(r);
	return NULL;
}

void
restore_routes_free(struct restore_routes *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; i < r->n; i++)
		restore_lane_free(r->lanes[i]);
	free(r->lanes);
	free(r);
}

size_t
restore_routes_lanes(const struct restore_routes *r)
{
	return r->n;
}

struct restore_lane *
restore_routes_lane(struct restore_routes *r, size_t i)
{
	return r->lanes[i];
}

size_t
restore_routes_of(const struct restore_routes *r, uint16_t slot)
{
	return r->of[slot];
}

void
restore_routes_move(struct restore_routes *r, uint16_t slot, size_t lane)
{
	r->of[slot] = lane;
}

int
restore_routes_follow(struct restore_routes *r, size_t from, const char *words,
    size_t *lane, struct err *err)
{
	const struct redis_address *asked = restore_lane_address(
	    r->lanes[from]);
	const char *colon = strrchr(words, ':');
	const char *host = strchr(words, ' ');
	struct redis_address to = {.tls = asked->tls};
	int rc;

	to.port = colon != NULL ? atoi(colon + 1) : 0;
	if (host == NULL || colon == NULL || host >= colon || to.port <= 0 ||
	    to.port > 65535)
		return err_set(err, ERR_CORRUPT,
		    "sent on to what is no address: '%.60s'", words);
	host++;
	to.host = host == colon || strncmp(host, "?:", 2) == 0
	    ? xstrdup(asked->host)
	    : strndup(host, (size_t)(colon - host));
	rc = find_lane(r, &to, lane, err);
	free(to.host);
	return rc;
}
