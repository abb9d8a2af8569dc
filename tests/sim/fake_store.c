#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/scope.h"
#include "base/xalloc.h"
#include "storage/blob_name.h"

#include "tests/sim/fake_store_private.h"

struct fake_store *
fake_of(struct store *s)
{
	return (struct fake_store *)s;
}

/* Which failure was planned for a call; NULL: none. */
static const struct fake_failure *
planned(const struct fake_store *f, const struct fake_call *c)
{
	for (unsigned i = 0; i < f->nfailures; i++) {
		const struct fake_failure *p = &f->failures[i];
		unsigned nth = p->op == FAKE_ANY ? c->nth_any : c->nth;

		if ((p->op == c->op || p->op == FAKE_ANY) &&
		    (p->nth == 0 || p->nth == nth))
			return p;
	}
	return NULL;
}

static int
fail(const struct fake_failure *p, struct err *err)
{
	return err_set(err, p->kind, "injected fault");
}

/* The lock is given up while the watch runs. */
static int
tell_watch(struct fake_store *f, const struct fake_call *c, struct err *err)
{
	int rc;

	if (f->watch == NULL)
		return 0;
	monitor_unlock(&f->mon);
	rc = f->watch(f->watch_arg, &f->base, c, err);
	monitor_lock(&f->mon);
	return rc;
}

int
fake_begin(struct store *s, enum fake_op op, const struct scope *scope,
    const char *blob, struct err *err)
{
	struct fake_store *f = fake_of(s);
	struct fake_call c = {.op = op, .blob = blob};
	const struct fake_failure *p;
	int rc = scope_check(scope, err);

	if (rc == 0 && blob != NULL)
		rc = blob_name_check(blob, err);
	monitor_lock(&f->mon);
	f->wall_ms = scope_wall_ms(scope);
	c.nth = ++f->calls[op];
	if (op != FAKE_PUT_BEGIN)
		++f->calls[FAKE_ANY];
	c.nth_any = f->calls[FAKE_ANY];
	if (rc == 0)
		rc = tell_watch(f, &c, err);
	p = planned(f, &c);
	if (rc == 0 && p != NULL && p->how == FAKE_REFUSED)
		rc = fail(p, err);
	if (rc != 0)
		monitor_unlock(&f->mon);
	return rc;
}

int
fake_end(
    struct store *s, enum fake_op op, const char *blob, int rc, struct err *err)
{
	struct fake_store *f = fake_of(s);
	struct fake_call c = {
	    .op = op,
	    .blob = blob,
	    .nth = f->calls[op],
	    .nth_any = f->calls[FAKE_ANY],
	    .done = true,
	};
	const struct fake_failure *p = planned(f, &c);

	if (rc == 0)
		rc = tell_watch(f, &c, err);
	if (rc == 0 && p != NULL && p->how == FAKE_LOST)
		rc = fail(p, err);
	monitor_unlock(&f->mon);
	return rc;
}

/* Where it is, or belongs. */
static size_t
place(const struct fake_store *f, const char *name)
{
	size_t lo = 0, hi = f->nblobs;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (blob_name_compare(f->blobs[mid]->name, name) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

struct fake_blob *
fake_find(struct fake_store *f, const char *name)
{
	size_t i = place(f, name);

	if (i < f->nblobs && strcmp(f->blobs[i]->name, name) == 0)
		return f->blobs[i];
	return NULL;
}

struct fake_blob *
fake_make(struct fake_store *f, const char *name)
{
	struct fake_blob *b = fake_find(f, name);
	size_t i;

	if (b != NULL)
		return b;
	if (f->nblobs == f->alloc) {
		f->alloc = f->alloc != 0 ? 2 * f->alloc : 64;
		f->blobs = xreallocarray(f->blobs, f->alloc, sizeof(*f->blobs));
	}
	b = xcalloc(1, sizeof(*b));
	b->name = xstrdup(name);
	i = place(f, name);
	memmove(&f->blobs[i + 1], &f->blobs[i],
	    (f->nblobs - i) * sizeof(*f->blobs));
	f->blobs[i] = b;
	f->nblobs++;
	return b;
}

struct fake_blob *
fake_there(struct fake_store *f, const char *name, struct err *err)
{
	struct fake_blob *b = fake_find(f, name);

	if (b != NULL && b->now != NULL)
		return b;
	err_set(err, ERR_MISSING, "'%.200s' is not there", name);
	return NULL;
}

int
fake_may_write(struct fake_store *f, const char *name,
    const struct store_cond *cond, struct err *err)
{
	struct fake_blob *b = fake_find(f, name);
	const struct fake_state *now = b != NULL ? b->now : NULL;

	if (f->no_container)
		return err_set(err, ERR_SERVER, "ContainerNotFound");
	if (now != NULL && now->is_pending)
		return err_set(err, ERR_LOCKED, "a copy into it is pending");
	if (now != NULL && now->traits.is_leased)
		return err_set(err, ERR_CONFLICT, "another holds the lease");
	if (now != NULL && now->traits.is_held)
		return err_set(err, ERR_SERVER, "a legal hold protects it");
	if (cond == NULL)
		return 0;
	if (cond->if_absent && now != NULL)
		return err_set(err, ERR_CONFLICT, "it is there already");
	if (cond->if_match != NULL &&
	    (now == NULL || strcmp(cond->if_match, now->props.etag) != 0))
		return err_set(err, ERR_CONFLICT, "it is another by now");
	return 0;
}

void
fake_touch(struct fake_store *f, struct fake_state *st)
{
	/* Of all stores, so that no two blobs ever share one. */
	static atomic_uint given;

	f->etags++;
	snprintf(st->props.etag, sizeof(st->props.etag), "\"0x%X\"",
	    atomic_fetch_add(&given, 1) + 0x8D0);
	st->props.modified_ms = f->wall_ms / 1000 * 1000;
}

struct fake_blob *
fake_replace(struct fake_store *f, const char *name, struct fake_state *take)
{
	struct fake_blob *b = fake_make(f, name);

	fake_state_free(b->now);
	b->now = take;
	fake_touch(f, take);
	return b;
}

struct fake_snapshot *
fake_snapshot_find(struct fake_blob *b, const char *id)
{
	struct fake_snapshot *sn = b->snapshots;

	while (sn != NULL && strcmp(sn->id, id) != 0)
		sn = sn->next;
	return sn;
}

static void
blob_free(struct fake_blob *b)
{
	struct fake_snapshot *sn;
	struct fake_block *bl;

	while ((sn = b->snapshots) != NULL) {
		b->snapshots = sn->next;
		fake_state_free(sn->state);
		free(sn);
	}
	while ((bl = b->blocks) != NULL) {
		b->blocks = bl->next;
		free(bl->data);
		free(bl);
	}
	fake_state_free(b->now);
	fake_state_free(b->gone);
	fake_state_free(b->coming);
	free(b->name);
	free(b);
}

static void
fake_free(struct store *s)
{
	struct fake_store *f = fake_of(s);

	fake_putter_stop(f);
	for (size_t i = 0; i < f->nblobs; i++)
		blob_free(f->blobs[i]);
	free(f->blobs);
	free(f->swap[0]);
	free(f->swap[1]);
	monitor_release(&f->mon);
	free(f->base.url);
	free(f);
}

struct store *
fake_store_new(const char *name, unsigned without)
{
	struct fake_store *f = xcalloc(1, sizeof(*f));
	size_t room = strlen(name) + 16;

	f->ops = fake_ops;
	f->ops.free = fake_free;
	f->ops.caps &= ~without;
	if ((f->ops.caps & STORE_CAP_COPY_FROM_URL) == 0)
		f->ops.copy = NULL;
	if ((f->ops.caps & STORE_CAP_GRANT) == 0)
		f->ops.grant = NULL;
	if ((f->ops.caps & STORE_CAP_TRAITS) == 0)
		f->ops.traits = NULL;
	if ((f->ops.caps & STORE_CAP_UNDO) == 0)
		f->ops.undo = NULL;
	if ((f->ops.caps & STORE_CAP_KINDS) == 0)
		f->ops.kinds = NULL;
	f->base.ops = &f->ops;
	f->base.url = xmalloc(room);
	snprintf(f->base.url, room, "fake://%s", name);
	f->copy_end = COPY_SUCCESS;
	f->wall_ms = clock_system.wall_ms(&clock_system);
	monitor_init(&f->mon);
	return &f->base;
}

void
fake_store_fail(struct store *s, enum fake_op op, unsigned nth,
    enum err_kind kind, enum fake_how how)
{
	struct fake_store *f = fake_of(s);

	assert(f->nfailures < FAKE_FAILURES_MAX);
	f->failures[f->nfailures++] = (struct fake_failure){
	    .op = op, .nth = nth, .kind = kind, .how = how};
}

void
fake_store_watch(struct store *s,
    int (*watch)(
	void *arg, struct store *, const struct fake_call *, struct err *),
    void *arg)
{
	struct fake_store *f = fake_of(s);

	f->watch = watch;
	f->watch_arg = arg;
}

unsigned
fake_store_calls(struct store *s, enum fake_op op)
{
	struct fake_store *f = fake_of(s);
	unsigned n;

	monitor_lock(&f->mon);
	n = f->calls[op];
	monitor_unlock(&f->mon);
	return n;
}

void
fake_store_calm(struct store *s)
{
	struct fake_store *f = fake_of(s);

	monitor_lock(&f->mon);
	memset(f->calls, 0, sizeof(f->calls));
	f->nfailures = 0;
	f->watch = NULL;
	monitor_unlock(&f->mon);
}

void
fake_store_copies(struct store *s, unsigned polls, enum copy_state end)
{
	fake_of(s)->copy_polls = polls;
	fake_of(s)->copy_end = end;
}

void
fake_store_wall(struct store *s, bool up)
{
	struct fake_store *f = fake_of(s);

	monitor_lock(&f->mon);
	f->wall = up;
	monitor_unlock(&f->mon);
}

void
fake_store_hide_tags(struct store *s)
{
	fake_of(s)->tags_hidden = true;
}

void
fake_store_grants_last(struct store *s, int64_t ms)
{
	fake_of(s)->grants_last_ms = ms;
}

void
fake_store_soft_delete(struct store *s, int days)
{
	fake_of(s)->soft_days = days;
}

void
fake_store_misorder(struct store *s, const char *a, const char *b)
{
	struct fake_store *f = fake_of(s);

	free(f->swap[0]);
	free(f->swap[1]);
	f->swap[0] = xstrdup(a);
	f->swap[1] = xstrdup(b);
}
