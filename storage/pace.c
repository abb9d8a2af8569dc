#include <math.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/monitor.h"
#include "base/scope.h"
#include "base/xalloc.h"
#include "storage/climb.h"

#include "storage/pace.h"

#define LEAST_DEFAULT 4
#define MOST_DEFAULT  256

/* What a wait that lasted too long may make up for. */
#define LATE_MS 50

/* Asked again after so long, whatever the debt. */
#define WAIT_MAX_MS ((int64_t)3600 * 1000)

/* So many a second, one after the other. */
struct turnstile {
	uint64_t a_second; /* 0: as many as like */
	double next_ms;	   /* when it opens; of mono_ms */
};

struct pace {
	struct scope scope;
	struct monitor mon; /* guards what follows */
	struct climb climb;
	unsigned under_way;
	struct turnstile requests, bytes;
};

struct pace *
pace_new(const struct scope *scope, const struct pace_opts *opts)
{
	static const struct pace_opts defaults;
	struct pace *p = xcalloc(1, sizeof(*p));

	if (opts == NULL)
		opts = &defaults;
	p->scope = *scope;
	monitor_init(&p->mon);
	climb_init(&p->climb, opts->least ? opts->least : LEAST_DEFAULT,
	    opts->most ? opts->most : MOST_DEFAULT);
	p->requests.a_second = opts->requests_a_second;
	p->bytes.a_second = opts->bytes_a_second;
	return p;
}

void
pace_free(struct pace *p)
{
	if (p == NULL)
		return;
	monitor_release(&p->mon);
	free(p);
}

/* How long until it opens. */
static double
shut_ms(const struct turnstile *t, int64_t now_ms)
{
	if (t->a_second == 0 || t->next_ms <= (double)now_ms)
		return 0;
	return t->next_ms - (double)now_ms;
}

static void
pass(struct turnstile *t, uint64_t n, int64_t now_ms)
{
	if (t->a_second == 0)
		return;
	if (t->next_ms < (double)(now_ms - LATE_MS))
		t->next_ms = (double)(now_ms - LATE_MS);
	t->next_ms += (double)n * 1000 / (double)t->a_second;
}

static int64_t
wait_of(const struct pace *p, int64_t now_ms)
{
	double ms = fmax(
	    shut_ms(&p->requests, now_ms), shut_ms(&p->bytes, now_ms));

	return ms < (double)WAIT_MAX_MS ? (int64_t)ceil(ms) : WAIT_MAX_MS;
}

/* The lock is held.  0: it began; else as pace_try()'s wait_ms. */
static int64_t
try_locked(struct pace *p, unsigned requests, uint64_t bytes)
{
	int64_t now_ms, wait_ms;

	if (p->under_way >= p->climb.limit)
		return -1;
	now_ms = scope_mono_ms(&p->scope);
	wait_ms = wait_of(p, now_ms);
	if (wait_ms > 0)
		return wait_ms;
	pass(&p->requests, requests, now_ms);
	pass(&p->bytes, bytes, now_ms);
	climb_began(&p->climb, ++p->under_way);
	return 0;
}

bool
pace_try(struct pace *p, unsigned requests, uint64_t bytes, int64_t *wait_ms)
{
	monitor_lock(&p->mon);
	*wait_ms = try_locked(p, requests, bytes);
	monitor_unlock(&p->mon);
	return *wait_ms == 0;
}

int
pace_begin(struct pace *p, unsigned requests, uint64_t bytes, struct err *err)
{
	int rc = scope_check(&p->scope, err);

	monitor_lock(&p->mon);
	while (rc == 0) {
		int64_t wait_ms = try_locked(p, requests, bytes);

		if (wait_ms == 0)
			break;
		if (wait_ms < 0) {
			rc = monitor_wait(&p->mon, &p->scope, err);
			continue;
		}
		monitor_unlock(&p->mon);
		rc = scope_sleep(&p->scope, wait_ms, err);
		monitor_lock(&p->mon);
	}
	monitor_unlock(&p->mon);
	return rc;
}

void
pace_end(struct pace *p, bool busy)
{
	monitor_lock(&p->mon);
	p->under_way--;
	climb_ended(&p->climb, p->under_way, busy, scope_mono_ms(&p->scope));
	monitor_broadcast(&p->mon);
	monitor_unlock(&p->mon);
}

unsigned
pace_limit(const struct pace *p)
{
	struct pace *lockable = (struct pace *)p;
	unsigned limit;

	monitor_lock(&lockable->mon);
	limit = p->climb.limit;
	monitor_unlock(&lockable->mon);
	return limit;
}
