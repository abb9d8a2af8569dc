/* Copies that the store makes by itself, and grants to read it. */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/chunk.h"
#include "base/scope.h"
#include "base/thread.h"
#include "base/url.h"
#include "base/xalloc.h"

#include "tests/sim/fake_store_private.h"

#define URL_HEAD "http://fake.invalid/"

/* A grant's URL: the store, a slash, the name, and until when. */
static struct fake_store *
parse_url(const char *url, char *name, char **snapshot, int64_t *until_ms)
{
	const char *rest = url + strlen(URL_HEAD), *query = strchr(url, '?');
	uintptr_t at;
	char *until;
	int used = 0;

	if (strncmp(url, URL_HEAD, strlen(URL_HEAD)) != 0 || query == NULL ||
	    sscanf(rest, "%" SCNxPTR "/%n", &at, &used) != 1 || used == 0)
		return NULL;
	snprintf(name, 4 * BLOB_NAME_MAX, "%.*s", (int)(query - rest - used),
	    rest + used);
	if (url_decode(name, &(struct err){0}) != 0)
		return NULL;
	*snapshot = url_query_get(query + 1, "snapshot");
	until = url_query_get(query + 1, "until");
	*until_ms = until != NULL ? strtoll(until, NULL, 10) : 0;
	free(until);
	return (struct fake_store *)at;
}

/* The lock of the source is held. */
static struct fake_state *
fetch_from(struct fake_store *f, const char *name, const char *snapshot,
    const char *etag, struct err *err)
{
	struct fake_blob *b = fake_there(f, name, err);
	struct fake_snapshot *sn;
	const struct fake_state *st;

	if (b == NULL)
		return NULL;
	sn = snapshot != NULL ? fake_snapshot_find(b, snapshot) : NULL;
	st = sn != NULL ? sn->state : b->now;
	if (f->wall || (snapshot != NULL && sn == NULL))
		err_set(err, ERR_UNSUPPORTED, "CannotVerifyCopySource");
	else if (etag != NULL && strcmp(etag, st->props.etag) != 0)
		err_set(err, ERR_CONFLICT, "SourceConditionNotMet");
	else
		return fake_state_copy(st);
	return NULL;
}

struct fake_state *
fake_fetch(const struct scope *scope, const char *url, const char *etag,
    struct err *err)
{
	char *name = xmalloc(4 * BLOB_NAME_MAX), *snapshot = NULL;
	struct fake_state *st = NULL;
	int64_t until_ms;
	struct fake_store *f = parse_url(url, name, &snapshot, &until_ms);

	if (f == NULL) {
		err_set(err, ERR_UNSUPPORTED, "the source cannot be reached");
	} else if (until_ms <= scope_wall_ms(scope)) {
		err_set(err, ERR_AUTH, "the grant to read the source is over");
	} else {
		monitor_lock(&f->mon);
		st = fetch_from(f, name, snapshot, etag, err);
		monitor_unlock(&f->mon);
	}
	free(snapshot);
	free(name);
	return st;
}

/* Our lock is given up meanwhile. */
static struct fake_state *
fetch(struct fake_store *f, const struct scope *scope, const char *url,
    const char *etag, struct err *err)
{
	struct fake_state *st;

	monitor_unlock(&f->mon);
	st = fake_fetch(scope, url, etag, err);
	monitor_lock(&f->mon);
	return st;
}

static int
fake_stage_from(struct store *s, const struct scope *scope, const char *blob,
    const struct block_id *id, const struct store_grant *src,
    const char *src_etag, uint64_t off, uint64_t len, struct err *err)
{
	struct fake_store *f = fake_of(s);
	struct fake_state *st;
	struct chunk *c;
	int rc;

	if (fake_begin(s, FAKE_STAGE_FROM, scope, blob, err) != 0)
		return -1;
	st = fetch(f, scope, src->url, src_etag, err);
	if (st != NULL &&
	    (off > st->props.size || len > st->props.size - off)) {
		err_set(err, ERR_CORRUPT, "InvalidRange");
		fake_state_free(st);
		st = NULL;
	}
	rc = fake_end(s, FAKE_STAGE_FROM, blob, st != NULL ? 0 : -1, err);
	if (st == NULL)
		return -1;
	c = chunk_view(st->data + off, len);
	if (f->ops.stage(s, scope, blob, id, &c, 1, err) != 0)
		rc = -1;
	chunk_unref(c);
	fake_state_free(st);
	return rc;
}

static int
fake_staged(struct store *s, const struct scope *scope, const char *blob,
    const struct block_id *ids, size_t n, bool *there, struct err *err)
{
	struct fake_blob *b;

	if (fake_begin(s, FAKE_STAGED, scope, blob, err) != 0)
		return -1;
	b = fake_find(fake_of(s), blob);
	for (size_t i = 0; b != NULL && i < n; i++)
		for (struct fake_block *bl = b->blocks; bl; bl = bl->next)
			if (strcmp(bl->id.hex, ids[i].hex) == 0)
				there[i] = true;
	return fake_end(s, FAKE_STAGED, blob, 0, err);
}

/* What comes of a Put Blob From URL; ours to free. */
static struct fake_state *
make_put(struct fake_store *f, const struct put_call *c, struct err *err)
{
	const struct store_cond cond = {
	    .if_match = c->if_match, .if_absent = c->if_absent};
	struct fake_state *src = fetch(f, c->scope, c->url, c->etag, err), *st;

	if (src == NULL)
		return NULL;
	st = fake_state_new(BLOB_BLOCK, src->props.size, &c->traits->traits);
	memcpy(st->data, src->data, src->props.size);
	md5(st->data, st->props.size, st->props.md5);
	st->props.has_md5 = true;
	if (src->props.type != BLOB_BLOCK || src->traits.tier == TIER_ARCHIVE)
		err_set(err, ERR_UNSUPPORTED, "no block blob that is read");
	else if (c->has_md5 && memcmp(c->md5, st->props.md5, MD5_BYTES) != 0)
		err_set(err, ERR_TRANSIENT, "Md5Mismatch");
	else if (fake_may_write(f, c->blob, &cond, err) == 0)
		goto out;
	fake_state_free(st);
	st = NULL;
out:
	fake_state_free(src);
	return st;
}

static void
carry_out(struct put_call *c)
{
	struct fake_store *f = c->store;
	struct fake_state *st;

	c->rc = fake_begin(&f->base, FAKE_PUT, c->scope, c->blob, &c->err);
	if (c->rc != 0)
		return;
	st = make_put(f, c, &c->err);
	if (st != NULL) {
		fake_replace(f, c->blob, st);
		c->props = st->props;
	}
	c->rc = fake_end(
	    &f->base, FAKE_PUT, c->blob, st != NULL ? 0 : -1, &c->err);
}

static void *
put_all(void *arg)
{
	struct fake_store *f = arg;

	monitor_lock(&f->mon);
	for (;;) {
		struct put_call *c;

		while (f->first == NULL && !f->stop)
			monitor_wait(&f->mon, NULL, NULL);
		c = f->first;
		if (c == NULL)
			break;
		f->first = c->next;
		monitor_unlock(&f->mon);
		carry_out(c);
		c->ended(c->arg);
		monitor_lock(&f->mon);
	}
	monitor_unlock(&f->mon);
	return NULL;
}

void
fake_putter_stop(struct fake_store *f)
{
	if (!f->has_putter)
		return;
	monitor_lock(&f->mon);
	f->stop = true;
	monitor_broadcast(&f->mon);
	monitor_unlock(&f->mon);
	pthread_join(f->putter, NULL);
}

static struct put_call *
put_call_new(struct fake_store *f, const struct scope *scope,
    const struct put_from *what)
{
	struct put_call *c = xcalloc(1, sizeof(*c));

	c->store = f;
	c->scope = scope;
	c->blob = xstrdup(what->blob);
	c->url = xstrdup(what->src_url);
	c->etag = what->src_etag != NULL ? xstrdup(what->src_etag) : NULL;
	c->traits = fake_state_new(BLOB_BLOCK, 0, what->traits);
	if (what->cond.if_match != NULL)
		c->if_match = xstrdup(what->cond.if_match);
	c->if_absent = what->cond.if_absent;
	c->has_md5 = what->src_md5 != NULL;
	if (c->has_md5)
		memcpy(c->md5, what->src_md5, MD5_BYTES);
	return c;
}

static void
put_call_free(struct put_call *c)
{
	fake_state_free(c->traits);
	free(c->if_match);
	free(c->etag);
	free(c->url);
	free(c->blob);
	free(c);
}

static struct put_call *
fake_put_begin(struct store *s, const struct scope *scope,
    const struct put_from *what, void (*ended)(void *arg), void *arg,
    struct err *err)
{
	struct fake_store *f = fake_of(s);
	struct put_call *c = NULL;
	int rc = 0;

	if (fake_begin(s, FAKE_PUT_BEGIN, scope, what->blob, err) != 0)
		return NULL;
	if (!f->has_putter)
		rc = thread_start(&f->putter, "fake-put", put_all, f, err);
	if (rc == 0) {
		f->has_putter = true;
		c = put_call_new(f, scope, what);
		c->ended = ended;
		c->arg = arg;
		if (f->first == NULL)
			f->first = c;
		else
			f->last->next = c;
		f->last = c;
		monitor_broadcast(&f->mon);
	}
	monitor_unlock(&f->mon);
	return c;
}

static int
fake_put_end(struct put_call *c, struct blob_props *props, struct err *err)
{
	int rc = c->rc;

	if (rc != 0)
		*err = c->err;
	else if (props != NULL)
		*props = c->props;
	put_call_free(c);
	return rc;
}

/* It has gone on: by a poll, or at once.  The lock is held. */
static void
advance(struct fake_store *f, struct fake_blob *b)
{
	struct fake_state *coming = b->coming;

	if (coming == NULL || b->now == NULL)
		return;
	if (b->polls_left > 0) {
		if (b->polls_left != UINT_MAX)
			b->polls_left--;
		b->job.done = b->job.total / 2;
		return;
	}
	b->coming = NULL;
	b->job.state = f->copy_end;
	b->now->is_pending = false;
	if (f->copy_end == COPY_SUCCESS) {
		b->job.done = b->job.total;
		coming->traits.copy_id = arena_strdup(
		    &coming->arena, b->job.id);
		coming->traits.copy_status = "success";
		fake_replace(f, b->name, coming);
	} else {
		snprintf(
		    b->job.why, sizeof(b->job.why), "500 InternalServerError");
		b->now->traits.copy_status = f->copy_end == COPY_FAILED
		    ? "failed"
		    : "aborted";
		fake_touch(f, b->now);
		fake_state_free(coming);
	}
}

/* An empty blob, of which the service knows what it will be. */
static void
begin_copy(
    struct fake_store *f, const struct put_from *what, struct fake_state *src)
{
	struct fake_state *empty = fake_state_new(
	    src->props.type, 0, what->traits);
	struct fake_blob *b;

	if (what->traits != NULL) {
		struct fake_state *with = fake_state_new(
		    src->props.type, src->props.size, what->traits);

		memcpy(with->data, src->data, src->props.size);
		memcpy(with->props.md5, src->props.md5, MD5_BYTES);
		with->props.has_md5 = src->props.has_md5;
		fake_state_free(src);
		src = with;
	}
	b = fake_replace(f, what->blob, empty);
	memset(&b->job, 0, sizeof(b->job));
	snprintf(b->job.id, sizeof(b->job.id), "copy-%u", f->etags);
	b->job.total = src->props.size;
	empty->is_pending = true;
	empty->traits.copy_id = arena_strdup(&empty->arena, b->job.id);
	empty->traits.copy_status = "pending";
	fake_state_free(b->coming);
	b->coming = src;
	b->polls_left = f->copy_polls;
	if (b->polls_left == 0)
		advance(f, b);
}

static int
fake_start(struct store *s, const struct scope *scope, const char *blob,
    const struct put_from *what, struct copy_job *job, struct err *err)
{
	struct fake_store *f = fake_of(s);
	struct fake_state *src = NULL;
	int rc = -1;

	if (fake_begin(s, FAKE_START, scope, blob, err) != 0)
		return -1;
	if (what->src_authorization != NULL)
		err_set(err, ERR_USAGE, "Copy Blob takes no bearer");
	else
		src = fetch(f, scope, what->src_url, what->src_etag, err);
	if (src != NULL && fake_may_write(f, blob, &what->cond, err) == 0) {
		begin_copy(f, what, src);
		src = NULL;
		*job = fake_find(f, blob)->job;
		job->props = fake_find(f, blob)->now->props;
		rc = 0;
	}
	fake_state_free(src);
	return fake_end(s, FAKE_START, blob, rc, err);
}

static int
fake_poll(struct store *s, const struct scope *scope, const char *blob,
    struct copy_job *job, struct err *err)
{
	struct fake_store *f = fake_of(s);
	struct fake_blob *b;

	if (fake_begin(s, FAKE_POLL, scope, blob, err) != 0)
		return -1;
	b = fake_there(f, blob, err);
	if (b != NULL) {
		advance(f, b);
		*job = b->job;
		job->props = b->now->props;
	}
	return fake_end(s, FAKE_POLL, blob, b != NULL ? 0 : -1, err);
}

static int
fake_abort(struct store *s, const struct scope *scope, const char *blob,
    const char *id, struct err *err)
{
	struct fake_store *f = fake_of(s);
	struct fake_blob *b;

	if (fake_begin(s, FAKE_ABORT, scope, blob, err) != 0)
		return -1;
	b = fake_there(f, blob, err);
	if (b != NULL && b->coming != NULL && strcmp(b->job.id, id) == 0) {
		fake_state_free(b->coming);
		b->coming = NULL;
		b->job.state = COPY_ABORTED;
		b->now->is_pending = false;
		b->now->traits.copy_status = "aborted";
		fake_touch(f, b->now);
	}
	return fake_end(s, FAKE_ABORT, blob, b != NULL ? 0 : -1, err);
}

const struct store_copy_ops fake_copy_ops = {
    .put_begin = fake_put_begin,
    .put_end = fake_put_end,
    .start = fake_start,
    .poll = fake_poll,
    .abort = fake_abort,
    .staged = fake_staged,
    .stage_from = fake_stage_from,
};

static void
make_grant(struct fake_store *f, const struct scope *scope, const char *blob,
    int64_t valid_ms, struct store_grant *g)
{
	struct buf url;

	if (f->grants_last_ms != 0)
		valid_ms = f->grants_last_ms;
	*g = (struct store_grant){
	    .expires_ms = scope_wall_ms(scope) + valid_ms};
	buf_init(&url, URL_MAX);
	buf_addf(&url, URL_HEAD "%" PRIxPTR "/", (uintptr_t)f);
	url_encode(&url, blob, true);
	buf_addf(&url, "?until=%" PRId64 "&sig=secret", g->expires_ms);
	g->url = buf_take(&url);
}

static int
fake_grant_read(struct store *s, const struct scope *scope, const char *blob,
    int64_t valid_ms, struct store_grant *g, struct err *err)
{
	if (fake_begin(s, FAKE_GRANT, scope, blob, err) != 0)
		return -1;
	make_grant(fake_of(s), scope, blob, valid_ms, g);
	if (fake_end(s, FAKE_GRANT, blob, 0, err) == 0)
		return 0;
	store_grant_release(g);
	return -1;
}

/* To be used by all but Copy Blob with a bearer's token, as tokens are. */
static int
fake_grant_all(struct store *s, const struct scope *scope, int64_t valid_ms,
    bool by_url_alone, struct store_grant *g, struct err *err)
{
	if (fake_begin(s, FAKE_GRANT_ALL, scope, NULL, err) != 0)
		return -1;
	make_grant(fake_of(s), scope, "", valid_ms, g);
	if (!by_url_alone)
		g->authorization = xstrdup("Bearer fake");
	if (fake_end(s, FAKE_GRANT_ALL, NULL, 0, err) == 0)
		return 0;
	store_grant_release(g);
	return -1;
}

const struct store_grant_ops fake_grant_ops = {
    .read = fake_grant_read,
    .read_all = fake_grant_all,
};
