#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/scope.h"
#include "base/xalloc.h"
#include "rdb/redis_conn.h"
#include "rdb/redis_followers.h"
#include "rdb/redis_primaries.h"
#include "rdb/redis_primary.h"
#include "rdb/redis_target.h"

#include "rdb/replicas_wait.h"

#define PAUSE_MS 100	/* a replica tells each second how far it is */
#define TOTAL_MS 600000 /* it may be far behind */

struct primary {
	struct redis_conn *conn;
	struct redis_followers followers;
};

/* At each of them; late is one whose replicas have not all arrived. */
static int
look(struct primary *list, size_t n, const struct scope *scope,
    const struct primary **late, struct err *err)
{
	const struct primary *found = NULL;

	for (size_t i = 0; i < n; i++) {
		struct primary *p = &list[i];

		if (redis_followers_look(p->conn, scope, &p->followers, err) !=
		    0)
			return -1;
		if (p->followers.arrived < p->followers.online)
			found = p;
	}
	*late = found;
	return 0;
}

static int
wait_for(
    struct primary *list, size_t n, const struct scope *scope, struct err *err)
{
	int64_t end_ms = scope_mono_ms(scope) + TOTAL_MS;
	const struct primary *late = NULL;
	int rc;

	do {
		rc = look(list, n, scope, &late, err);
		if (rc == 0 && late == NULL)
			return 0;
		if (rc == 0 && scope_mono_ms(scope) >= end_ms)
			rc = err_set(err, ERR_TRANSIENT, "waited for %d min",
			    TOTAL_MS / 60000);
	} while (rc == 0 && scope_sleep(scope, PAUSE_MS, err) == 0);
	if (late == NULL)
		return -1;
	return err_in(err,
	    "%zu of %zu replicas of '%s' have what was written there",
	    late->followers.arrived, late->followers.online,
	    redis_conn_name(late->conn));
}

int
replicas_wait(const struct redis_target *t, const struct redis_opts *opts,
    const struct scope *scope, struct err *err)
{
	struct redis_primaries p;
	struct primary *list;
	int rc = 0;

	if (t->cluster == NULL)
		return 0;
	if (redis_primaries_find(t, opts, scope, &p, err) != 0)
		return -1;
	list = xcalloc(p.n, sizeof(*list));
	for (size_t i = 0; i < p.n && rc == 0; i++) {
		list[i].conn = redis_primary_connect(
		    &p.parts[i], opts, scope, NULL, NULL, err);
		rc = list[i].conn != NULL ? 0 : -1;
	}
	if (rc == 0)
		rc = wait_for(list, p.n, scope, err);
	for (size_t i = 0; i < p.n; i++)
		redis_conn_free(list[i].conn);
	free(list);
	redis_primaries_release(&p);
	return rc;
}
