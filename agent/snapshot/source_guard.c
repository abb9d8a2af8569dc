#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/err.h"
#include "rdb/redis_conn.h"

#include "agent/snapshot/progress.h"
#include "agent/snapshot/source_guard.h"

struct admission {
	const struct source_guard *guard;
	const char *name;
	struct progress *progress;
	struct err *err;
	bool refused;
};

int
protect_parse(const char *name, enum protect *out, struct err *err)
{
	static const char *const names[] = {
	    [PROTECT_WARN] = "warn",
	    [PROTECT_REFUSE] = "refuse",
	    [PROTECT_OFF] = "off",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0) {
			*out = (enum protect)i;
			return 0;
		}
	return err_set(err, ERR_USAGE,
	    "'%.40s' is no way to protect a source: warn, refuse or off", name);
}

/* The first that refuses is the error; what others warn of is told too. */
static void
weigh(void *arg, enum fork_risk risk, const char *text)
{
	struct admission *a = arg;

	if (risk == FORK_MAY_HURT && a->guard->policy != PROTECT_REFUSE) {
		progress_note(
		    a->progress, STEP_SNAPSHOT, "'%s': %s", a->name, text);
		return;
	}
	if (a->refused)
		return;
	a->refused = true;
	err_set(a->err, ERR_REFUSED,
	    "'%s': %s; to take it all the same set source.protect to '%s'",
	    a->name, text, risk == FORK_MAY_HURT ? "warn" : "off");
}

int
source_guard_admit(const struct source_guard *guard, struct redis_conn *conn,
    const struct redis_info *info, const struct scope *scope,
    struct progress *progress, struct err *err)
{
	struct admission a = {
	    .guard = guard,
	    .name = redis_conn_name(conn),
	    .progress = progress,
	    .err = err,
	};
	enum fork_target target = FORK_TO_EITHER;

	if (guard->policy == PROTECT_OFF)
		return 0;
	/* For a warning the dump itself tells it, and for sure. */
	if (guard->policy == PROTECT_REFUSE &&
	    fork_target_get(conn, scope, &target, err) != 0)
		return -1;
	fork_check(info, target, &guard->limits, weigh, &a);
	return a.refused ? -1 : 0;
}
