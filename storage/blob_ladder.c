#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/scope.h"

#include "storage/ladder_private.h"

#define PUT_MAX_DEFAULT ((uint64_t)256 << 20)

/* What is put right after the run's own time has ended takes no longer. */
#define AFTERWARDS_MS (INT64_C(120) * 1000)

const char *
rung_name(enum rung r)
{
	static const char *const names[RUNGS] = {
	    [RUNG_PUT] = "put",
	    [RUNG_BLOCKS] = "blocks",
	    [RUNG_RANGES] = "ranges",
	    [RUNG_COPY] = "copy",
	    [RUNG_STREAM] = "stream",
	};

	return names[r];
}

const char *
ladder_no_server(const struct ladder *l)
{
	if ((l->to->ops->caps & STORE_CAP_COPY_FROM_URL) == 0)
		return "the destination has no server-side copy";
	if ((l->from->ops->caps & STORE_CAP_GRANT) == 0)
		return "the source cannot let another service read it";
	return NULL;
}

static bool
writes_kinds(const struct store *s)
{
	const unsigned needs = STORE_CAP_KINDS | STORE_CAP_TRAITS |
	    STORE_CAP_UNDO;

	return (s->ops->caps & needs) == needs;
}

/* A blob in the archive is for Copy Blob alone, which brings it out. */
static bool
is_for(const struct ladder *l, enum rung r, const struct blob_props *src,
    const struct blob_traits *traits)
{
	const uint64_t most = l->put_max != 0 ? l->put_max : PUT_MAX_DEFAULT;
	bool archived = traits != NULL && traits->tier == TIER_ARCHIVE;
	bool block = src->type == BLOB_BLOCK;

	if (r == RUNG_STREAM)
		return true;
	if (ladder_no_server(l) != NULL)
		return false;
	switch (r) {
	case RUNG_PUT:
		return block && !archived && src->size <= most &&
		    src->size <= PUT_FROM_BYTES_MAX;
	case RUNG_BLOCKS:
		return block && !archived;
	case RUNG_RANGES:
		return !block && writes_kinds(l->to);
	default:
		return (!block || archived || l->first == RUNG_COPY) &&
		    (l->to->ops->caps & STORE_CAP_UNDO) != 0;
	}
}

/* The first from r on that is for it; the last one is for all. */
static enum rung
next_rung(const struct ladder *l, enum rung r, const struct blob_props *src,
    const struct blob_traits *traits)
{
	while (!is_for(l, r, src, traits))
		r++;
	return r;
}

enum rung
ladder_choose(const struct ladder *l, const struct blob_props *src,
    const struct blob_traits *traits)
{
	return next_rung(l, l->first, src, traits);
}

void
ladder_commit_opts(const struct climb *c, struct commit_opts *opts)
{
	const struct blob_props *src = c->job->src;

	*opts = (struct commit_opts){
	    .cond.if_match = c->replace_etag,
	    .cond.if_absent = c->replace_etag == NULL,
	    .traits = c->job->traits,
	};
	if (src->content_type[0] != '\0')
		opts->content_type = src->content_type;
}

void
ladder_put_from(const struct climb *c, const struct store_grant *grant,
    struct put_from *what)
{
	const struct blob_props *src = c->job->src;

	*what = (struct put_from){
	    .blob = c->job->dst_name,
	    .src_url = grant->url,
	    .src_authorization = grant->authorization,
	    .src_etag = src->etag,
	    .src_md5 = src->has_md5 ? src->md5 : NULL,
	    .traits = c->job->traits,
	    .cond.if_match = c->replace_etag,
	    .cond.if_absent = c->replace_etag == NULL,
	};
}

void
ladder_progress(const struct climb *c, uint64_t done)
{
	if (c->job->progress != NULL)
		c->job->progress(c->job->progress_arg, done, c->job->src->size);
}

struct scope
ladder_afterwards(const struct scope *scope)
{
	struct scope root = scope_root(NULL);

	root.clock = scope->clock;
	return scope_within(&root, AFTERWARDS_MS);
}

/*
 * What the last request of all would refuse is refused before terabytes were
 * copied.
 */
static int
check_destination(struct climb *c, struct err *err)
{
	const char *name = c->job->dst_name;
	struct store *to = c->l->to;
	struct blob_props there;

	COUNT(c);
	if (to->ops->stat(to, c->scope, name, &there, err) != 0) {
		if (err->kind != ERR_MISSING)
			return -1;
		*err = (struct err){0};
		if (c->replace_etag == NULL)
			return 0;
		return err_set(err, ERR_CONFLICT,
		    "'%.200s' is no longer there to be replaced", name);
	}
	if (c->replace_etag == NULL)
		return err_set(
		    err, ERR_CONFLICT, "'%.200s' is there already", name);
	if (strcmp(c->replace_etag, there.etag) != 0)
		return err_set(
		    err, ERR_CONFLICT, "'%.200s' was changed by another", name);
	if (there.type != c->job->src->type && writes_kinds(to))
		return err_set(err, ERR_REFUSED,
		    "'%.200s' is a blob of another type there: remove it first",
		    name);
	return 0;
}

/* Said of what is seen there, not of what we believe to have sent. */
int
ladder_verify(struct climb *c, struct blob_props *made, struct err *err)
{
	const struct blob_props *src = c->job->src;
	const char *name = c->job->dst_name;
	struct store *to = c->l->to;
	struct blob_props seen;

	COUNT(c);
	if (to->ops->stat(to, c->scope, name, &seen, err) != 0)
		return err_in(err, "looking at the copy");
	if (strcmp(seen.etag, made->etag) != 0)
		return err_set(err, ERR_CONFLICT,
		    "'%.200s' was changed by another while it was copied",
		    name);
	if (seen.size != src->size)
		return err_set(err, ERR_CORRUPT,
		    "the copy '%.200s' has %" PRIu64
		    " bytes, the source %" PRIu64,
		    name, seen.size, src->size);
	if (seen.has_md5 && src->has_md5 &&
	    memcmp(seen.md5, src->md5, MD5_BYTES) != 0)
		return err_set(err, ERR_CORRUPT,
		    "the copy '%.200s' does not have the source's MD5", name);
	*made = seen;
	return 0;
}

static int
take_rung(struct climb *c, enum rung r, struct err *err)
{
	switch (r) {
	case RUNG_PUT:
		return ladder_put(c, err);
	case RUNG_BLOCKS:
		return ladder_blocks(c, err);
	case RUNG_RANGES:
		return ladder_ranges(c, err);
	case RUNG_COPY:
		return ladder_copy_job(c, err);
	default:
		break;
	}
	if (c->job->src->type != BLOB_BLOCK && writes_kinds(c->l->to))
		return ladder_stream_kind(c, err);
	return ladder_stream(c, err);
}

static void
note_why(struct climb *c, const char *why)
{
	snprintf(c->result->why, sizeof(c->result->why), "%.*s",
	    (int)sizeof(c->result->why) - 1, why);
}

/* Why it begins where it does, if that is not the top. */
static void
note_start(struct climb *c)
{
	const char *no = ladder_no_server(c->l);

	if (no != NULL)
		note_why(c, no);
	else if (c->l->first == RUNG_STREAM)
		note_why(c, c->l->why_streamed);
}

static int
climb(struct climb *c, struct err *err)
{
	const struct ladder_job *job = c->job;
	enum rung r = ladder_choose(c->l, job->src, job->traits);
	bool checked = false;

	note_start(c);
	for (;;) {
		c->result->rung = r;
		/* A put is one request, and refused by the same conditions. */
		if (r != RUNG_PUT && !checked) {
			if (check_destination(c, err) != 0)
				return -1;
			checked = true;
		}
		if (take_rung(c, r, err) == 0)
			return 0;
		if (err->kind != ERR_UNSUPPORTED || r == RUNG_STREAM)
			return -1;
		note_why(c, err->text);
		*err = (struct err){0};
		r = next_rung(c->l, r + 1, job->src, job->traits);
	}
}

int
ladder_copy(const struct ladder *l, const struct ladder_job *job,
    const struct scope *scope, struct ladder_result *result, struct err *err)
{
	struct ladder_grants *own = NULL;
	struct climb c = {
	    .l = l,
	    .job = job,
	    .scope = scope,
	    .grants = l->grants,
	    .result = result,
	    .replace_etag = job->replace_etag,
	};
	int rc;

	*result = (struct ladder_result){.rung = RUNG_PUT};
	atomic_init(&c.requests, 0);
	if (c.grants == NULL)
		c.grants = own = job->src_snapshot != NULL
		    ? ladder_grants_new(l->from)
		    : ladder_grants_new_for(l->from, job->src_name);
	rc = climb(&c, err);
	result->requests = atomic_load(&c.requests);
	ladder_grants_free(own);
	if (rc != 0)
		return err_in(err, "copying '%.200s'", job->src_name);
	return 0;
}
