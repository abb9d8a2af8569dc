#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "storage/blob_ladder.h"
#include "storage/store.h"

#include "agent/snapshot/catalog.h"
#include "agent/snapshot/env.h"
#include "agent/snapshot/manifest.h"
#include "agent/snapshot/progress.h"
#include "agent/snapshot/snapshot_copy.h"
#include "agent/snapshot/snapshot_read.h"

struct copying {
	struct store *from, *to;
	const struct manifest *m;
	const struct scope *scope;
	const struct snapshot_env *env;
	struct snapshot_copy_facts *facts;
	uint64_t done; /* bytes of the parts before */
};

static void
advance(void *arg, uint64_t done, uint64_t total)
{
	struct copying *c = arg;

	(void)total;
	progress_advance(c->env->progress, STEP_COPY, c->done + done,
	    manifest_stored_bytes(c->m));
}

/*
 * The destination's own bytes, against the manifest: what a server copied is
 * only believed once it was read.
 */
static int
prove_copy(struct copying *c, struct err *err)
{
	struct snapshot_read_opts opts = {
	    .step = STEP_VERIFY,
	    .parts_only = true,
	};

	if (snapshot_read(c->to, c->m, c->scope, c->env, &opts, err) != 0)
		return err_in(err, "reading the copy in '%.200s'", c->to->url);
	return 0;
}

static int
copy_part(struct copying *c, const struct manifest_part *p, struct err *err)
{
	/* Large ones: in parallel, told of as they go, and gone on with. */
	const struct ladder l = {
	    .first = RUNG_BLOCKS,
	    .from = c->from,
	    .to = c->to,
	    .in_flight = c->env->in_flight,
	    .budget = c->env->budget,
	};
	char blob[BLOB_NAME_MAX + 1];
	struct blob_props props, old;
	struct ladder_job job = {
	    .src_name = blob,
	    .dst_name = blob,
	    .src = &props,
	    .progress = advance,
	    .progress_arg = c,
	};
	struct ladder_result result;

	catalog_blob(blob, c->m->job, c->m->id, p->name);
	/* A run that ended early may have left one, of unknown worth. */
	if (c->to->ops->stat(c->to, c->scope, blob, &old, err) == 0)
		job.replace_etag = old.etag;
	else if (err->kind != ERR_MISSING)
		return -1;
	if (c->from->ops->stat(c->from, c->scope, blob, &props, err) != 0)
		return -1;
	if (props.size != p->bytes)
		return err_set(err, ERR_CORRUPT,
		    "'%s' has not the size that its manifest says", blob);
	if (ladder_copy(&l, &job, c->scope, &result, err) != 0)
		return -1;
	c->done += p->bytes;
	c->facts->bytes += p->bytes;
	if (result.rung == RUNG_STREAM && !c->facts->streamed) {
		c->facts->streamed = true;
		snprintf(
		    c->facts->why, sizeof(c->facts->why), "%s", result.why);
	}
	return 0;
}

static int
get_manifest(
    struct store *store, struct copying *c, struct buf *text, struct err *err)
{
	char blob[BLOB_NAME_MAX + 1];

	catalog_blob(blob, c->m->job, c->m->id, MANIFEST_NAME);
	return store_get(
	    store, c->scope, blob, MANIFEST_BYTES_MAX, text, NULL, err);
}

/* As it is once it was written and read. */
static char *
canonical(const struct manifest *m)
{
	cJSON *doc = manifest_format(m);
	char *text = json_format_line(doc);

	cJSON_Delete(doc);
	doc = cJSON_Parse(text);
	free(text);
	text = json_format_line(doc);
	cJSON_Delete(doc);
	return text;
}

/* The bytes that will be written are those of what is proved here. */
static int
check_text(const struct copying *c, const struct buf *text, struct err *err)
{
	struct manifest *m = manifest_parse(text->data, text->len, err);
	char *theirs, *ours;
	int rc = 0;

	if (m == NULL)
		return err_in(err, "at the source");
	theirs = canonical(m);
	ours = canonical(c->m);
	if (strcmp(theirs, ours) != 0)
		rc = err_set(err, ERR_CORRUPT,
		    "the manifest at the source changed since it was read");
	free(theirs);
	free(ours);
	manifest_free(m);
	return rc;
}

static int
there_already(
    struct copying *c, const struct buf *text, bool *there, struct err *err)
{
	struct buf other;
	int rc;

	buf_init(&other, MANIFEST_BYTES_MAX);
	rc = get_manifest(c->to, c, &other, err);
	*there = rc == 0;
	if (rc != 0 && err->kind == ERR_MISSING)
		rc = 0;
	else if (rc == 0 &&
	    (other.len != text->len ||
		memcmp(other.data, text->data, text->len) != 0))
		rc = err_set(err, ERR_CORRUPT,
		    "the manifest that is there already is not the source's");
	buf_release(&other);
	return rc;
}

/*
 * Byte for byte, so that a signature goes along, and what a later version
 * wrote.  No manifest is ever written from one that was read: that would lose
 * the fields below the top that this version does not know.
 */
static int
put_manifest(struct copying *c, const struct buf *text, struct err *err)
{
	struct commit_opts opts = {
	    .cond = {.if_absent = true},
	    .content_type = "application/json",
	};
	char blob[BLOB_NAME_MAX + 1];

	catalog_blob(blob, c->m->job, c->m->id, MANIFEST_NAME);
	return store_put(
	    c->to, c->scope, blob, text->data, text->len, &opts, NULL, err);
}

static int
copy_all(struct copying *c, struct err *err)
{
	struct buf text;
	bool there;
	int rc = -1;

	buf_init(&text, MANIFEST_BYTES_MAX);
	if (get_manifest(c->from, c, &text, err) != 0 ||
	    check_text(c, &text, err) != 0 ||
	    there_already(c, &text, &there, err) != 0)
		goto out;
	c->facts->there_already = there;
	for (size_t i = 0; !there && i < c->m->nparts; i++)
		if (copy_part(c, &c->m->parts[i], err) != 0)
			goto out;
	if (prove_copy(c, err) == 0)
		rc = there ? 0 : put_manifest(c, &text, err);
out:
	buf_release(&text);
	return rc;
}

int
snapshot_copy(struct store *from, struct store *to, const struct manifest *m,
    const struct scope *scope, const struct snapshot_env *env,
    struct snapshot_copy_facts *facts, struct err *err)
{
	struct copying c = {
	    .from = from,
	    .to = to,
	    .m = m,
	    .scope = scope,
	    .env = env,
	    .facts = facts,
	};

	memset(facts, 0, sizeof(*facts));
	if (copy_all(&c, err) != 0)
		return err_in(err, "copying snapshot '%s/%s'", m->job, m->id);
	return 0;
}
