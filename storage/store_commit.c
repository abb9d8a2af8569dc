#include <stdbool.h>
#include <string.h>

#include "base/err.h"
#include "base/retry.h"
#include "storage/store.h"

#include "storage/store_commit.h"

/* It may have been carried out all the same. */
static bool
ambiguous(const struct err *err)
{
	return err->kind == ERR_TRANSIENT || err->kind == ERR_UNREACHABLE;
}

static bool
is_ours(const struct commit_plan *plan, const struct blob_props *there)
{
	const struct commit_opts *o = plan->opts;
	bool sum_known = o->md5 != NULL && there->has_md5;

	if (there->size != plan->size)
		return false;
	if (sum_known && memcmp(o->md5, there->md5, MD5_BYTES) != 0)
		return false;
	if (o->cond.if_match != NULL)
		return strcmp(o->cond.if_match, there->etag) != 0;
	return o->cond.if_absent || sum_known;
}

bool
store_commit_seen(struct store *s, const struct scope *scope, const char *blob,
    const struct commit_plan *plan, struct blob_props *props)
{
	struct err ignored = {0};

	return s->ops->stat(s, scope, blob, props, &ignored) == 0 &&
	    is_ours(plan, props);
}

int
store_commit(struct store *s, const struct scope *scope, const char *blob,
    const struct commit_plan *plan, struct blob_props *props, struct err *err)
{
	struct blob_props mine;
	struct retry r;
	bool asked = false; /* and the answer was lost */

	if (props == NULL)
		props = &mine;
	retry_init(&r, scope, NULL);
	for (;;) {
		*err = (struct err){0};
		if (s->ops->commit(s, scope, blob, plan->ids, plan->n,
			plan->opts, props, err) == 0)
			return 0;
		asked = asked || ambiguous(err);
		/* A conflict after a lost answer may be with ourselves. */
		if (asked && store_commit_seen(s, scope, blob, plan, props)) {
			*err = (struct err){0};
			return 0;
		}
		if (retry_wait(&r, err) != 0)
			return -1;
	}
}
