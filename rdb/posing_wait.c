#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/scope.h"
#include "rdb/posing_hold.h"
#include "rdb/posing_link.h"
#include "rdb/redis_conn.h"

#include "rdb/posing_wait.h"

#define PING_MS	      INT64_C(1000)
#define POLL_LEAST_MS INT64_C(10)
#define POLL_MOST_MS  INT64_C(1000)

/* Of one question to a target that may be busy loading. */
#define ASK_MS INT64_C(10000)

/* The promotion may only come when the stream was followed to its end. */
static bool
is_loaded(const struct posing_link *link, const struct posing_progress *p)
{
	if (!p->up)
		return false;
	return !posing_link_has_offset(link) ||
	    (p->offset > 0 && (uint64_t)p->offset >= posing_link_offset(link));
}

/*
 * Asks the target.  One that loads answers late, with -LOADING or not at all:
 * that says nothing, and the connection is made anew the next time.
 */
static int
poll_target(struct posing_hold *hold, const struct posing_link *link,
    struct redis_conn **c, const struct scope *scope, bool *loaded,
    struct err *err)
{
	struct scope brief = scope_within(scope, ASK_MS);
	struct posing_progress p;

	*loaded = false;
	if (*c == NULL)
		*c = posing_hold_connect(hold, &brief, err);
	if (*c == NULL ||
	    posing_hold_progress(hold, *c, &brief, &p, err) != 0) {
		redis_conn_free(*c);
		*c = NULL;
		return err->kind == ERR_CANCELLED ? -1 : 0;
	}
	*loaded = is_loaded(link, &p);
	if (!p.follows)
		return err_set(err, ERR_CONFLICT,
		    "the target follows us no more: somebody reconfigured it");
	return 0;
}

/* A small part of what the load took already, so that little is lost at its
 * end, and little asked of a server that loads for an hour. */
static int64_t
pause_ms(int64_t waited_ms)
{
	int64_t ms = waited_ms / 50;

	return ms < POLL_LEAST_MS ? POLL_LEAST_MS
	    : ms > POLL_MOST_MS	  ? POLL_MOST_MS
				  : ms;
}

int
posing_wait_loaded(struct posing_hold *hold, struct posing_link *link,
    struct redis_conn **conn, const struct scope *scope, struct err *err)
{
	int64_t started_ms = scope_mono_ms(scope);
	int64_t next_ping_ms = started_ms;
	bool loaded = false;

	while (!loaded) {
		int64_t now_ms = scope_mono_ms(scope);
		struct err late = {0};

		if (scope_check(scope, err) != 0)
			return err_in(err, "waiting for the target to load");
		if (now_ms >= next_ping_ms) {
			next_ping_ms = now_ms + PING_MS;
			if (posing_link_ping(link, scope, err) != 0)
				return -1;
		}
		if (posing_link_listen(link, err) != 0)
			return err_in(err, "the target, while loading");
		if (poll_target(hold, link, conn, scope, &loaded, err) != 0)
			return -1;
		/* What ends the pause early, the next round tells. */
		if (!loaded)
			(void)scope_sleep(
			    scope, pause_ms(now_ms - started_ms), &late);
	}
	return 0;
}
