#include <stdbool.h>

#include "base/err.h"
#include "rdb/redis_conn.h"
#include "rdb/redis_info.h"
#include "rdb/redis_primaries.h"
#include "rdb/redis_primary.h"
#include "rdb/redis_target.h"

#include "rdb/redis_census.h"

static void
add(struct redis_census *c, const struct redis_info *info)
{
	bool first = c->primaries++ == 0;

	c->keys += info->keys;
	if (first)
		c->keys_alike = info->keys;
	else if (c->keys_alike != info->keys)
		c->keys_alike = 0;
	if (first)
		c->maxmemory = info->maxmemory;
	else if (c->maxmemory > 0)
		c->maxmemory = info->maxmemory > 0
		    ? c->maxmemory + info->maxmemory
		    : 0;
}

static int
ask_all(const struct redis_primaries *p, const struct redis_opts *opts,
    const struct scope *scope, struct redis_census *out, struct err *err)
{
	for (size_t i = 0; i < p->n; i++) {
		struct redis_info info;
		struct redis_conn *c = redis_primary_connect(
		    &p->parts[i], opts, scope, &info, NULL, err);

		if (c == NULL)
			return -1;
		redis_conn_free(c);
		add(out, &info);
	}
	if (p->n < 2)
		out->keys_alike = 0;
	return 0;
}

int
redis_census_take(const struct redis_target *target,
    const struct redis_opts *opts, const struct scope *scope,
    struct redis_census *out, struct err *err)
{
	struct redis_primaries primaries;
	struct redis_target pinned;
	int rc;

	*out = (struct redis_census){0};
	if (redis_primary_pin(target, opts, scope, &pinned, err) != 0)
		return -1;
	rc = redis_primaries_find(&pinned, opts, scope, &primaries, err);
	if (rc == 0) {
		rc = ask_all(&primaries, opts, scope, out, err);
		redis_primaries_release(&primaries);
	}
	redis_target_release(&pinned);
	return rc;
}

static uint64_t
apart(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

uint64_t
redis_census_keys(const struct redis_census *c, uint64_t expected)
{
	if (c->keys_alike > 0 &&
	    apart(c->keys_alike, expected) <= apart(c->keys, expected))
		return c->keys_alike;
	return c->keys;
}
