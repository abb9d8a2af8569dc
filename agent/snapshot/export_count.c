#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "arm/redis_resource.h"
#include "base/err.h"
#include "base/xalloc.h"
#include "rdb/redis_census.h"
#include "rdb/redis_target.h"

#include "agent/snapshot/env.h"
#include "agent/snapshot/export_count.h"
#include "agent/snapshot/manifest.h"
#include "agent/snapshot/progress.h"
#include "agent/snapshot/source.h"

/* Of a Redis that is written to, keys come and go between the counts: what
 * these differ by, a hundredth, and in a small one these few. */
#define FEW 8

static bool
is_it(const struct redis_target *t, const struct redis_description *d)
{
	for (size_t i = 0; i < t->nhosts; i++)
		if (strcasecmp(t->hosts[i].host, d->host) == 0)
			return true;
	return false;
}

void
export_count_ask(const struct export_counted *c,
    const struct redis_description *d, const struct scope *scope,
    const struct snapshot_env *env, struct redis_census *out)
{
	struct err err = {0};

	*out = (struct redis_census){0};
	if (c->target == NULL)
		return;
	if (!is_it(c->target, d))
		err_set(&err, ERR_REFUSED,
		    "it answers at '%.200s', and the source's address is "
		    "'%.200s'",
		    d->host, c->target->shown);
	else if (redis_census_take(c->target, c->redis, scope, out, &err) == 0)
		return;
	*out = (struct redis_census){0};
	progress_note(env->progress, STEP_SNAPSHOT,
	    "the keys of '%s' are not counted: %.300s", d->name, err.text);
}

static uint64_t
keys_of(const struct manifest *m)
{
	return m->total.keys + m->left_out.keys;
}

enum export_count
export_count_judge(const struct manifest *m)
{
	uint64_t least, most, slack;

	if (m->keys_before < 0 || m->keys_after < 0 || !m->verified)
		return EXPORT_WITHIN;
	least = (uint64_t)m->keys_before;
	most = (uint64_t)m->keys_after;
	if (least > most) {
		least = most;
		most = (uint64_t)m->keys_before;
	}
	slack = most - least + most / 100 + FEW;
	if (keys_of(m) + slack < least)
		return EXPORT_FEWER;
	return keys_of(m) > most + slack ? EXPORT_MORE : EXPORT_WITHIN;
}

static int64_t
counted(const struct redis_census *c, const struct manifest *m)
{
	return c->primaries > 0 ? (int64_t)redis_census_keys(c, keys_of(m))
				: -1;
}

int
export_count_take(struct manifest *m, const struct source_facts *f,
    struct progress *progress, struct err *err)
{
	enum export_count judged;
	char counts[160];

	m->complete = xstrdup(f->complete);
	m->keys_before = counted(&f->before, m);
	m->keys_after = counted(&f->after, m);
	judged = export_count_judge(m);
	if (judged == EXPORT_WITHIN)
		return 0;
	snprintf(counts, sizeof(counts),
	    "the export holds %" PRIu64 " keys, and the Redis had %" PRId64
	    " before it and %" PRId64 " after it",
	    keys_of(m), m->keys_before, m->keys_after);
	if (judged == EXPORT_FEWER &&
	    strcmp(f->complete, MANIFEST_COMPLETE_SEEN) == 0)
		return err_set(err, ERR_CORRUPT,
		    "%s: a file may be missing, since its end was told by the "
		    "Redis' state alone",
		    counts);
	progress_note(progress, STEP_SNAPSHOT, "%s%s", counts,
	    judged == EXPORT_FEWER ? ": are there others that delete keys?"
				   : "");
	return 0;
}
