#include <stdio.h>

#include "base/err.h"

#include "storage/ladder_private.h"

/* Staged, and never committed: the service drops it by itself. */
#define PROBE_NAME ".drsync-probe"

static int
ask(const struct ladder *l, const struct scope *scope, const char *blob,
    const struct blob_props *src, struct err *err)
{
	static const struct block_id id = {"drsyncdrsyncdrsyncdrsync"};
	struct store_grant grant;
	int rc;

	if (ladder_grants_blob(
		l->grants, scope, false, blob, NULL, &grant, err) != 0)
		return -1;
	rc = l->to->ops->copy->stage_from(
	    l->to, scope, PROBE_NAME, &id, &grant, src->etag, 0, 1, err);
	store_grant_release(&grant);
	return rc;
}

static int
stream_instead(struct ladder *l, const char *why)
{
	l->first = RUNG_STREAM;
	snprintf(l->why_streamed, sizeof(l->why_streamed), "%.*s",
	    (int)sizeof(l->why_streamed) - 1, why);
	return 0;
}

int
ladder_probe(struct ladder *l, const struct scope *scope, const char *blob,
    const struct blob_props *src, struct err *err)
{
	const char *no = ladder_no_server(l);
	int rc;

	if (no != NULL)
		return stream_instead(l, no);
	rc = ask(l, scope, blob, src, err);
	if (rc != 0 && err->kind == ERR_UNSUPPORTED)
		rc = stream_instead(l, err->text);
	/* It was read, and has changed meanwhile, or went: that is no answer
	 * to the question, and no failure. */
	else if (rc != 0 &&
	    (err->kind == ERR_CONFLICT || err->kind == ERR_MISSING))
		rc = 0;
	if (rc != 0)
		return err_in(err, "trying whether '%s' can read '%s'",
		    l->to->url, l->from->url);
	*err = (struct err){0};
	return 0;
}
