#include <stddef.h>

#include "agent/job/filter_settings.h"
#include "agent/job/snapshot_find.h"
#include "agent/snapshot/catalog.h"
#include "rdb/key_filter.h"

struct manifest *
snapshot_find(struct store *store, const struct scope *scope,
    const struct settings *settings, const char *job, const char *id,
    struct err *err)
{
	struct key_filter *filter;
	struct manifest *m;

	if (!catalog_is_latest(id))
		return catalog_get(store, scope, job, id, err);
	if (filter_settings(settings, &filter, err) != 0)
		return NULL;
	m = catalog_get_latest(store, scope, job, filter, err);
	key_filter_free(filter);
	return m;
}
