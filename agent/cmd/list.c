#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "storage/store.h"

#include "agent/cmd/cmd.h"
#include "agent/cmd/option_sets.h"
#include "agent/cmd/show.h"
#include "agent/cmd/store_arg.h"
#include "agent/cmd/wrap.h"
#include "agent/snapshot/catalog.h"
#include "agent/snapshot/manifest.h"

static const struct cmd_flag flags[] = {
    STORE_ARG_FLAG,
    {NULL, NULL, NULL},
};

static const enum option takes[] = {
    SOURCE_STORE_OPTIONS, DR_STORE_OPTIONS, OPT_TIMEOUT, OPTIONS};

struct listing {
	struct cmd_call *call;
	struct store *store;
	cJSON *doc; /* --json */
	size_t shown;
	bool headed; /* the job that is listed */
	size_t heads;
	struct err damaged; /* the first that was met */
};

/* An export of which nobody told that it is whole. */
static bool
is_seen(const struct manifest *m)
{
	return m->complete != NULL &&
	    strcmp(m->complete, MANIFEST_COMPLETE_TOLD) != 0;
}

/* 80 columns, whatever a snapshot holds. */
#define ROW	   "%-23s  %-20s %11s %10s  %s\n"
#define ROW_COLUMN 25

static void
list_head(struct listing *l, const char *job)
{
	if (l->headed)
		return;
	printf("%sjob %s\n" ROW, l->heads++ > 0 ? "\n" : "", job, "SNAPSHOT",
	    "STANDS FOR", "KEYS", "STORED", "STATE");
	l->headed = true;
}

static void
list_row(const struct manifest *m)
{
	char at[32], keys[32], stored[32];

	printf(ROW, m->id, show_time(m->point_ms, at),
	    m->verified ? show_count(m->total.keys, keys) : "-",
	    show_bytes(manifest_stored_bytes(m), stored),
	    m->verified ? "verified" : "unverified");
	if (is_seen(m))
		printf("%*swhole as far as was seen: its end was not told\n",
		    ROW_COLUMN, "");
	if (m->filter != NULL)
		printf("%*sfiltered: a PART of its source\n", ROW_COLUMN, "");
}

static void
json_row(cJSON *list, const struct manifest *m)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "job", m->job);
	cJSON_AddStringToObject(o, "id", m->id);
	json_add_int(o, "point_ms", m->point_ms);
	json_add_int(o, "keys", (int64_t)m->total.keys);
	json_add_int(o, "raw_bytes", (int64_t)m->raw_bytes);
	json_add_int(o, "stored_bytes", (int64_t)manifest_stored_bytes(m));
	cJSON_AddBoolToObject(o, "verified", m->verified);
	cJSON_AddBoolToObject(o, "filtered", m->filter != NULL);
	if (m->complete != NULL)
		cJSON_AddStringToObject(o, "complete", m->complete);
	cJSON_AddItemToArray(list, o);
}

/* One damaged snapshot does not hide the others; the exit status tells. */
static int
note_damaged(struct listing *l, const char *job, const char *id,
    const struct err *why, struct err *err)
{
	cJSON *o;

	if (why->kind != ERR_CORRUPT && why->kind != ERR_UNSUPPORTED) {
		*err = *why;
		return -1;
	}
	if (l->damaged.kind == ERR_NONE)
		l->damaged = *why;
	if (l->doc == NULL) {
		list_head(l, job);
		printf("%-*sDAMAGED: ", ROW_COLUMN, id);
		wrap_print(stdout, why->text, ROW_COLUMN,
		    ROW_COLUMN + (int)strlen("DAMAGED: "));
		return 0;
	}
	o = cJSON_CreateObject();
	cJSON_AddStringToObject(o, "job", job);
	cJSON_AddStringToObject(o, "id", id);
	cJSON_AddStringToObject(o, "damaged", why->text);
	cJSON_AddItemToArray(l->doc, o);
	return 0;
}

static int
list_job(struct listing *l, const char *job, struct err *err)
{
	const struct scope *scope = l->call->scope;
	struct catalog c;
	struct manifest *m;
	int rc = 0;

	l->headed = false;
	if (catalog_read(l->store, scope, job, &c, err) != 0)
		return -1;
	for (size_t i = c.n; rc == 0 && i-- > 0;) {
		struct err why = {0};

		m = catalog_get(l->store, scope, job, c.ids[i], &why);
		if (m == NULL) {
			rc = note_damaged(l, job, c.ids[i], &why, err);
			continue;
		}
		if (l->doc != NULL) {
			json_row(l->doc, m);
		} else {
			list_head(l, job);
			list_row(m);
		}
		l->shown++;
		manifest_free(m);
	}
	if (rc == 0 && c.broken > 0 && l->doc == NULL)
		fprintf(stderr,
		    "drsync: job '%s': %zu folder%s without a manifest, of "
		    "runs that ended early or are still going on\n",
		    job, c.broken, c.broken == 1 ? "" : "s");
	catalog_release(&c);
	return rc;
}

static int
list_all(struct listing *l, struct err *err)
{
	char **jobs;
	size_t n;
	int rc = 0;

	if (l->call->job_given)
		return list_job(l, l->call->job, err);
	if (catalog_jobs(l->store, l->call->scope, &jobs, &n, err) != 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (rc == 0)
			rc = list_job(l, jobs[i], err);
		free(jobs[i]);
	}
	free(jobs);
	return rc;
}

static int
run(struct cmd_call *c, struct err *err)
{
	struct listing l = {.call = c};
	cJSON *doc = NULL;

	l.store = store_arg(c, err);
	if (l.store == NULL)
		return -1;
	if (c->json) {
		doc = cJSON_CreateObject();
		cJSON_AddStringToObject(doc, "store", l.store->url);
		l.doc = cJSON_AddArrayToObject(doc, "snapshots");
	}
	if (list_all(&l, err) != 0) {
		cJSON_Delete(doc);
		return -1;
	}
	if (c->json)
		show_json(doc);
	else if (l.shown == 0 && l.damaged.kind == ERR_NONE)
		printf("no snapshots in %s\n", l.store->url);
	if (l.damaged.kind == ERR_NONE)
		return 0;
	*err = l.damaged;
	c->told = true;
	return -1;
}

const struct cmd cmd_list = {
    .name = "list",
    .args = "",
    .summary = "the snapshots in a store, newest first",
    .text = "Lists the snapshots of all jobs in a store, or those of --job. "
	    "It reads the store itself and needs no ledger.",
    .flags = flags,
    .options = takes,
    .run = run,
};
