#include <string.h>

#include "base/err.h"
#include "base/scope.h"
#include "rdb/restore_cluster_private.h"
#include "rdb/restore_lane.h"

#include "rdb/restore_cluster.h"

/* For a slot that is on its way, which lasts as long as its keys take. */
#define MOVE_PATIENCE_MS 600000

/* Whether a later try may do better; the time is counted from the first. */
static bool
passes(struct restore_cluster *c, int64_t *since_ms, struct err *err)
{
	bool open = strcmp(err->code, "ASK") == 0 ||
	    strcmp(err->code, "TRYAGAIN") == 0;
	bool moved = strcmp(err->code, "MOVED") == 0;
	int64_t now_ms = scope_mono_ms(&c->scope);

	if (!open && !moved && err->kind != ERR_TRANSIENT)
		return false;
	err->kind = ERR_TRANSIENT;
	/* Connections that break are counted. */
	if (err->code[0] == '\0')
		return true;
	c->redone = 0;
	c->moved = c->moved || moved;
	*since_ms = *since_ms > 0 ? *since_ms : now_ms;
	return now_ms - *since_ms <
	    (open ? MOVE_PATIENCE_MS : RESTORE_PATIENCE_MS);
}

int
restore_cluster_use(struct restore_cluster *c, uint16_t slot,
    int (*use)(void *arg, struct redis_conn *, struct err *), void *arg,
    struct err *err)
{
	int64_t since_ms = 0;

	for (;;) {
		size_t i = restore_routes_of(c->routes, slot);

		if (restore_cluster_settle(c, i, 0, err) != 0)
			return -1;
		err->code[0] = '\0';
		if (use(arg, restore_lane_conn(restore_cluster_lane(c, i)),
			err) == 0)
			break;
		/* What is still under way on it goes with the connection. */
		if (!passes(c, &since_ms, err) ||
		    restore_cluster_recover(
			c, restore_cluster_lane(c, i), err) != 0 ||
		    restore_cluster_pause(c, err) != 0 ||
		    (c->moved && restore_cluster_none_replaced(c, err) != 0))
			return -1;
	}
	c->redone = 0;
	return 0;
}
