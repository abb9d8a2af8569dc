#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"

#include "agent/snapshot/job_state.h"
#include "agent/snapshot/snapshot_id.h"

#define STATE_FORMAT 1

static void
state_blob(const char *job, char out[BLOB_NAME_MAX + 1])
{
	snprintf(out, BLOB_NAME_MAX + 1, "%s/state.json", job);
}

static int
parse(struct job_state *s, const struct buf *text, struct err *err)
{
	const char *direction;
	int64_t format;

	s->doc = json_parse(
	    text->data, text->len, JOB_STATE_BYTES_MAX, false, err);
	if (s->doc == NULL)
		return -1;
	if (json_get_int(s->doc, "format", &format, err) != 0)
		return -1;
	if (format != STATE_FORMAT)
		return err_set(err, ERR_REFUSED,
		    "format %" PRId64 " is not known to this version", format);
	if (json_get_int(s->doc, "epoch", &s->epoch, err) != 0 ||
	    json_get_str(s->doc, "direction", &direction, err) != 0)
		return -1;
	s->promoted = strcmp(direction, "forward") != 0;
	return 0;
}

int
job_state_read(struct store *store, const struct scope *scope, const char *job,
    struct job_state *s, struct err *err)
{
	char blob[BLOB_NAME_MAX + 1];
	struct blob_props props;
	struct buf text;
	int rc;

	memset(s, 0, sizeof(*s));
	state_blob(job, blob);
	buf_init(&text, JOB_STATE_BYTES_MAX);
	rc = store_get(
	    store, scope, blob, JOB_STATE_BYTES_MAX, &text, &props, err);
	if (rc != 0 && err->kind == ERR_MISSING) {
		s->doc = cJSON_CreateObject();
		json_add_int(s->doc, "format", STATE_FORMAT);
		json_add_int(s->doc, "epoch", 0);
		cJSON_AddStringToObject(s->doc, "direction", "forward");
		rc = 0;
	} else if (rc == 0) {
		memcpy(s->etag, props.etag, sizeof(s->etag));
		rc = parse(s, &text, err);
	}
	buf_release(&text);
	if (rc == 0)
		return 0;
	job_state_release(s);
	return err_in(err, "the job's state '%s'", blob);
}

void
job_state_release(struct job_state *s)
{
	cJSON_Delete(s->doc);
	s->doc = NULL;
}

static cJSON *
find_import(const struct job_state *s, const char *target)
{
	cJSON *imports = cJSON_GetObjectItemCaseSensitive(s->doc, "imports");
	cJSON *e;

	cJSON_ArrayForEach(e, imports)
	{
		const cJSON *t = cJSON_GetObjectItemCaseSensitive(e, "target");

		if (cJSON_IsString(t) && strcmp(t->valuestring, target) == 0)
			return e;
	}
	return NULL;
}

static const char *
id_of(const cJSON *e, const char *key)
{
	const cJSON *id = cJSON_GetObjectItemCaseSensitive(e, key);

	if (!cJSON_IsString(id) || !snapshot_id_valid(id->valuestring))
		return NULL;
	return id->valuestring;
}

const char *
job_state_import(const struct job_state *s, const char *target)
{
	const cJSON *e = find_import(s, target);

	return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(e, "ended"))
	    ? id_of(e, "snapshot")
	    : NULL;
}

const char *
job_state_may_hold(const struct job_state *s, const char *target, int i)
{
	const cJSON *e = find_import(s, target);

	if (i == 0)
		return id_of(e, "snapshot");
	return i == 1 ? id_of(e, "previous") : NULL;
}

bool
job_state_import_begun(const struct job_state *s, const char *target)
{
	const cJSON *e = find_import(s, target);

	return cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(e, "ended"));
}

bool
job_state_service_begun(const struct job_state *s, const char *target)
{
	const cJSON *e = find_import(s, target);

	return job_state_import_begun(s, target) &&
	    cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(e, "by_service"));
}

bool
job_state_begun_by(
    const struct job_state *s, const char *target, const char *begin_id)
{
	const cJSON *id = cJSON_GetObjectItemCaseSensitive(
	    find_import(s, target), "begin_id");

	return job_state_import_begun(s, target) && cJSON_IsString(id) &&
	    strcmp(id->valuestring, begin_id) == 0;
}

void
job_state_set_import(struct job_state *s, const struct job_import *i)
{
	cJSON *imports = cJSON_GetObjectItemCaseSensitive(s->doc, "imports");
	cJSON *old = find_import(s, i->target), *e;
	const char *previous = NULL;

	/* Of several that began and did not end, the last that ended counts. */
	if (!i->ended)
		previous = id_of(old,
		    job_state_import_begun(s, i->target) ? "previous"
							 : "snapshot");
	if (!cJSON_IsArray(imports)) {
		cJSON_DeleteItemFromObjectCaseSensitive(s->doc, "imports");
		imports = cJSON_AddArrayToObject(s->doc, "imports");
	}
	while (cJSON_GetArraySize(imports) >= JOB_IMPORTS_MAX)
		cJSON_DeleteItemFromArray(imports, 0);
	e = cJSON_CreateObject();
	cJSON_AddStringToObject(e, "target", i->target);
	cJSON_AddStringToObject(e, "snapshot", i->snapshot);
	cJSON_AddBoolToObject(e, "ended", i->ended);
	if (i->by_service)
		cJSON_AddBoolToObject(e, "by_service", true);
	if (i->by_service && i->begin_id != NULL)
		cJSON_AddStringToObject(e, "begin_id", i->begin_id);
	json_add_int(e, "at_ms", i->at_ms);
	if (previous != NULL)
		cJSON_AddStringToObject(e, "previous", previous);
	if (old != NULL)
		cJSON_Delete(cJSON_DetachItemViaPointer(imports, old));
	cJSON_AddItemToArray(imports, e);
}

int
job_state_write(struct store *store, const struct scope *scope, const char *job,
    struct job_state *s, struct err *err)
{
	struct commit_opts opts = {.content_type = "application/json"};
	char *text = json_format(s->doc);
	char blob[BLOB_NAME_MAX + 1];
	struct blob_props props;
	int rc;

	if (s->etag[0] != '\0')
		opts.cond.if_match = s->etag;
	else
		opts.cond.if_absent = true;
	state_blob(job, blob);
	rc = store_put(
	    store, scope, blob, text, strlen(text), &opts, &props, err);
	free(text);
	if (rc != 0)
		return err_in(err, "the job's state '%s'", blob);
	memcpy(s->etag, props.etag, sizeof(s->etag));
	return 0;
}
