#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "rdb/key_filter.h"

#include "agent/snapshot/manifest.h"
#include "agent/snapshot/manifest_field.h"
#include "agent/snapshot/manifest_private.h"

void
manifest_add_filter(cJSON *root, const struct manifest *m)
{
	cJSON *o = cJSON_AddObjectToObject(root, "filter");
	cJSON *rules = cJSON_AddObjectToObject(o, "rules");

	for (int i = 0; i < KEY_RULES; i++) {
		enum key_rule rule = (enum key_rule)i;
		const char *text = key_filter_text(m->filter, rule);

		if (text != NULL)
			cJSON_AddStringToObject(
			    rules, key_rule_name(rule), text);
	}
	o = cJSON_AddObjectToObject(o, "left_out");
	json_add_int(o, "keys", (int64_t)m->left_out.keys);
	json_add_int(o, "module_data", (int64_t)m->left_out.module_data);
}

static int
parse_rule(const cJSON *e, struct key_filter *f, struct err *err)
{
	for (int i = 0; i < KEY_RULES; i++) {
		enum key_rule rule = (enum key_rule)i;

		if (strcmp(key_rule_name(rule), e->string) != 0)
			continue;
		if (!cJSON_IsString(e) || key_filter_text(f, rule) != NULL)
			return err_set(err, ERR_CORRUPT,
			    "'%s' is no rule of a filter", e->string);
		if (key_filter_add(f, rule, e->valuestring, err) != 0)
			return err_in(err, "'%s'", e->string);
		return 0;
	}
	return err_set(err, ERR_UNSUPPORTED,
	    "its filter has a rule '%.40s' that this version does not know",
	    e->string);
}

int
manifest_parse_filter(const cJSON *root, struct manifest *m, struct err *err)
{
	const cJSON *o, *rules, *left_out, *e;

	m->filter = key_filter_new();
	if (json_get_object(root, "filter", &o, err) != 0 ||
	    json_get_object(o, "rules", &rules, err) != 0 ||
	    json_get_object(o, "left_out", &left_out, err) != 0)
		return -1;
	if (rules->child == NULL)
		return err_set(err, ERR_CORRUPT, "'filter' has no rules");
	cJSON_ArrayForEach(e, rules)
	{
		if (parse_rule(e, m->filter, err) != 0)
			return -1;
	}
	if (field_count(left_out, "keys", &m->left_out.keys, err) != 0)
		return -1;
	return field_count(
	    left_out, "module_data", &m->left_out.module_data, err);
}
