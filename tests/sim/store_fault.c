#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/scope.h"
#include "base/xalloc.h"
#include "storage/store.h"

#include "tests/sim/store_fault.h"

#define FAULTS_MAX 8
#define PASSED_ON  (STORE_CAP_LEASE | STORE_CAP_COPY_FROM_URL | STORE_CAP_GRANT)

struct store_fault {
	struct store base;
	struct store_ops ops;
	struct store_copy_ops copy;
	struct store *inner;
	struct fault faults[FAULTS_MAX];
	unsigned n;
	pthread_mutex_t lock;
	unsigned calls[FAULT_OPS];
};

/* What was planned for the call that is about to begin. */
static struct fault
count(struct store_fault *f, enum fault_op op)
{
	struct fault found = {.how = FAULT_DELAY};
	unsigned nth[FAULT_OPS];

	pthread_mutex_lock(&f->lock);
	f->calls[op]++;
	f->calls[FAULT_ANY]++;
	memcpy(nth, f->calls, sizeof(nth));
	pthread_mutex_unlock(&f->lock);
	for (unsigned i = 0; i < f->n; i++) {
		const struct fault *p = &f->faults[i];

		if ((p->op == op || p->op == FAULT_ANY) &&
		    (p->nth == 0 || p->nth == nth[p->op]))
			found = *p;
	}
	return found;
}

static int
injected(const struct fault *p, struct err *err)
{
	return err_set(err, p->kind, "injected fault");
}

/* 0: carry it out. */
static int
before(const struct fault *p, const struct scope *scope, struct err *err)
{
	if (p->how == FAULT_FAIL)
		return injected(p, err);
	if (p->delay_ms > 0)
		return scope_sleep(scope, p->delay_ms, err);
	return 0;
}

static int
after(const struct fault *p, int rc, struct err *err)
{
	if (rc == 0 && p->how == FAULT_LOSE_ANSWER)
		return injected(p, err);
	return rc;
}

#define INNER(s) (((struct store_fault *)(s))->inner)

/* Count a call, let the fault act, pass the call on. */
#define PASS(s, op, scope, err, call) \
	do { \
		struct fault plan = count((struct store_fault *)(s), op); \
		if (before(&plan, scope, err) != 0) \
			return -1; \
		return after(&plan, call, err); \
	} while (0)

static int
fault_stage(struct store *s, const struct scope *scope, const char *blob,
    const struct block_id *id, struct chunk *const *chunks, size_t n,
    struct err *err)
{
	struct store *in = INNER(s);

	PASS(s, FAULT_STAGE, scope, err,
	    in->ops->stage(in, scope, blob, id, chunks, n, err));
}

static int
fault_commit(struct store *s, const struct scope *scope, const char *blob,
    const struct block_id *ids, size_t n, const struct commit_opts *opts,
    struct blob_props *props, struct err *err)
{
	struct store *in = INNER(s);

	PASS(s, FAULT_COMMIT, scope, err,
	    in->ops->commit(in, scope, blob, ids, n, opts, props, err));
}

static void
fault_discard(
    struct store *s, const char *blob, const struct block_id *ids, size_t n)
{
	struct store_fault *f = (struct store_fault *)s;

	pthread_mutex_lock(&f->lock);
	f->calls[FAULT_DISCARD]++;
	pthread_mutex_unlock(&f->lock);
	f->inner->ops->discard(f->inner, blob, ids, n);
}

static int
fault_stat(struct store *s, const struct scope *scope, const char *blob,
    struct blob_props *props, struct err *err)
{
	struct store *in = INNER(s);

	PASS(s, FAULT_STAT, scope, err,
	    in->ops->stat(in, scope, blob, props, err));
}

static int
fault_read(struct store *s, const struct scope *scope, const char *blob,
    const char *etag, uint64_t off, void *out, size_t len, struct err *err)
{
	struct fault plan = count((struct store_fault *)s, FAULT_READ);
	struct store *in = INNER(s);
	size_t part = plan.how == FAULT_SHORT_READ ? len / 2 : len;

	if (before(&plan, scope, err) != 0 ||
	    in->ops->read(in, scope, blob, etag, off, out, part, err) != 0)
		return -1;
	if (plan.how == FAULT_SHORT_READ)
		return injected(&plan, err);
	if (plan.how == FAULT_FLIP && len > 0)
		((unsigned char *)out)[len / 2] ^= 1;
	return after(&plan, 0, err);
}

static int
fault_list(struct store *s, const struct scope *scope,
    const struct list_opts *opts, const char *marker, struct list_page *page,
    struct err *err)
{
	struct fault plan = count((struct store_fault *)s, FAULT_LIST);
	struct store *in = INNER(s);
	int rc;

	if (before(&plan, scope, err) != 0)
		return -1;
	rc = in->ops->list(in, scope, opts, marker, page, err);
	if (rc == 0 && after(&plan, rc, err) != 0) {
		list_page_release(page);
		return -1;
	}
	return rc;
}

static int
fault_remove(struct store *s, const struct scope *scope, const char *blob,
    const struct store_cond *cond, struct err *err)
{
	struct store *in = INNER(s);

	PASS(s, FAULT_REMOVE, scope, err,
	    in->ops->remove(in, scope, blob, cond, err));
}

static int
fault_acquire(struct store *s, const struct scope *scope, const char *blob,
    int seconds, const char *id, struct err *err)
{
	struct store *in = INNER(s);

	PASS(s, FAULT_ACQUIRE, scope, err,
	    in->ops->lease->acquire(in, scope, blob, seconds, id, err));
}

static int
fault_renew(struct store *s, const struct scope *scope, const char *blob,
    const char *id, struct err *err)
{
	struct store *in = INNER(s);

	PASS(s, FAULT_RENEW, scope, err,
	    in->ops->lease->renew(in, scope, blob, id, err));
}

static int
fault_release(struct store *s, const struct scope *scope, const char *blob,
    const char *id, struct err *err)
{
	struct store *in = INNER(s);

	PASS(s, FAULT_RELEASE, scope, err,
	    in->ops->lease->release(in, scope, blob, id, err));
}

static int
fault_stage_from(struct store *s, const struct scope *scope, const char *blob,
    const struct block_id *id, const struct store_grant *src,
    const char *src_etag, uint64_t off, uint64_t len, struct err *err)
{
	struct store *in = INNER(s);

	PASS(s, FAULT_STAGE_FROM, scope, err,
	    in->ops->copy->stage_from(
		in, scope, blob, id, src, src_etag, off, len, err));
}

static struct put_call *
fault_put_begin(struct store *s, const struct scope *scope,
    const struct put_from *what, void (*ended)(void *arg), void *arg,
    struct err *err)
{
	struct fault plan = count((struct store_fault *)s, FAULT_PUT);
	struct store *in = INNER(s);

	if (before(&plan, scope, err) != 0)
		return NULL;
	return in->ops->copy->put_begin(in, scope, what, ended, arg, err);
}

static int
fault_staged(struct store *s, const struct scope *scope, const char *blob,
    const struct block_id *ids, size_t n, bool *there, struct err *err)
{
	struct store *in = INNER(s);

	PASS(s, FAULT_STAGED, scope, err,
	    in->ops->copy->staged(in, scope, blob, ids, n, there, err));
}

static int
fault_grant(struct store *s, const struct scope *scope, const char *blob,
    int64_t valid_ms, struct store_grant *grant, struct err *err)
{
	struct fault plan = count((struct store_fault *)s, FAULT_GRANT);
	struct store *in = INNER(s);
	int rc;

	if (before(&plan, scope, err) != 0)
		return -1;
	rc = in->ops->grant->read(in, scope, blob, valid_ms, grant, err);
	if (rc == 0 && after(&plan, rc, err) != 0) {
		store_grant_release(grant);
		return -1;
	}
	return rc;
}

static void
fault_free(struct store *s)
{
	struct store_fault *f = (struct store_fault *)s;

	store_free(f->inner);
	pthread_mutex_destroy(&f->lock);
	free(f->base.url);
	free(f);
}

static const struct store_lease_ops fault_lease_ops = {
    .acquire = fault_acquire,
    .renew = fault_renew,
    .release = fault_release,
};

static const struct store_grant_ops fault_grant_ops = {
    .read = fault_grant,
};

struct store *
store_fault_new(struct store *take_inner)
{
	struct store_fault *f = xcalloc(1, sizeof(*f));
	const struct store_ops *in = take_inner->ops;

	f->inner = take_inner;
	pthread_mutex_init(&f->lock, NULL);
	f->ops = (struct store_ops){
	    .scheme = in->scheme,
	    .caps = in->caps & PASSED_ON,
	    .stage = fault_stage,
	    .commit = fault_commit,
	    .discard = fault_discard,
	    .stat = fault_stat,
	    .read = fault_read,
	    .list = fault_list,
	    .remove = fault_remove,
	    .lease = in->lease != NULL ? &fault_lease_ops : NULL,
	    .copy = in->copy != NULL ? &f->copy : NULL,
	    .grant = in->grant != NULL ? &fault_grant_ops : NULL,
	    .free = fault_free,
	};
	if (in->copy != NULL)
		f->copy = (struct store_copy_ops){
		    .put_begin = fault_put_begin,
		    .put_end = in->copy->put_end,
		    .staged = fault_staged,
		    .stage_from = fault_stage_from,
		};
	f->base.ops = &f->ops;
	f->base.url = xstrdup(take_inner->url);
	return &f->base;
}

void
store_fault_add(struct store *s, const struct fault *fault)
{
	struct store_fault *f = (struct store_fault *)s;

	if (f->n < FAULTS_MAX)
		f->faults[f->n++] = *fault;
}

unsigned
store_fault_calls(struct store *s, enum fault_op op)
{
	struct store_fault *f = (struct store_fault *)s;
	unsigned n;

	pthread_mutex_lock(&f->lock);
	n = f->calls[op];
	pthread_mutex_unlock(&f->lock);
	return n;
}
