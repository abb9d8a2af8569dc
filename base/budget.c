#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/monitor.h"
#include "base/scope.h"
#include "base/xalloc.h"

#include "base/budget.h"

struct budget {
	struct budget *parent;
	size_t size;
	size_t left;
	size_t least;	    /* that was ever left */
	bool closed;	    /* freed, but for what is still charged */
	struct monitor mon; /* guards left, least and closed */
};

struct budget *
budget_new(size_t bytes)
{
	struct budget *b = xcalloc(1, sizeof(*b));

	b->size = bytes;
	b->left = b->least = bytes;
	monitor_init(&b->mon);
	return b;
}

static void
take(struct budget *b, size_t bytes)
{
	b->left -= bytes;
	if (b->left < b->least)
		b->least = b->left;
}

struct budget *
budget_carve(struct budget *parent, size_t bytes, struct err *err)
{
	struct budget *b;
	size_t left;

	monitor_lock(&parent->mon);
	left = parent->left;
	if (bytes <= left)
		take(parent, bytes);
	monitor_unlock(&parent->mon);
	if (bytes > left) {
		err_set(err, ERR_USAGE,
		    "%zu KiB of memory are needed and %zu are left of %zu; "
		    "raise --memory",
		    bytes >> 10, left >> 10, parent->size >> 10);
		return NULL;
	}
	b = budget_new(bytes);
	b->parent = parent;
	return b;
}

static void
destroy(struct budget *b)
{
	if (b->parent != NULL)
		budget_return(b->parent, b->size);
	monitor_release(&b->mon);
	free(b);
}

void
budget_free(struct budget *b)
{
	bool last;

	if (b == NULL)
		return;
	monitor_lock(&b->mon);
	b->closed = true;
	last = b->left == b->size;
	monitor_unlock(&b->mon);
	if (last)
		destroy(b);
}

size_t
budget_size(const struct budget *b)
{
	return b->size;
}

size_t
budget_left(const struct budget *b)
{
	struct monitor *mon = (struct monitor *)&b->mon;
	size_t left;

	monitor_lock(mon);
	left = b->left;
	monitor_unlock(mon);
	return left;
}

size_t
budget_peak(const struct budget *b)
{
	struct monitor *mon = (struct monitor *)&b->mon;
	size_t peak;

	monitor_lock(mon);
	peak = b->size - b->least;
	monitor_unlock(mon);
	return peak;
}

int
budget_charge(
    struct budget *b, size_t bytes, const struct scope *scope, struct err *err)
{
	int rc = 0;

	if (bytes > b->size)
		return err_set(err, ERR_USAGE,
		    "%zu KiB of memory are needed where %zu are allowed; "
		    "raise --memory",
		    bytes >> 10, b->size >> 10);
	monitor_lock(&b->mon);
	while (rc == 0 && b->left < bytes)
		rc = monitor_wait(&b->mon, scope, err);
	if (rc == 0)
		take(b, bytes);
	monitor_unlock(&b->mon);
	return rc;
}

void
budget_return(struct budget *b, size_t bytes)
{
	bool last;

	monitor_lock(&b->mon);
	assert(bytes <= b->size - b->left);
	b->left += bytes;
	last = b->closed && b->left == b->size;
	monitor_broadcast(&b->mon);
	monitor_unlock(&b->mon);
	if (last)
		destroy(b);
}
