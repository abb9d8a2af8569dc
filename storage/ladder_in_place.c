#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/retry.h"
#include "base/xalloc.h"

#include "storage/ladder_private.h"

#define STEP_MIN    ((uint64_t)4 << 20) /* a page write's limit */
#define STEP_MAX    ((uint64_t)100 << 20)
#define APPENDS_MAX 50000

/* An append blob has room for so many, each of at most STEP_MAX. */
uint64_t
ladder_in_place_step(const struct climb *c)
{
	uint64_t least = c->job->src->size / APPENDS_MAX + 1;

	if (c->job->src->type == BLOB_PAGE || least <= STEP_MIN)
		return STEP_MIN;
	return least < STEP_MAX ? least : STEP_MAX;
}

/* A snapshot's holes are not told, and the whole is right too. */
int
ladder_in_place_ranges(
    struct climb *c, struct blob_range **ranges, size_t *n, struct err *err)
{
	const struct ladder_job *job = c->job;
	struct store *from = c->l->from;

	if (job->src->type == BLOB_PAGE && job->src_snapshot == NULL &&
	    (from->ops->caps & STORE_CAP_KINDS) != 0) {
		COUNT(c);
		return from->ops->kinds->ranges(from, c->scope, job->src_name,
		    job->src->etag, ranges, n, err);
	}
	*ranges = xcalloc(1, sizeof(**ranges));
	(*ranges)->len = job->src->size;
	*n = job->src->size > 0;
	return 0;
}

/* What it is to carry at last. */
static struct blob_traits
final_traits(const struct climb *c)
{
	const char *type = c->job->src->content_type;

	if (c->job->traits != NULL)
		return *c->job->traits;
	return (struct blob_traits){
	    .content_type = type[0] != '\0' ? type : NULL,
	    .sequence_number = -1,
	};
}

static bool
was_created(struct climb *c, const struct ladder_undo *u)
{
	struct store *to = c->l->to;
	struct err ignored = {0};
	struct blob_view view;
	bool ours;

	if (to->ops->traits->look(
		to, c->scope, c->job->dst_name, NULL, 0, &view, &ignored) != 0)
		return false;
	ours = ladder_undo_is_ours(u, &view);
	blob_view_release(&view);
	return ours;
}

static int
create_until_told(struct climb *c, const struct ladder_undo *u,
    const struct commit_opts *opts, struct err *err)
{
	const struct blob_props *src = c->job->src;
	const uint64_t size = src->type == BLOB_PAGE ? src->size : 0;
	struct store *to = c->l->to;
	struct retry r;
	bool asked = false; /* and the answer was lost */

	retry_init(&r, c->scope, NULL);
	for (;;) {
		COUNT(c);
		if (to->ops->kinds->create(to, c->scope, c->job->dst_name,
			src->type, size, opts, NULL, err) == 0)
			return 0;
		asked = asked || err->kind == ERR_TRANSIENT ||
		    err->kind == ERR_UNREACHABLE;
		/* A conflict after a lost answer may be with ourselves. */
		if (asked && was_created(c, u)) {
			*err = (struct err){0};
			return 0;
		}
		if (retry_wait(&r, err) != 0)
			return -1;
		*err = (struct err){0};
	}
}

/* No MD5 and the mark instead of a source, until all is there: else what is
 * half written might be taken for the same as the source. */
static int
create(struct climb *c, const struct ladder_undo *u, struct err *err)
{
	struct blob_traits traits = final_traits(c);
	struct arena arena = {0};
	struct commit_opts opts;
	int rc;

	ladder_commit_opts(c, &opts);
	trait_set(&arena, &traits.metadata, TRAIT_SOURCE_NAME, u->mark);
	opts.traits = &traits;
	rc = create_until_told(c, u, &opts, err);
	arena_release(&arena);
	return rc;
}

static int
look_at_ours(struct climb *c, const struct ladder_undo *u,
    struct blob_props *props, struct err *err)
{
	struct store *to = c->l->to;
	struct blob_view view;
	bool ours;

	COUNT(c);
	if (to->ops->traits->look(
		to, c->scope, c->job->dst_name, NULL, 0, &view, err) != 0)
		return err_in(err, "looking at the copy");
	ours = ladder_undo_is_ours(u, &view);
	*props = view.props;
	blob_view_release(&view);
	if (!ours)
		return err_set(err, ERR_CONFLICT,
		    "'%.200s' was changed by another while it was copied",
		    c->job->dst_name);
	return 0;
}

static int
seal(struct climb *c, struct blob_props *props, struct err *err)
{
	struct store *to = c->l->to;

	COUNT(c);
	return to->ops->kinds->seal(
	    to, c->scope, c->job->dst_name, props->etag, err);
}

/* Only now does it say of itself what it is a copy of. */
static int
finish(struct climb *c, const struct ladder_undo *u, struct err *err)
{
	const struct blob_traits traits = final_traits(c);
	const struct blob_props *src = c->job->src;
	struct blob_props *made = &c->result->props;
	struct store *to = c->l->to;

	if (look_at_ours(c, u, made, err) != 0)
		return -1;
	if (src->type == BLOB_APPEND && traits.is_sealed &&
	    (seal(c, made, err) != 0 || look_at_ours(c, u, made, err) != 0))
		return -1;
	COUNT(c);
	COUNT(c);
	if (to->ops->traits->set(to, c->scope, c->job->dst_name, made->etag,
		TRAIT_HEADERS | TRAIT_METADATA, &traits,
		src->has_md5 ? src->md5 : NULL, made, err) != 0)
		return -1;
	ladder_progress(c, src->size);
	return ladder_verify(c, made, err);
}

int
ladder_in_place(
    struct climb *c, int (*fill)(struct climb *, struct err *), struct err *err)
{
	struct ladder_undo undo;
	int rc;

	if (ladder_undo_begin(&undo, c, err) != 0)
		return -1;
	rc = create(c, &undo, err);
	if (rc == 0)
		rc = fill(c, err);
	if (rc == 0)
		rc = finish(c, &undo, err);
	return ladder_undo_climb(&undo, c, rc, err);
}
