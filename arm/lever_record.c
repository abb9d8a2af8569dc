#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/journal.h"
#include "base/json.h"

#include "arm/lever_record.h"

#define RECORD_MAX ((size_t)4 << 20)
#define FORMAT	   1

static const char *const states[] = {
    [LEVER_BEGUN] = "begun",
    [LEVER_PULLED] = "pulled",
    [LEVER_UNDOING] = "undoing",
    [LEVER_UNDONE] = "undone",
};

#define STATES (sizeof(states) / sizeof(states[0]))

static int
parse(struct lever_record *r, const struct buf *text, struct err *err)
{
	const cJSON *steps;
	int64_t format;

	r->root = json_parse(text->data, text->len, RECORD_MAX, false, err);
	if (r->root == NULL || json_get_int(r->root, "format", &format, err))
		return -1;
	if (format != FORMAT)
		return err_set(err, ERR_UNSUPPORTED,
		    "a newer drsync wrote it; use that one");
	return json_get_array(r->root, "steps", &steps, err);
}

int
lever_record_open(struct lever_record *r, struct journal *journal,
    const char *job, struct err *err)
{
	struct buf text;
	int rc;

	*r = (struct lever_record){.journal = journal};
	snprintf(r->key, sizeof(r->key), "promotion/%s", job);
	buf_init(&text, RECORD_MAX);
	rc = journal->ops->get(journal, r->key, &text, err);
	if (rc == 0)
		rc = parse(r, &text, err);
	else if (err->kind == ERR_MISSING) {
		*err = (struct err){0};
		rc = 0;
	}
	buf_release(&text);
	return rc == 0 ? 0 : err_in(err, "the journal's '%s'", r->key);
}

void
lever_record_release(struct lever_record *r)
{
	cJSON_Delete(r->root);
	r->root = NULL;
}

static cJSON *
steps_of(const struct lever_record *r)
{
	return cJSON_GetObjectItemCaseSensitive(r->root, "steps");
}

size_t
lever_record_count(const struct lever_record *r)
{
	return (size_t)cJSON_GetArraySize(steps_of(r));
}

static int
parse_state(const char *text, enum lever_state *out, struct err *err)
{
	for (size_t i = 0; i < STATES; i++)
		if (strcmp(text, states[i]) == 0) {
			*out = (enum lever_state)i;
			return 0;
		}
	return err_set(err, ERR_CORRUPT, "'%.40s' is no state", text);
}

int
lever_record_at(const struct lever_record *r, size_t i, const cJSON **settings,
    enum lever_state *state, const cJSON **note, struct err *err)
{
	const cJSON *step = cJSON_GetArrayItem(steps_of(r), (int)i);
	const char *text;

	if (json_get_object(step, "lever", settings, err) != 0 ||
	    json_get_object(step, "note", note, err) != 0 ||
	    json_get_str(step, "state", &text, err) != 0 ||
	    parse_state(text, state, err) != 0)
		return err_in(err, "the journal's '%s'", r->key);
	return 0;
}

static void
set(cJSON *o, const char *key, cJSON *value)
{
	cJSON_DeleteItemFromObjectCaseSensitive(o, key);
	cJSON_AddItemToObject(o, key, value);
}

int
lever_record_put(struct lever_record *r, size_t i, const cJSON *settings,
    enum lever_state state, cJSON *note, struct err *err)
{
	cJSON *step;
	char *text;
	int rc;

	if (r->root == NULL) {
		r->root = cJSON_CreateObject();
		json_add_int(r->root, "format", FORMAT);
		cJSON_AddArrayToObject(r->root, "steps");
	}
	assert(i <= lever_record_count(r));
	if (i == lever_record_count(r))
		cJSON_AddItemToArray(steps_of(r), cJSON_CreateObject());
	step = cJSON_GetArrayItem(steps_of(r), (int)i);
	set(step, "lever", cJSON_Duplicate(settings, true));
	set(step, "state", cJSON_CreateString(states[state]));
	if (note != NULL)
		set(step, "note", note);
	text = json_format_line(r->root);
	rc = r->journal->ops->put(r->journal, r->key, text, err);
	free(text);
	return rc;
}

int
lever_record_remove(struct lever_record *r, struct err *err)
{
	lever_record_release(r);
	return r->journal->ops->remove(r->journal, r->key, err);
}
