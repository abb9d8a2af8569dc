/*
 * One thread fetches the next page while the caller is at this one, and begins
 * with the page after it when the caller has taken that.  So there are three
 * at most: the caller's, the one before, in which the last item told may be,
 * and the one on its way.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cancel.h"
#include "base/err.h"
#include "base/monitor.h"
#include "base/scope.h"
#include "base/thread.h"
#include "base/xalloc.h"
#include "storage/blob_name.h"
#include "storage/store.h"

#include "storage/listing.h"

/* With these one name stands there several times. */
#define LIST_MANY (LIST_SNAPSHOTS | LIST_VERSIONS | LIST_DELETED)

struct listing {
	struct store *store;
	struct list_opts opts;
	struct scope scope;
	struct cancel *cancel; /* of the scope, and below the caller's */
	pthread_t thread;

	struct monitor mon; /* guards the page that is handed over */
	struct list_page ready;
	bool is_ready, is_last, stopped;
	struct err failure; /* in place of a page; ERR_NONE else */

	/* The caller's. */
	struct list_page page, before;
	size_t at;
	bool at_last;
	const char *name; /* told last; NULL: none yet */
	struct err err;	  /* kind is ERR_NONE until it failed */
	struct listing_facts facts;
};

/* False when the caller wants no more. */
static bool
wait_for_room(struct listing *l)
{
	bool goes_on;

	monitor_lock(&l->mon);
	while (l->is_ready && !l->stopped)
		monitor_wait(&l->mon, NULL, NULL);
	goes_on = !l->stopped;
	monitor_unlock(&l->mon);
	return goes_on;
}

static int
fetch(struct listing *l, const char *marker, struct list_page *page,
    struct err *err)
{
	if (l->store->ops->list(
		l->store, &l->scope, &l->opts, marker, page, err) != 0)
		return -1;
	/* Else it would go on so for ever. */
	if (page->next != NULL && marker != NULL &&
	    strcmp(page->next, marker) == 0)
		return err_set(err, ERR_CORRUPT,
		    "the listing's next page is the same again");
	return 0;
}

static void
hand_over(
    struct listing *l, struct list_page *page, bool last, const struct err *err)
{
	monitor_lock(&l->mon);
	l->ready = *page;
	l->failure = *err;
	l->is_last = last;
	l->is_ready = true;
	monitor_broadcast(&l->mon);
	monitor_unlock(&l->mon);
}

static void *
run(void *arg)
{
	struct listing *l = arg;
	char *marker = NULL;
	bool last = false;

	while (!last && wait_for_room(l)) {
		struct list_page page = {0};
		struct err err = {0};

		if (fetch(l, marker, &page, &err) != 0)
			list_page_release(&page);
		free(marker);
		marker = page.next == NULL ? NULL : xstrdup(page.next);
		last = marker == NULL;
		hand_over(l, &page, last, &err);
	}
	free(marker);
	return NULL;
}

struct listing *
listing_new(struct store *store, const struct scope *scope,
    const struct list_opts *opts, struct err *err)
{
	struct listing *l = xcalloc(1, sizeof(*l));

	l->store = store;
	l->opts = *opts;
	l->cancel = cancel_new(scope->cancel);
	l->scope = scope_under(scope, l->cancel);
	l->facts.is_ascending = true;
	monitor_init(&l->mon);
	if (thread_start(&l->thread, "listing", run, l, err) == 0)
		return l;
	monitor_release(&l->mon);
	cancel_free(l->cancel);
	free(l);
	return NULL;
}

void
listing_free(struct listing *l)
{
	if (l == NULL)
		return;
	cancel_trigger(l->cancel);
	monitor_lock(&l->mon);
	l->stopped = true;
	monitor_broadcast(&l->mon);
	monitor_unlock(&l->mon);
	pthread_join(l->thread, NULL);
	list_page_release(&l->ready);
	list_page_release(&l->page);
	list_page_release(&l->before);
	monitor_release(&l->mon);
	cancel_free(l->cancel);
	free(l);
}

/* The page that is handed over, when it is. */
static int
take(struct listing *l, struct list_page *page, struct err *err)
{
	int rc = 0;

	monitor_lock(&l->mon);
	while (rc == 0 && !l->is_ready)
		rc = monitor_wait(&l->mon, &l->scope, err);
	if (rc == 0 && l->failure.kind != ERR_NONE) {
		*err = l->failure;
		rc = -1;
	} else if (rc == 0) {
		*page = l->ready;
		l->ready = (struct list_page){0};
		l->is_ready = false;
		l->at_last = l->is_last;
		monitor_broadcast(&l->mon);
	}
	monitor_unlock(&l->mon);
	return rc;
}

static int
turn_page(struct listing *l)
{
	struct list_page page;

	if (take(l, &page, &l->err) != 0)
		return err_in(&l->err, "page %" PRIu64 " of the listing",
		    l->facts.pages + 1);
	l->facts.pages++;
	if (page.n == 0) { /* which is no end by itself */
		list_page_release(&page);
		return 0;
	}
	list_page_release(&l->before);
	l->before = l->page;
	l->page = page;
	l->at = 0;
	return 0;
}

static void
check_order(struct listing *l, const char *name)
{
	int order = l->name == NULL ? -1 : blob_name_compare(l->name, name);
	bool is_many = (l->opts.with & LIST_MANY) != 0;

	l->name = name;
	if (order < 0 || (order == 0 && is_many) || !l->facts.is_ascending)
		return;
	l->facts.is_ascending = false;
	snprintf(
	    l->facts.out_of_order, sizeof(l->facts.out_of_order), "%s", name);
}

int
listing_next(struct listing *l, const struct list_item **item, struct err *err)
{
	while (l->err.kind == ERR_NONE && l->at == l->page.n) {
		if (l->at_last) {
			l->facts.is_complete = true;
			return 0;
		}
		if (turn_page(l) != 0)
			break;
	}
	if (l->err.kind != ERR_NONE) {
		*err = l->err;
		return -1;
	}
	*item = &l->page.items[l->at++];
	l->facts.names++;
	check_order(l, (*item)->name);
	return 1;
}

void
listing_facts(const struct listing *l, struct listing_facts *facts)
{
	*facts = l->facts;
}
