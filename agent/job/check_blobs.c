/* What a job of kind container needs: a source that is only read, a
 * destination that is written to, and the service between them. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/scope.h"
#include "storage/blob_ladder.h"
#include "storage/store.h"

#include "agent/job/agent.h"
#include "agent/job/check_private.h"
#include "agent/job/settings.h"
#include "agent/snapshot/env.h"

#define PROBE_TEXT "drsync check\n"

/* The first of a page that has bytes; false: none has. */
static bool
take_first(struct checking *c, const struct list_page *page)
{
	for (size_t i = 0; i < page->n; i++) {
		const struct list_item *item = &page->items[i];

		if (item->props.size == 0)
			continue;
		snprintf(c->blob, sizeof(c->blob), "%s", item->name);
		c->blob_props = item->props;
		return true;
	}
	return false;
}

int
check_source_blobs(struct checking *c, struct err *err)
{
	struct store *store = agent_store(c->agent, REGION_SOURCE, err);
	struct list_opts list = {
	    .prefix = settings_str(c->settings, OPT_COPY_PREFIX),
	    .with = LIST_TRAITS,
	    .page_size = 100,
	};
	struct list_page page = {0};
	unsigned char byte;
	bool any;

	if (store == NULL ||
	    store->ops->list(store, &c->scope, &list, NULL, &page, err) != 0)
		return -1;
	any = take_first(c, &page);
	list_page_release(&page);
	if (any &&
	    store->ops->read(store, &c->scope, c->blob, c->blob_props.etag, 0,
		&byte, 1, err) != 0)
		return err_in(err, "reading '%.200s'", c->blob);
	snprintf(c->detail, sizeof(c->detail), "%s: listed%s", store->url,
	    any ? ", read" : "; nothing is there to be read");
	return 0;
}

int
check_dr_blobs(struct checking *c, struct err *err)
{
	struct commit_opts opts = {.cond = {.if_absent = true}};
	struct store *store = agent_store(c->agent, REGION_DR, err);
	struct list_opts list = {.prefix = c->probe, .page_size = 1};
	struct list_page page = {0};

	if (store == NULL)
		return -1;
	if (store->ops->traits->exists(store, &c->scope, err) != 0) {
		if (err->kind != ERR_MISSING ||
		    strcmp(settings_str(c->settings, OPT_COPY_CREATE), "yes") !=
			0)
			return -1;
		*err = (struct err){0};
		return check_skip(c, "not there; the first run makes it");
	}
	if (store_put(store, &c->scope, c->probe, PROBE_TEXT,
		strlen(PROBE_TEXT), &opts, NULL, err) != 0)
		return err_in(err, "writing");
	if (store->ops->list(store, &c->scope, &list, NULL, &page, err) != 0)
		return err_in(err, "listing");
	list_page_release(&page);
	if (store->ops->remove(store, &c->scope, c->probe, NULL, err) != 0)
		return err_in(err, "removing");
	snprintf(c->detail, sizeof(c->detail), "%s: written, listed, removed",
	    store->url);
	return 0;
}

int
check_blob_way(struct checking *c, struct err *err)
{
	const struct snapshot_env *env = agent_env(c->agent, err);
	struct ladder ladder = {0};
	int rc;

	if (env == NULL)
		return -1;
	if (c->blob[0] == '\0')
		return check_skip(c, "there is nothing to copy");
	ladder.from = agent_store(c->agent, REGION_SOURCE, err);
	ladder.to = agent_store(c->agent, REGION_DR, err);
	ladder.budget = env->budget;
	ladder.grants = ladder_grants_new(ladder.from);
	rc = ladder_probe(&ladder, &c->scope, c->blob, &c->blob_props, err);
	ladder_grants_free(ladder.grants);
	if (rc != 0)
		return -1;
	if (ladder.first == RUNG_STREAM)
		snprintf(c->detail, sizeof(c->detail),
		    "bytes go through this host: %s", ladder.why_streamed);
	else
		snprintf(c->detail, sizeof(c->detail),
		    "the service copies by itself");
	return 0;
}

/* That deletions can be undone is a promise of the account's, not ours. */
int
check_undo(struct checking *c, struct err *err)
{
	struct store *store = agent_store(c->agent, REGION_DR, err);
	int days;

	if (strcmp(settings_str(c->settings, OPT_COPY_DELETE), "mirror") != 0)
		return check_skip(c, "nothing is deleted");
	if (store == NULL)
		return -1;
	if (store->ops->undo == NULL) {
		snprintf(c->detail, sizeof(c->detail),
		    "NONE: what is deleted is gone at once");
		return 0;
	}
	if (store->ops->undo->keeps_deleted(store, &c->scope, &days, err) != 0)
		return -1;
	if (days > 0)
		snprintf(c->detail, sizeof(c->detail),
		    "'drsync undelete' has %d day%s", days,
		    days == 1 ? "" : "s");
	else
		snprintf(c->detail, sizeof(c->detail), "%s",
		    days == 0 ? "NONE: the account has no soft delete"
			      : "not known: the account does not tell whether "
				"it has soft delete");
	return 0;
}
