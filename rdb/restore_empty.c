#include <stdlib.h>

#include "base/err.h"
#include "base/xalloc.h"
#include "rdb/redis_conn.h"
#include "rdb/redis_info.h"
#include "rdb/redis_primaries.h"
#include "rdb/redis_primary.h"

#include "rdb/restore_empty.h"

#define FLUSH_TIMEOUT_MS INT64_C(3600000)
#define UNTOUCHED	 "nothing in the target was emptied"

struct emptying {
	struct redis_conn *conn;
	int version;
};

static int
empty_server(
    const struct emptying *e, const struct scope *scope, struct err *err)
{
	redisReply *r;

	/* First what is less: should it be refused, the keys are still there.
	 * target_check() cannot always foretell it. */
	if (e->version >= 70000) {
		r = redis_command(e->conn, scope, err, "FUNCTION FLUSH SYNC");
		if (r == NULL)
			return -1;
		freeReplyObject(r);
	}
	/* The memory must be free before the load.  SYNC is a word of 6.2;
	 * lazyfree-lazy-user-flush, which it overrules, too. */
	r = redis_command(e->conn, scope, err,
	    e->version >= 60200 ? "FLUSHALL SYNC" : "FLUSHALL");
	if (r == NULL)
		return -1;
	freeReplyObject(r);
	return 0;
}

static int
connect_all(const struct redis_primaries *p, const struct redis_opts *opts,
    const struct scope *scope, struct emptying *all, struct err *err)
{
	for (size_t i = 0; i < p->n; i++) {
		struct redis_info info;

		all[i].conn = redis_primary_connect(
		    &p->parts[i], opts, scope, &info, NULL, err);
		if (all[i].conn == NULL)
			return -1;
		all[i].version = info.version_number;
	}
	return 0;
}

int
restore_empty_target(const struct redis_target *target,
    const struct redis_opts *opts, const struct scope *scope, struct err *err)
{
	struct redis_opts patient = *opts;
	struct emptying *all;
	struct redis_primaries p;
	int rc;

	patient.reply_timeout_ms = FLUSH_TIMEOUT_MS;
	if (redis_primaries_find(target, opts, scope, &p, err) != 0)
		return err_in(err, UNTOUCHED);
	all = xcalloc(p.n, sizeof(*all));
	rc = connect_all(&p, &patient, scope, all, err);
	if (rc != 0)
		err_in(err, UNTOUCHED);
	for (size_t i = 0; i < p.n && rc == 0; i++) {
		rc = empty_server(&all[i], scope, err);
		if (rc != 0)
			err_in(
			    err, "emptying '%s'", redis_conn_name(all[i].conn));
	}
	for (size_t i = 0; i < p.n; i++)
		redis_conn_free(all[i].conn);
	free(all);
	redis_primaries_release(&p);
	return rc;
}
