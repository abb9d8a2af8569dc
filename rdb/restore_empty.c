#include "base/err.h"
#include "rdb/redis_conn.h"
#include "rdb/redis_info.h"
#include "rdb/redis_primaries.h"
#include "rdb/redis_primary.h"

#include "rdb/restore_empty.h"

#define FLUSH_TIMEOUT_MS INT64_C(3600000)

static int
empty_server(const struct redis_target *target, const struct redis_opts *opts,
    const struct scope *scope, struct err *err)
{
	struct redis_info info;
	struct redis_conn *c;
	redisReply *r;
	int rc = -1;

	c = redis_primary_connect(target, opts, scope, &info, NULL, err);
	if (c == NULL)
		return -1;
	/* First what is less: should it be refused, the keys are still there.
	 * target_check() cannot always foretell it. */
	if (info.version_number >= 70000) {
		r = redis_command(c, scope, err, "FUNCTION FLUSH SYNC");
		if (r == NULL)
			goto out;
		freeReplyObject(r);
	}
	/* The memory must be free before the load.  SYNC is a word of 6.2;
	 * lazyfree-lazy-user-flush, which it overrules, too. */
	r = redis_command(c, scope, err,
	    info.version_number >= 60200 ? "FLUSHALL SYNC" : "FLUSHALL");
	if (r == NULL)
		goto out;
	freeReplyObject(r);
	rc = 0;
out:
	if (rc != 0)
		err_in(err, "emptying '%s'", redis_conn_name(c));
	redis_conn_free(c);
	return rc;
}

int
restore_empty_target(const struct redis_target *target,
    const struct redis_opts *opts, const struct scope *scope, struct err *err)
{
	struct redis_opts patient = *opts;
	struct redis_primaries p;
	int rc = 0;

	patient.reply_timeout_ms = FLUSH_TIMEOUT_MS;
	if (redis_primaries_find(target, opts, scope, &p, err) != 0)
		return -1;
	for (size_t i = 0; i < p.n && rc == 0; i++)
		rc = empty_server(&p.parts[i], &patient, scope, err);
	redis_primaries_release(&p);
	return rc;
}
