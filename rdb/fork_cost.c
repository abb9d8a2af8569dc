#include "base/err.h"
#include "base/scope.h"
#include "rdb/redis_info.h"

#include "rdb/fork_cost.h"

/* A server looks after its children ten times a second. */
#define LOOK_MS 50
#define WAIT_MS 3000

struct fork_mark
fork_mark_of(const struct redis_info *info)
{
	return (struct fork_mark){
	    .told = info->tells_forks,
	    .forks = info->forks,
	    .saving = info->bgsave_running,
	};
}

/* Whether the last save, or the one that goes on, is the dump's. */
static bool
is_ours(const struct fork_mark *before, const struct redis_info *now)
{
	uint64_t since = now->forks - before->forks;

	if (!before->told || !now->tells_forks)
		return false;
	return since == 1 || (since == 0 && before->saving);
}

int64_t
fork_cost_get(struct redis_conn *conn, const struct fork_mark *before,
    const struct scope *scope)
{
	struct scope brief = scope_within(scope, WAIT_MS);
	struct err ignored = {0};
	struct redis_info now;

	while (redis_info_get(conn, &brief, &now, &ignored) == 0) {
		if (!is_ours(before, &now))
			return -1;
		if (!now.bgsave_running)
			return (int64_t)now.last_cow;
		if (scope_sleep(&brief, LOOK_MS, &ignored) != 0)
			return -1;
	}
	return -1;
}
