#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/url.h"
#include "base/xalloc.h"

#include "arm/operation_note.h"

#define FORMAT	 1
#define NOTE_MAX ((size_t)64 << 10)

void
operation_note_key(struct buf *b, const char *action, const char *resource)
{
	buf_addf(b, "arm/%s", action);
	for (; *resource != '\0'; resource++)
		buf_addc(b, (char)tolower((unsigned char)*resource));
}

void
operation_note_release(struct operation_note *n)
{
	free(n->text);
	free(n->status_url);
	free(n->location);
	*n = (struct operation_note){0};
}

static void
add_end(cJSON *root, const struct operation_end *end)
{
	cJSON *o = cJSON_AddObjectToObject(root, "end");

	cJSON_AddBoolToObject(
	    o, "succeeded", end->outcome == OPERATION_SUCCEEDED);
	cJSON_AddBoolToObject(o, "by_state", end->by_state);
	if (end->outcome == OPERATION_SUCCEEDED)
		return;
	cJSON_AddStringToObject(o, "code", end->why.code);
	cJSON_AddStringToObject(o, "request_id", end->why.request_id);
	cJSON_AddStringToObject(o, "text", end->why.text);
}

char *
operation_note_format(const struct operation_note *n)
{
	cJSON *root = cJSON_CreateObject();
	char *text;

	json_add_int(root, "format", FORMAT);
	cJSON_AddStringToObject(root, "note", n->text);
	json_add_int(root, "began_ms", n->began_ms);
	json_add_int(root, "timeout_ms", n->timeout_ms);
	cJSON_AddBoolToObject(root, "accepted", n->accepted);
	if (n->status_url != NULL)
		cJSON_AddStringToObject(root, "status_url", n->status_url);
	if (n->location != NULL)
		cJSON_AddStringToObject(root, "location", n->location);
	cJSON_AddBoolToObject(root, "seen_busy", n->seen_busy);
	if (n->ended)
		add_end(root, &n->end);
	text = json_format_line(root);
	cJSON_Delete(root);
	return text;
}

static int
parse_end(struct operation_note *n, const cJSON *o, struct err *err)
{
	const char *code = "", *request_id = "", *text = "";
	struct operation_end *end = &n->end;
	bool succeeded;

	if (json_get_bool(o, "succeeded", &succeeded, err) != 0 ||
	    json_get_bool(o, "by_state", &end->by_state, err) != 0 ||
	    json_opt_str(o, "code", &code, err) != 0 ||
	    json_opt_str(o, "request_id", &request_id, err) != 0 ||
	    json_opt_str(o, "text", &text, err) != 0)
		return -1;
	n->ended = true;
	end->outcome = succeeded ? OPERATION_SUCCEEDED : OPERATION_FAILED;
	if (succeeded)
		return 0;
	err_set(&end->why, ERR_SERVER, "%s", text);
	snprintf(end->why.code, sizeof(end->why.code), "%s", code);
	snprintf(
	    end->why.request_id, sizeof(end->why.request_id), "%s", request_id);
	return 0;
}

static int
parse_url(const cJSON *root, const char *key, char **out, struct err *err)
{
	const char *url = NULL;

	if (json_opt_str(root, key, &url, err) != 0)
		return -1;
	if (url != NULL)
		*out = xstrdup(url);
	return 0;
}

static int
parse_fields(struct operation_note *n, const cJSON *root, struct err *err)
{
	const cJSON *end = cJSON_GetObjectItemCaseSensitive(root, "end");
	const char *text;
	int64_t format;

	if (json_get_int(root, "format", &format, err) != 0)
		return -1;
	if (format != FORMAT)
		return err_set(err, ERR_UNSUPPORTED,
		    "format %lld is not known: a newer version wrote it",
		    (long long)format);
	if (json_get_str(root, "note", &text, err) != 0 ||
	    json_get_int(root, "began_ms", &n->began_ms, err) != 0 ||
	    json_get_int(root, "timeout_ms", &n->timeout_ms, err) != 0 ||
	    json_get_bool(root, "accepted", &n->accepted, err) != 0 ||
	    json_get_bool(root, "seen_busy", &n->seen_busy, err) != 0 ||
	    parse_url(root, "status_url", &n->status_url, err) != 0 ||
	    parse_url(root, "location", &n->location, err) != 0)
		return -1;
	n->text = xstrdup(text);
	return end != NULL ? parse_end(n, end, err) : 0;
}

int
operation_note_parse(
    struct operation_note *n, const char *text, struct err *err)
{
	cJSON *root = json_parse(text, strlen(text), NOTE_MAX, false, err);
	int rc;

	*n = (struct operation_note){0};
	if (root == NULL)
		return err_in(err, "journalled operation");
	rc = parse_fields(n, root, err);
	cJSON_Delete(root);
	if (rc == 0)
		return 0;
	operation_note_release(n);
	return err_in(err, "journalled operation");
}
