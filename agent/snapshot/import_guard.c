#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/scope.h"
#include "rdb/fingerprint.h"
#include "rdb/redis_conn.h"
#include "rdb/redis_info.h"
#include "rdb/redis_primary.h"

#include "agent/snapshot/catalog.h"
#include "agent/snapshot/import_guard.h"
#include "agent/snapshot/job_state.h"
#include "agent/snapshot/manifest.h"
#include "agent/snapshot/snapshot_compare.h"

void
import_target_name(const struct redis_target *t, char *out, int size)
{
	const struct redis_address *a = &t->hosts[0];

	if (a->port == 0)
		snprintf(out, (size_t)size, "%s", a->host);
	else
		snprintf(out, (size_t)size, "%s:%d", a->host, a->port);
}

static int
count_functions(struct redis_conn *conn, const struct scope *scope, size_t *n,
    struct err *err)
{
	redisReply *r = redis_command(conn, scope, err, "FUNCTION LIST");

	*n = 0;
	if (r == NULL && err->kind == ERR_UNSUPPORTED)
		return 0; /* below Redis 7.0 there are none */
	if (r == NULL)
		return -1;
	if (r->type == REDIS_REPLY_ARRAY)
		*n = r->elements;
	freeReplyObject(r);
	return 0;
}

/* What the target holds, as far as "nothing" can be told from "something". */
static int
count_data(const struct guard_request *q, const struct scope *scope,
    uint64_t *keys, size_t *functions, struct err *err)
{
	struct redis_info info;
	struct redis_conn *conn;
	int rc;

	conn = redis_primary_connect(
	    q->target, q->redis, scope, &info, NULL, err);
	if (conn == NULL)
		return -1;
	rc = count_functions(conn, scope, functions, err);
	redis_conn_free(conn);
	*keys = info.keys;
	return rc;
}

/* Whether the target still is what our last import made it. */
static int
is_ours(const struct guard_request *q, const struct job_state *state,
    const char *name, const struct scope *scope, const struct snapshot_env *env,
    bool *ours, struct err *err)
{
	const char *id = job_state_import(state, name);
	struct fp_comparison comparison;
	struct manifest *last;
	int rc;

	/* What an import that was cut short left is nobody's data. */
	*ours = job_state_import_begun(state, name);
	if (*ours || id == NULL)
		return 0;
	last = catalog_get(q->store, scope, q->job, id, err);
	if (last == NULL)
		return err->kind == ERR_MISSING ? 0 : -1;
	if (!last->verified) {
		manifest_free(last);
		return 0;
	}
	rc = snapshot_compare(
	    last, q->target, q->redis, scope, env, &comparison, NULL, err);
	*ours = rc == 0 && comparison.same && comparison.not_compared == 0;
	manifest_free(last);
	return rc;
}

static int
refuse(const char *name, uint64_t keys, size_t functions,
    const struct job_state *state, struct err *err)
{
	const char *since = job_state_import(state, name) != NULL
	    ? "has changed since this job's last import"
	    : "holds data that this job did not put there";

	return err_set(err, ERR_REFUSED,
	    "target '%s' %s (%" PRIu64 " keys, %zu function libraries), and "
	    "an import would destroy it; to allow that give "
	    "--overwrite-target %s",
	    name, since, keys, functions, name);
}

int
import_guard_ask(const struct guard_request *q, const struct scope *scope,
    const struct snapshot_env *env, struct guard_answer *a, struct err *err)
{
	struct job_state state;
	char name[300];
	uint64_t keys;
	size_t functions;
	int rc = -1;

	memset(a, 0, sizeof(*a));
	import_target_name(q->target, name, sizeof(name));
	if (job_state_read(q->store, scope, q->job, &state, err) != 0) {
		if (err->kind == ERR_CORRUPT)
			err->kind = ERR_REFUSED;
		return -1;
	}
	if (state.promoted) {
		err_set(err, ERR_REFUSED,
		    "job '%s' was failed over (epoch %" PRId64
		    "): its DR side is the primary now",
		    q->job, state.epoch);
		goto out;
	}
	if (q->overwrite != NULL && strcmp(q->overwrite, name) != 0) {
		err_set(err, ERR_REFUSED,
		    "--overwrite-target names '%s', and the target is '%s'",
		    q->overwrite, name);
		goto out;
	}
	if (count_data(q, scope, &keys, &functions, err) != 0)
		goto out;
	a->empty = keys == 0 && functions == 0;
	a->forced = !a->empty && q->overwrite != NULL;
	if (!a->empty && !a->forced &&
	    is_ours(q, &state, name, scope, env, &a->ours, err) != 0)
		goto out;
	if (a->empty || a->forced || a->ours)
		rc = 0;
	else
		refuse(name, keys, functions, &state, err);
out:
	job_state_release(&state);
	return rc;
}

int
import_guard_note(const struct guard_request *q, bool ended,
    const struct scope *scope, struct err *err)
{
	struct job_state state;
	char name[300];
	int rc;

	import_target_name(q->target, name, sizeof(name));
	if (job_state_read(q->store, scope, q->job, &state, err) != 0)
		return -1;
	job_state_set_import(
	    &state, name, q->snapshot, ended, scope_wall_ms(scope));
	rc = job_state_write(q->store, scope, q->job, &state, err);
	job_state_release(&state);
	return rc;
}
