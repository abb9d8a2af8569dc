#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/xalloc.h"

#include "tests/sim/named_pages.h"

/* Counts the request, and holds it up. */
static int
enter(struct named_pages *p, const struct scope *scope, unsigned *page,
    struct err *err)
{
	int rc = 0;

	monitor_lock(&p->mon);
	*page = ++p->asked;
	monitor_broadcast(&p->mon);
	while (rc == 0 && p->let < *page)
		rc = monitor_wait(&p->mon, scope, err);
	monitor_unlock(&p->mon);
	if (rc == 0 && *page == p->fail_at)
		return err_set(err, ERR_SERVER, "page refused");
	return rc;
}

static int
list(struct store *s, const struct scope *scope, const struct list_opts *opts,
    const char *marker, struct list_page *page, struct err *err)
{
	struct named_pages *p = (struct named_pages *)s;
	size_t at = marker == NULL ? 0 : (size_t)atoi(marker);
	size_t end = p->page_size == 0 ? at + 1 : at + p->page_size;
	unsigned number;
	char next[24];

	(void)opts;
	*page = (struct list_page){0};
	if (enter(p, scope, &number, err) != 0)
		return -1;
	if (number == p->empty_at)
		end = at;
	if (end > p->n)
		end = p->n;
	page->items = xcalloc(end - at + 1, sizeof(*page->items));
	for (; at < end; at++)
		page->items[page->n++] = (struct list_item){
		    .name = arena_strdup(&page->arena, p->names[at]),
		    .props.size = at,
		};
	/* A marker is never the same twice, but for the one that is stuck. */
	snprintf(next, sizeof(next), "%zu.%u", end, number);
	if (end < p->n)
		page->next = xstrdup(
		    number == p->stuck_at && marker != NULL ? marker : next);
	return 0;
}

static const struct store_ops ops = {
    .scheme = "names",
    .list = list,
};

void
named_pages_init(
    struct named_pages *p, const char *const *names, size_t n, size_t page_size)
{
	*p = (struct named_pages){
	    .base.ops = &ops,
	    .names = names,
	    .n = n,
	    .page_size = page_size,
	    .let = UINT_MAX,
	};
	monitor_init(&p->mon);
}

void
named_pages_release(struct named_pages *p)
{
	monitor_release(&p->mon);
}

void
named_pages_wait(struct named_pages *p, unsigned asked)
{
	monitor_lock(&p->mon);
	while (p->asked < asked)
		monitor_wait(&p->mon, NULL, NULL);
	monitor_unlock(&p->mon);
}

void
named_pages_let(struct named_pages *p, unsigned pages)
{
	monitor_lock(&p->mon);
	p->let = pages;
	monitor_broadcast(&p->mon);
	monitor_unlock(&p->mon);
}
