#include <stdlib.h>

#include "base/err.h"
#include "base/xalloc.h"

#include "agent/snapshot/export_set.h"
#include "agent/snapshot/manifest.h"

static int
take_file(void *arg, const struct list_item *item, struct err *err)
{
	struct export_set *set = arg;

	if (set->n == MANIFEST_SHARDS_MAX)
		return err_set(err, ERR_CORRUPT,
		    "the export is of over %d files", MANIFEST_SHARDS_MAX);
	set->files = xreallocarray(set->files, set->n + 1, sizeof(*set->files));
	set->files[set->n++] = (struct export_file){
	    .name = xstrdup(item->name), .props = item->props};
	return 0;
}

int
export_set_read(struct export_set *set, struct store *store,
    const struct scope *scope, struct err *err)
{
	*set = (struct export_set){.store = store};
	if (store_each(store, scope, NULL, take_file, set, err) != 0)
		return -1;
	if (set->n == 0)
		return err_set(err, ERR_CORRUPT,
		    "the export ended well, and left nothing in '%.200s'",
		    store->url);
	return 0;
}

void
export_set_release(struct export_set *set)
{
	for (size_t i = 0; i < set->n; i++)
		free(set->files[i].name);
	free(set->files);
	*set = (struct export_set){0};
}
