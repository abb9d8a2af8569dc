#include <stdio.h>
#include <string.h>

#include "base/digest.h"
#include "base/err.h"
#include "base/json.h"
#include "base/scope.h"

#include "arm/lever_call.h"

cJSON *
lever_call_note(const struct scope *scope)
{
	unsigned char random[16];
	char id[2 * sizeof(random) + 1];
	cJSON *note = cJSON_CreateObject();

	scope_random(scope, random, sizeof(random));
	hex_encode(random, sizeof(random), id);
	cJSON_AddStringToObject(note, "id", id);
	json_add_int(note, "at_ms", scope_wall_ms(scope));
	return note;
}

int
lever_call_read(struct lever_call *c, enum lever_way way, const cJSON *note,
    struct err *err)
{
	bool undo = way == LEVER_UNDO;
	const char *id;

	*c = (struct lever_call){.event = undo ? "undo" : "promote"};
	if (json_get_str(note, "id", &id, err) != 0 ||
	    json_get_int(note, "at_ms", &c->at_ms, err) != 0)
		return -1;
	if (strlen(id) != 32)
		return err_set(err, ERR_CORRUPT, "a note with a wrong id");
	snprintf(c->id, sizeof(c->id), "%.32s%s", id, undo ? "-undo" : "");
	snprintf(c->of, sizeof(c->of), "%.32s", undo ? id : "");
	return 0;
}

int
lever_call_look(struct lever *l, const struct scope *scope, enum lever_way way,
    const cJSON *note, const char *then, struct lever_view *view,
    struct err *err)
{
	struct lever_call c;
	char now[LEVER_CALL_ID + 16] = "not called";

	(void)l;
	if (way == LEVER_UNDO) {
		if (lever_call_read(&c, way, note, err) != 0)
			return -1;
		snprintf(now, sizeof(now), "called as %s", c.of);
	} else {
		view->note = lever_call_note(scope);
	}
	lever_add_change(
	    view, way == LEVER_UNDO ? "undo" : "promote", now, then);
	return 0;
}
