#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"

#include "agent/snapshot/import_guard.h"
#include "agent/snapshot/import_trace.h"
#include "agent/snapshot/manifest.h"

#define TRACE_MAX 4096

/* By the number of its keys alone, of which time takes those that expire. */
static bool
is_no_copy(const struct manifest *m, uint64_t keys)
{
	return keys > m->total.keys || keys < m->total.keys - m->total.expiring;
}

char *
import_trace_format(const struct manifest *m, const struct guard_answer *a)
{
	cJSON *o = cJSON_CreateObject();
	char *text;

	cJSON_AddStringToObject(o, "job", m->job);
	cJSON_AddStringToObject(o, "snapshot", m->id);
	cJSON_AddBoolToObject(o, "differed", is_no_copy(m, a->keys));
	if (a->copy_of[0] != '\0')
		cJSON_AddStringToObject(o, "held", a->copy_of);
	text = json_format_line(o);
	cJSON_Delete(o);
	return text;
}

static int
parse_fields(struct import_trace *t, const cJSON *o, struct err *err)
{
	const char *job, *snapshot, *held = NULL;

	if (json_get_str(o, "job", &job, err) != 0 ||
	    json_get_str(o, "snapshot", &snapshot, err) != 0 ||
	    json_get_bool(o, "differed", &t->differed, err) != 0 ||
	    json_opt_str(o, "held", &held, err) != 0 ||
	    job_name_check(job, err) != 0)
		return -1;
	if (!snapshot_id_valid(snapshot) ||
	    (held != NULL && !snapshot_id_valid(held)))
		return err_set(err, ERR_CORRUPT, "no id of a snapshot");
	snprintf(t->job, sizeof(t->job), "%s", job);
	snprintf(t->snapshot, sizeof(t->snapshot), "%s", snapshot);
	if (held != NULL)
		snprintf(t->held, sizeof(t->held), "%s", held);
	return 0;
}

int
import_trace_parse(struct import_trace *t, const char *text, struct err *err)
{
	cJSON *o = json_parse(text, strlen(text), TRACE_MAX, false, err);
	int rc;

	*t = (struct import_trace){0};
	rc = o != NULL ? parse_fields(t, o, err) : -1;
	cJSON_Delete(o);
	if (rc == 0)
		return 0;
	err->kind = ERR_CORRUPT;
	return err_in(err, "what was noted of an import");
}

/* Two snapshots of a source that nobody wrote to hold the same: the target must
 * be seen to hold that one no more. */
static int
holds_another_now(const struct import_trace *t, const struct guard_request *q,
    const struct scope *scope, const struct snapshot_env *env, bool *another,
    struct err *err)
{
	enum guard_likeness like;

	*another = false;
	if (t->held[0] == '\0' || strcmp(t->held, t->snapshot) == 0)
		return 0;
	if (import_guard_compare(q, t->held, scope, env, &like, err) != 0)
		return -1;
	*another = like == GUARD_OTHER;
	return 0;
}

int
import_trace_proves(const struct import_trace *t, const struct guard_request *q,
    const struct scope *scope, const struct snapshot_env *env, bool *done,
    struct err *err)
{
	enum guard_likeness like;

	*done = false;
	if (import_guard_compare(q, t->snapshot, scope, env, &like, err) != 0)
		return -1;
	if (like != GUARD_SAME)
		return 0;
	*done = t->differed;
	return t->differed ? 0 : holds_another_now(t, q, scope, env, done, err);
}
