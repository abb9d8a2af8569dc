#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/err.h"
#include "rdb/key_filter.h"

#include "agent/job/filter_settings.h"
#include "agent/job/settings.h"

static const enum option rule_options[] = {
    [KEY_RULE_DBS] = OPT_FILTER_DBS,
    [KEY_RULE_NOT_DBS] = OPT_FILTER_NOT_DBS,
    [KEY_RULE_KEYS] = OPT_FILTER_KEYS,
    [KEY_RULE_NOT_KEYS] = OPT_FILTER_NOT_KEYS,
    [KEY_RULE_TYPES] = OPT_FILTER_TYPES,
    [KEY_RULE_NOT_TYPES] = OPT_FILTER_NOT_TYPES,
    [KEY_RULE_TTL] = OPT_FILTER_TTL,
    [KEY_RULE_FUNCTIONS] = OPT_FILTER_FUNCTIONS,
};

/* Whether the option leaves anything out. */
static bool
is_rule(enum option o, const char *text)
{
	return text != NULL &&
	    (o != OPT_FILTER_FUNCTIONS || strcmp(text, "no") == 0);
}

int
filter_settings(
    const struct settings *s, struct key_filter **out, struct err *err)
{
	struct key_filter *f = NULL;

	*out = NULL;
	for (int i = 0; i < KEY_RULES; i++) {
		enum option o = rule_options[i];
		const char *text = settings_str(s, o);

		if (!is_rule(o, text))
			continue;
		if (f == NULL)
			f = key_filter_new();
		if (key_filter_add(f, (enum key_rule)i, text, err) != 0) {
			key_filter_free(f);
			return err_in(err, "'%s'", options[o].key);
		}
	}
	*out = f;
	return 0;
}
