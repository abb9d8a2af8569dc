#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/scope.h"
#include "rdb/fingerprint.h"
#include "rdb/redis_conn.h"
#include "rdb/redis_info.h"
#include "rdb/redis_primaries.h"
#include "rdb/redis_primary.h"

#include "agent/snapshot/catalog.h"
#include "agent/snapshot/import_guard.h"
#include "agent/snapshot/import_half.h"
#include "agent/snapshot/import_marker.h"
#include "agent/snapshot/job_state.h"
#include "agent/snapshot/manifest.h"
#include "agent/snapshot/snapshot_compare.h"

/* Bytes that one server says of itself. */
#define MARK_MAX 384

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

static void
mark_field(struct buf *b, const char *info, const char *name)
{
	char value[32];

	redis_info_text(info, name, value, sizeof(value));
	buf_addf(b, " %s", value);
}

static int
mark_server(struct redis_conn *conn, const struct redis_info *info,
    const struct scope *scope, struct buf *b, struct err *err)
{
	redisReply *r = redis_command(conn, scope, err, "INFO persistence");

	if (r == NULL)
		return -1;
	buf_addf(b, "%s %s %s %" PRIu64, info->run_id, info->replid,
	    info->replid2, info->keys);
	if (r->type == REDIS_REPLY_STRING) {
		mark_field(b, r->str, "rdb_changes_since_last_save");
		mark_field(b, r->str, "rdb_last_save_time");
	}
	buf_addc(b, '\n');
	freeReplyObject(r);
	return 0;
}

/* What the target holds, as far as "nothing" can be told from "something". */
struct holding {
	uint64_t keys;
	size_t functions;
	/* That an import which was cut short brought; "" for none. */
	char half[SNAPSHOT_ID_SIZE];
};

/*
 * A replica that was promoted has a history of its own, and went on with its
 * primary's.  So does, by its own words, a target of ours that was started
 * again from the dump that an import left it: of that the job's state tells.
 */
static int
check_origin(const struct guard_request *q, const struct job_state *state,
    const char *name, const struct redis_info *info, struct err *err)
{
	if (q->m == NULL)
		return 0;
	if (manifest_is_of(q->m, info->replid))
		return err_set(err, ERR_REFUSED,
		    "target '%s' is the Redis that the snapshot was taken "
		    "from, or a replica of it: an import would undo what was "
		    "written there since",
		    name);
	if (!manifest_is_of(q->m, info->replid2) ||
	    job_state_may_hold(state, name, 0) != NULL)
		return 0;
	return err_set(err, ERR_REFUSED,
	    "target '%s' went on from the Redis that the snapshot was taken "
	    "from, as a replica of it that was promoted: an import would undo "
	    "what was written there since (its master_replid2 tells; if it is "
	    "none, SAVE and a restart make it forget that)",
	    name);
}

/* What one of its servers adds to it.  Without the state its history is not
 * judged again: the mark tells whether it has changed. */
static int
look_at_server(const struct guard_request *q, const struct job_state *state,
    const struct redis_target *part, const char *name,
    const struct scope *scope, struct buf *marks, struct holding *h,
    struct err *err)
{
	struct redis_info info;
	struct redis_conn *conn;
	size_t functions = 0;
	int rc;

	conn = redis_primary_connect(part, q->redis, scope, &info, NULL, err);
	if (conn == NULL)
		return -1;
	rc = mark_server(conn, &info, scope, marks, err);
	if (rc == 0)
		rc = count_functions(conn, scope, &functions, err);
	if (rc == 0 && state != NULL)
		rc = check_origin(q, state, name, &info, err);
	redis_conn_free(conn);
	h->keys += info.keys;
	/* Each has the same ones, when all is well. */
	h->functions = functions > h->functions ? functions : h->functions;
	return rc;
}

static int
look_at_all(const struct guard_request *q, const struct job_state *state,
    const char *name, const struct scope *scope, struct guard_mark *mark,
    struct holding *h, struct err *err)
{
	struct redis_primaries p;
	struct buf marks;
	int rc = 0;

	memset(h, 0, sizeof(*h));
	if (redis_primaries_find(q->target, q->redis, scope, &p, err) != 0)
		return -1;
	buf_init(&marks, p.n * MARK_MAX);
	for (size_t i = 0; i < p.n && rc == 0; i++)
		rc = look_at_server(
		    q, state, &p.parts[i], name, scope, &marks, h, err);
	if (rc == 0)
		rc = buf_check(&marks, "what a server says of itself", err);
	if (rc == 0)
		sha256(marks.data, marks.len, mark->sha256);
	buf_release(&marks);
	redis_primaries_release(&p);
	return rc;
}

static int
look_for_half(const struct guard_request *q, const struct scope *scope,
    struct holding *h, struct err *err)
{
	char key[IMPORT_MARKER_SIZE];
	struct redis_conn *conn;
	int rc;

	import_marker_key(q->job, key);
	conn = redis_primaries_connect(q->target, q->redis, key, scope, err);
	if (conn == NULL)
		return -1;
	rc = import_marker_get(conn, q->job, h->half, scope, err);
	redis_conn_free(conn);
	return rc;
}

static int
look(const struct guard_request *q, const struct job_state *state,
    const char *name, const struct scope *scope, struct guard_mark *mark,
    struct holding *h, struct err *err)
{
	if (look_at_all(q, state, name, scope, mark, h, err) != 0)
		return -1;
	return job_state_import_begun(state, name)
	    ? look_for_half(q, scope, h, err)
	    : 0;
}

int
import_guard_compare(const struct guard_request *q, const char *id,
    const struct scope *scope, const struct snapshot_env *env,
    enum guard_likeness *like, struct err *err)
{
	struct fp_comparison comparison;
	struct manifest *m;
	int rc = 0;

	*like = GUARD_UNTOLD;
	m = catalog_get(q->store, scope, q->job, id, err);
	if (m == NULL)
		return err->kind == ERR_MISSING || err->kind == ERR_CORRUPT
		    ? 0
		    : -1;
	if (m->verified) {
		rc = snapshot_compare(
		    m, q->target, q->redis, scope, env, &comparison, NULL, err);
		if (rc == 0 && !comparison.same)
			*like = GUARD_OTHER;
		else if (rc == 0 && comparison.not_compared == 0)
			*like = GUARD_SAME;
	}
	manifest_free(m);
	return rc;
}

/* Noted in the answer, where the target is its exact copy. */
static int
try_copy(const struct guard_request *q, const char *id,
    const struct scope *scope, const struct snapshot_env *env,
    struct guard_answer *a, struct err *err)
{
	enum guard_likeness like;

	if (import_guard_compare(q, id, scope, env, &like, err) != 0)
		return -1;
	if (like != GUARD_SAME)
		return 0;
	a->ours = true;
	snprintf(a->copy_of, sizeof(a->copy_of), "%s", id);
	return 0;
}

static int
is_ours(const struct guard_request *q, const struct job_state *state,
    const char *name, const struct scope *scope, const struct snapshot_env *env,
    struct guard_answer *a, struct err *err)
{
	const char *id;

	for (int i = 0;
	     !a->ours && (id = job_state_may_hold(state, name, i)) != NULL; i++)
		if (try_copy(q, id, scope, env, a, err) != 0)
			return -1;
	/* Nothing is lost where a target of ours holds what it is to be given:
	 * the manifest of the last import may be damaged. */
	if (!a->ours && q->snapshot != NULL &&
	    job_state_may_hold(state, name, 0) != NULL)
		return try_copy(q, q->snapshot, scope, env, a, err);
	return 0;
}

static int
refuse(const char *name, uint64_t keys, size_t functions,
    const struct job_state *state, struct err *err)
{
	const char *since = job_state_may_hold(state, name, 0) != NULL
	    ? "has changed since this job's last import, or was not as it "
	      "should be even then"
	    : "holds data that this job did not put there";

	return err_set(err, ERR_REFUSED,
	    "target '%s' %s (%" PRIu64 " keys, %zu function libraries), and "
	    "an import would destroy it; to allow that give "
	    "--overwrite-target %s",
	    name, since, keys, functions, name);
}

/* Whether nobody wrote beside what was left there. */
static int
check_half(const struct guard_request *q, const char *name,
    const struct holding *h, const struct scope *scope,
    const struct snapshot_env *env, struct guard_answer *a, struct err *err)
{
	const struct import_half half = {
	    .store = q->store,
	    .job = q->job,
	    .snapshot = h->half,
	    .target = q->target,
	    .redis = q->redis,
	    .keys = h->keys,
	    .functions = h->functions,
	};
	struct import_half_answer answer;

	if (import_half_ask(&half, scope, env, &answer, err) != 0)
		return -1;
	a->ours = answer.ours;
	if (a->ours)
		return 0;
	return err_set(err, ERR_REFUSED,
	    "target '%s' was left with a part of snapshot '%s', and %s; an "
	    "import would destroy what it holds; to allow that give "
	    "--overwrite-target %s",
	    name, h->half, answer.why, name);
}

/* ERR_REFUSED when the DR side is the primary by now. */
static int
check_direction(const struct guard_request *q, const struct job_state *state,
    struct err *err)
{
	if (!state->promoted)
		return 0;
	return err_set(err, ERR_REFUSED,
	    "job '%s' was failed over (epoch %" PRId64
	    "): its DR side is the primary now",
	    q->job, state->epoch);
}

/* Asked for twice it would destroy twice. */
static int
check_service(const struct guard_request *q, const struct job_state *state,
    const char *name, struct err *err)
{
	if (q->followed || q->overwrite != NULL ||
	    !job_state_service_begun(state, name) ||
	    (q->begin_id != NULL &&
		job_state_begun_by(state, name, q->begin_id)))
		return 0;
	return err_set(err, ERR_REFUSED,
	    "an import into '%s' by Azure began, and this agent cannot tell "
	    "whether it has ended: another one began it, or this one's state "
	    "directory was lost since; look in the portal whether it goes on, "
	    "and what the Redis holds; when it is over, give "
	    "--overwrite-target %s to import again",
	    name, name);
}

static int
judge(const struct guard_request *q, const struct job_state *state,
    const struct scope *scope, const struct snapshot_env *env,
    struct guard_answer *a, struct err *err)
{
	struct holding h;
	char name[600];

	redis_target_name(q->target, name, sizeof(name));
	if (check_direction(q, state, err) != 0)
		return -1;
	if (q->overwrite != NULL && strcmp(q->overwrite, name) != 0)
		return err_set(err, ERR_REFUSED,
		    "--overwrite-target names '%s', and the target is '%s'",
		    q->overwrite, name);
	if (check_service(q, state, name, err) != 0 ||
	    look(q, state, name, scope, &a->mark, &h, err) != 0)
		return -1;
	a->keys = h.keys;
	a->empty = h.keys == 0 && h.functions == 0;
	a->forced = !a->empty && q->overwrite != NULL;
	if (a->empty || a->forced)
		return 0;
	if (h.half[0] != '\0')
		return check_half(q, name, &h, scope, env, a, err);
	if (is_ours(q, state, name, scope, env, a, err) != 0)
		return -1;
	return a->ours ? 0 : refuse(name, h.keys, h.functions, state, err);
}

int
import_guard_ask(const struct guard_request *q, const struct scope *scope,
    const struct snapshot_env *env, struct guard_answer *a, struct err *err)
{
	struct job_state state;
	int rc;

	memset(a, 0, sizeof(*a));
	if (job_state_read(q->store, scope, q->job, &state, err) != 0) {
		if (err->kind == ERR_CORRUPT)
			err->kind = ERR_REFUSED;
		return -1;
	}
	a->epoch = state.epoch;
	rc = judge(q, &state, scope, env, a, err);
	job_state_release(&state);
	return rc;
}

int
import_guard_again(const struct guard_request *q, const struct scope *scope,
    const struct snapshot_env *env, struct guard_answer *a, struct err *err)
{
	struct guard_mark now;
	struct holding ignored;
	char name[600];

	redis_target_name(q->target, name, sizeof(name));
	if (look_at_all(q, NULL, name, scope, &now, &ignored, err) != 0)
		return -1;
	if (memcmp(&now, &a->mark, sizeof(now)) == 0)
		return 0;
	return import_guard_ask(q, scope, env, a, err);
}

int
import_guard_note(const struct guard_request *q, const struct guard_answer *a,
    bool ended, const struct scope *scope, struct err *err)
{
	struct job_state state;
	char name[600];
	int rc;

	redis_target_name(q->target, name, sizeof(name));
	if (job_state_read(q->store, scope, q->job, &state, err) != 0)
		return -1;
	rc = check_direction(q, &state, err);
	if (rc == 0 && state.epoch != a->epoch)
		rc = err_set(err, ERR_REFUSED,
		    "job '%s' came to epoch %" PRId64 " while this run was at "
		    "%" PRId64,
		    q->job, state.epoch, a->epoch);
	if (rc == 0) {
		job_state_set_import(&state,
		    &(struct job_import){.target = name,
			.snapshot = q->snapshot,
			.ended = ended,
			.by_service = q->by_service,
			.begin_id = q->begin_id,
			.at_ms = scope_wall_ms(scope)});
		rc = job_state_write(q->store, scope, q->job, &state, err);
	}
	job_state_release(&state);
	return rc;
}
