/* Both stores: a small blob is written, read, listed, copied and removed. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/scope.h"
#include "storage/blob_ladder.h"
#include "storage/store.h"

#include "agent/job/agent.h"
#include "agent/job/check_private.h"
#include "agent/job/settings.h"
#include "agent/snapshot/env.h"
#include "agent/snapshot/job_state.h"

#define PROBE_TEXT "drsync check\n"

/* Write, read, list and (unless it is to be copied) remove a small blob. */
static int
probe_store(struct checking *c, struct store *store, struct err *err)
{
	struct commit_opts opts = {.cond = {.if_absent = true}};
	struct list_opts list = {.prefix = c->probe, .page_size = 1};
	struct list_page page = {0};
	struct blob_props props;
	struct buf back;
	int rc = -1;

	buf_init(&back, sizeof(PROBE_TEXT));
	if (store_put(store, &c->scope, c->probe, PROBE_TEXT,
		strlen(PROBE_TEXT), &opts, &props, err) != 0) {
		err_in(err, "writing");
		goto out;
	}
	if (store_get(store, &c->scope, c->probe, sizeof(PROBE_TEXT), &back,
		&props, err) != 0) {
		err_in(err, "reading back");
		goto out;
	}
	if (strcmp(back.data, PROBE_TEXT) != 0) {
		err_set(
		    err, ERR_CORRUPT, "what is read is not what was written");
		goto out;
	}
	if (store->ops->list(store, &c->scope, &list, NULL, &page, err) != 0) {
		err_in(err, "listing");
		goto out;
	}
	list_page_release(&page);
	rc = 0;
out:
	buf_release(&back);
	return rc;
}

static int
remove_probe(struct checking *c, struct store *store, struct err *err)
{
	if (store->ops->remove(store, &c->scope, c->probe, NULL, err) != 0)
		return err_in(err, "removing");
	return 0;
}

static bool
lacks_token(const struct checking *c, enum region region)
{
	return c->no_token && agent_store_by_identity(c->agent, region);
}

int
check_source_store(struct checking *c, struct err *err)
{
	struct store *store;

	if (settings_str(c->settings, OPT_SOURCE_STORE) == NULL)
		return check_skip(c, "not set");
	if (lacks_token(c, REGION_SOURCE))
		return check_skip(c, CHECK_NO_TOKEN);
	store = agent_store(c->agent, REGION_SOURCE, err);
	if (store == NULL || probe_store(c, store, err) != 0)
		return -1;
	c->probe_stands = true;
	snprintf(c->detail, sizeof(c->detail), "%s: written, read, listed",
	    store->url);
	return 0;
}

int
check_dr_store(struct checking *c, struct err *err)
{
	struct job_state state;
	struct store *store;

	if (settings_str(c->settings, OPT_DR_STORE) == NULL)
		return check_skip(c, "not set");
	if (lacks_token(c, REGION_DR))
		return check_skip(c, CHECK_NO_TOKEN);
	store = agent_store(c->agent, REGION_DR, err);
	if (store == NULL || probe_store(c, store, err) != 0 ||
	    remove_probe(c, store, err) != 0 ||
	    job_state_read(store, &c->scope, c->job, &state, err) != 0)
		return -1;
	snprintf(c->detail, sizeof(c->detail),
	    "%s: written, read, listed, removed; epoch %" PRId64 "%s",
	    store->url, state.epoch, state.promoted ? ", PROMOTED" : "");
	job_state_release(&state);
	return 0;
}

static int
copy_probe(struct checking *c, struct store *from, struct store *to,
    const struct snapshot_env *env, struct err *err)
{
	const struct ladder l = {
	    .from = from,
	    .to = to,
	    .budget = env->budget,
	    .first = RUNG_BLOCKS, /* as a dump is copied */
	};
	struct blob_props props;
	const struct ladder_job job = {
	    .src_name = c->probe,
	    .dst_name = c->probe,
	    .src = &props,
	};
	struct ladder_result result;

	if (from->ops->stat(from, &c->scope, c->probe, &props, err) != 0 ||
	    ladder_copy(&l, &job, &c->scope, &result, err) != 0 ||
	    remove_probe(c, to, err) != 0)
		return -1;
	if (result.rung != RUNG_STREAM)
		snprintf(c->detail, sizeof(c->detail),
		    "the service copies by itself");
	else
		snprintf(c->detail, sizeof(c->detail),
		    "bytes go through this host: %s", result.why);
	return 0;
}

int
check_copy(struct checking *c, struct err *err)
{
	const struct snapshot_env *env;
	struct store *from, *to;
	int rc;

	if (!c->probe_stands)
		return check_skip(c, "there is nothing to copy");
	from = agent_store(c->agent, REGION_SOURCE, err);
	if (from == NULL)
		return -1;
	if (settings_str(c->settings, OPT_DR_STORE) == NULL ||
	    lacks_token(c, REGION_DR)) {
		rc = remove_probe(c, from, err);
		return rc == 0 ? check_skip(c, "see DR store") : -1;
	}
	to = agent_store(c->agent, REGION_DR, err);
	env = to != NULL ? agent_env(c->agent, err) : NULL;
	if (env == NULL)
		return -1;
	if (copy_probe(c, from, to, env, err) != 0) {
		struct err ignored = {0};

		remove_probe(c, from, &ignored);
		return -1;
	}
	return remove_probe(c, from, err);
}
