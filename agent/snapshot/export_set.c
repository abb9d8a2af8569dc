#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/scope.h"
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

static int
read_all(struct export_set *set, struct store *store, const struct scope *scope,
    struct err *err)
{
	*set = (struct export_set){.store = store};
	return store_each(store, scope, NULL, take_file, set, err);
}

static int
check_any(const struct export_set *set, struct err *err)
{
	if (set->n == 0)
		return err_set(err, ERR_CORRUPT,
		    "the export ended well, and left nothing in '%.200s'",
		    set->store->url);
	return 0;
}

int
export_set_read(struct export_set *set, struct store *store,
    const struct scope *scope, struct err *err)
{
	return read_all(set, store, scope, err) == 0 ? check_any(set, err) : -1;
}

/* Both as they were listed, by name. */
static bool
is_same(const struct export_set *a, const struct export_set *b)
{
	bool same = a->n == b->n;

	for (size_t i = 0; same && i < a->n; i++) {
		const struct export_file *x = &a->files[i], *y = &b->files[i];

		same = strcmp(x->name, y->name) == 0 &&
		    strcmp(x->props.etag, y->props.etag) == 0 &&
		    x->props.size == y->props.size;
	}
	return same;
}

int
export_set_await(struct export_set *set, struct store *store,
    const struct export_patience *p, const struct scope *scope, struct err *err)
{
	struct scope patience = scope_within(scope, p->most_ms);
	struct export_set before = {0};
	bool same = false;
	int rc = read_all(set, store, scope, err);

	while (rc == 0 && !same) {
		export_set_release(&before);
		before = *set;
		*set = (struct export_set){0};
		rc = scope_sleep(&patience, p->still_ms, err);
		if (rc != 0)
			err_in(err, "the files of the export still change");
		else
			rc = read_all(set, store, scope, err);
		same = rc == 0 && is_same(&before, set);
	}
	export_set_release(&before);
	return rc == 0 ? check_any(set, err) : -1;
}

void
export_set_release(struct export_set *set)
{
	for (size_t i = 0; i < set->n; i++)
		free(set->files[i].name);
	free(set->files);
	*set = (struct export_set){0};
}
