#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/scope.h"
#include "base/xalloc.h"

#include "rdb/scan_quota.h"

/* What was not used up in a pause that long is not made up for. */
#define PAUSE_MS 1000

struct scan_quota {
	pthread_mutex_t lock;
	uint64_t keys_per_second;
	bool begun;
	int64_t from_ms;
	uint64_t taken; /* since then */
};

struct scan_quota *
scan_quota_new(uint64_t keys_per_second)
{
	struct scan_quota *q = xcalloc(1, sizeof(*q));

	q->keys_per_second = keys_per_second;
	pthread_mutex_init(&q->lock, NULL);
	return q;
}

void
scan_quota_free(struct scan_quota *q)
{
	if (q == NULL)
		return;
	pthread_mutex_destroy(&q->lock);
	free(q);
}

static int64_t
due_ms(const struct scan_quota *q)
{
	return q->from_ms + (int64_t)(q->taken * 1000 / q->keys_per_second);
}

/* Under the lock. */
static void
begin(struct scan_quota *q, int64_t now_ms)
{
	if (q->begun && due_ms(q) >= now_ms - PAUSE_MS)
		return;
	q->begun = true;
	q->from_ms = now_ms;
	q->taken = 0;
}

void
scan_quota_take(struct scan_quota *q, const struct scope *scope, size_t keys)
{
	if (q->keys_per_second == 0)
		return;
	pthread_mutex_lock(&q->lock);
	begin(q, scope_mono_ms(scope));
	q->taken += keys;
	pthread_mutex_unlock(&q->lock);
}

int
scan_quota_wait(
    struct scan_quota *q, const struct scope *scope, struct err *err)
{
	int64_t now_ms = scope_mono_ms(scope), due;

	if (q->keys_per_second == 0)
		return 0;
	pthread_mutex_lock(&q->lock);
	begin(q, now_ms);
	due = due_ms(q);
	pthread_mutex_unlock(&q->lock);
	return due > now_ms ? scope_sleep(scope, due - now_ms, err) : 0;
}
