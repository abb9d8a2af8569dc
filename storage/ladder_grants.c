#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/monitor.h"
#include "base/scope.h"
#include "base/url.h"
#include "base/xalloc.h"

#include "storage/ladder_private.h"

/* Copy Blob reads its source for as long as it takes. */
#define GRANT_MS      (INT64_C(3600) * 1000)
#define COPY_GRANT_MS (24 * GRANT_MS)

struct held {
	struct store_grant grant;
	int64_t renew_ms; /* wall clock: when a quarter of it is left */
	bool fetching;
	unsigned fetched; /* how many fetches have ended */
	struct err err;	  /* of the last; ERR_NONE when it went well */
};

struct ladder_grants {
	struct store *from;
	char *blob;	    /* for this one alone; NULL: for all */
	struct monitor mon; /* guards what follows */
	struct held held[2];
};

struct ladder_grants *
ladder_grants_new(struct store *from)
{
	struct ladder_grants *g = xcalloc(1, sizeof(*g));

	g->from = from;
	monitor_init(&g->mon);
	return g;
}

struct ladder_grants *
ladder_grants_new_for(struct store *from, const char *blob)
{
	struct ladder_grants *g = ladder_grants_new(from);

	g->blob = xstrdup(blob);
	return g;
}

void
ladder_grants_free(struct ladder_grants *g)
{
	if (g == NULL)
		return;
	for (int i = 0; i < 2; i++)
		store_grant_release(&g->held[i].grant);
	monitor_release(&g->mon);
	free(g->blob);
	free(g);
}

static int
fetch(struct ladder_grants *g, const struct scope *scope, bool by_url_alone,
    struct store_grant *grant, struct err *err)
{
	const struct store_grant_ops *ops = g->from->ops->grant;
	int rc;

	if (g->blob != NULL && !by_url_alone)
		rc = ops->read(g->from, scope, g->blob, GRANT_MS, grant, err);
	else
		rc = ops->read_all(g->from, scope,
		    by_url_alone ? COPY_GRANT_MS : GRANT_MS, by_url_alone,
		    grant, err);
	if (rc != 0)
		return err_in(err, "a grant to read '%s'", g->from->url);
	if (grant->expires_ms > scope_wall_ms(scope))
		return 0;
	store_grant_release(grant);
	return err_set(err, ERR_AUTH,
	    "what gives the right to read '%s' has come to its end: renew the "
	    "SAS or the identity's token",
	    g->from->url);
}

/* The lock is held, and given up meanwhile. */
static int
renew(struct ladder_grants *g, const struct scope *scope, bool by_url_alone,
    struct err *err)
{
	struct held *h = &g->held[by_url_alone];
	struct store_grant grant = {0};
	int64_t now_ms;
	int rc;

	h->fetching = true;
	monitor_unlock(&g->mon);
	rc = fetch(g, scope, by_url_alone, &grant, err);
	now_ms = scope_wall_ms(scope);
	monitor_lock(&g->mon);
	h->fetching = false;
	h->fetched++;
	h->err.kind = ERR_NONE;
	if (rc != 0)
		h->err = *err;
	if (rc == 0) {
		store_grant_release(&h->grant);
		h->grant = grant;
		h->renew_ms = grant.expires_ms -
		    (grant.expires_ms - now_ms) / 4;
	}
	monitor_broadcast(&g->mon);
	return rc;
}

/*
 * For another's fetch.  Its failure is ours too, unless it was that one's time
 * that ended.
 */
static int
wait_for_it(struct ladder_grants *g, const struct held *h,
    const struct scope *scope, struct err *err)
{
	unsigned before = h->fetched;

	while (h->fetched == before)
		if (monitor_wait(&g->mon, scope, err) != 0)
			return -1;
	if (h->err.kind == ERR_NONE || h->err.kind == ERR_CANCELLED ||
	    h->err.kind == ERR_UNREACHABLE)
		return 0;
	*err = h->err;
	return -1;
}

static void
copy_of(const struct store_grant *from, struct store_grant *to)
{
	*to = *from;
	to->url = xstrdup(from->url);
	if (from->authorization != NULL)
		to->authorization = xstrdup(from->authorization);
}

int
ladder_grants_get(struct ladder_grants *g, const struct scope *scope,
    bool by_url_alone, struct store_grant *grant, struct err *err)
{
	struct held *h = &g->held[by_url_alone];
	int rc = 0;

	monitor_lock(&g->mon);
	while (rc == 0 &&
	    (h->grant.url == NULL || scope_wall_ms(scope) >= h->renew_ms)) {
		if (h->fetching) {
			rc = wait_for_it(g, h, scope, err);
			continue;
		}
		rc = renew(g, scope, by_url_alone, err);
		if (rc == 0)
			break;
	}
	if (rc == 0)
		copy_of(&h->grant, grant);
	monitor_unlock(&g->mon);
	return rc;
}

int
ladder_grants_blob(struct ladder_grants *g, const struct scope *scope,
    bool by_url_alone, const char *blob, const char *snapshot,
    struct store_grant *grant, struct err *err)
{
	struct buf url;
	int rc;

	if (ladder_grants_get(g, scope, by_url_alone, grant, err) != 0)
		return -1;
	if (g->blob != NULL && !by_url_alone)
		return 0;
	buf_init(&url, URL_MAX);
	rc = store_grant_url(grant, blob, snapshot, &url, err);
	if (rc == 0) {
		explicit_bzero(grant->url, strlen(grant->url));
		free(grant->url);
		grant->url = buf_take(&url);
	} else {
		store_grant_release(grant);
	}
	buf_release(&url);
	return rc;
}
