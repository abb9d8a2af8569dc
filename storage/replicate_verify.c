#include <inttypes.h>

#include "base/err.h"
#include "storage/blob_same.h"

#include "storage/replicate_private.h"

/*
 * What the next run would believe it by, the MD5 and the recorded source, is
 * taken away: so it is copied again, and until then the bytes stay for whoever
 * wants to know what became of them.
 */
static void
disown(struct work *w, const struct scope *scope)
{
	struct store *to = w->run->to;
	struct blob_props *props = &w->result.props;
	struct err ignored = {0};

	if (to->ops->traits == NULL)
		return;
	trait_set(&w->arena, &w->traits.metadata, TRAIT_SOURCE_NAME, NULL);
	w->requests += 2;
	to->ops->traits->set(to, scope, w->name, props->etag,
	    TRAIT_HEADERS | TRAIT_METADATA, &w->traits, NULL, props, &ignored);
}

int
work_verify(struct work *w, const struct scope *scope, struct err *err)
{
	const struct run *r = w->run;
	const struct blob_side source = {r->from, w->name, &w->src};
	const struct blob_side copy = {r->to, w->name, &w->result.props};
	bool same;

	if (blob_same(&source, &copy, w->budget, scope, &same, err) != 0)
		return err_in(err, "reading back '%s'", w->name);
	w->verified = true;
	if (same)
		return 0;
	disown(w, scope);
	return err_set(err, ERR_CORRUPT,
	    "the copy of '%s' was read back, and its %" PRIu64
	    " bytes are not the source's: the next run copies it again",
	    w->name, w->src.size);
}
