#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/http.h"
#include "base/url.h"
#include "base/xalloc.h"
#include "storage/azure_cond.h"
#include "storage/azure_request.h"
#include "storage/azure_xml.h"
#include "storage/store.h"
#include "storage/store_azure.h"

#include "storage/azure_ranges.h"

/* At most so many at once: the service's own limit. */
#define QUERY	   "comp=pagelist&maxresults=10000"
#define ANSWER_MAX ((size_t)8 << 20)

#define RANGE "PageList/PageRange"

struct page_list {
	struct blob_range *list;
	size_t n, alloc;
	uint64_t start, end; /* of the open one, both in it */
	unsigned told;	     /* how much of it */
	char *next;	     /* marker; NULL: the last page */
	bool root;
};

static int
take_number(uint64_t *to, const char *text, struct err *err)
{
	char *end;

	errno = 0;
	*to = strtoull(text, &end, 10);
	if (errno != 0 || *end != '\0' || *text < '0' || *text > '9')
		return err_set(
		    err, ERR_CORRUPT, "'%.40s' is no place in a blob", text);
	return 0;
}

static int
add_range(struct page_list *l, struct err *err)
{
	struct blob_range *last = l->n > 0 ? &l->list[l->n - 1] : NULL;
	uint64_t from = last != NULL ? last->off + last->len : 0;

	if (l->told != 2 || l->start < from || l->end < l->start ||
	    l->end == UINT64_MAX)
		return err_set(
		    err, ERR_CORRUPT, "page ranges that are not in order");
	l->told = 0;
	if (last != NULL && l->start == from) {
		last->len += l->end - l->start + 1;
		return 0;
	}
	if (l->n == AZURE_RANGES_MAX)
		return err_set(err, ERR_UNSUPPORTED,
		    "a page blob of over %zu ranges", AZURE_RANGES_MAX);
	if (l->n == l->alloc) {
		l->alloc = l->alloc > 0 ? 2 * l->alloc : 64;
		l->list = xreallocarray(l->list, l->alloc, sizeof(*l->list));
	}
	l->list[l->n++] = (struct blob_range){l->start, l->end - l->start + 1};
	return 0;
}

static int
on_close(void *arg, const struct azure_xml_place *at, const char *text,
    struct err *err)
{
	struct page_list *l = arg;

	if (strcmp(at->path, "PageList") == 0)
		l->root = true;
	if (strcmp(at->path, RANGE) == 0)
		return add_range(l, err);
	if (strcmp(at->path, RANGE "/Start") == 0) {
		l->told++;
		return take_number(&l->start, text, err);
	}
	if (strcmp(at->path, RANGE "/End") == 0) {
		l->told++;
		return take_number(&l->end, text, err);
	}
	if (strcmp(at->path, "PageList/NextMarker") == 0 && *text != '\0') {
		free(l->next);
		l->next = xstrdup(text);
	}
	return 0;
}

static int
ask(struct azure_request *r, const struct scope *scope, struct page_list *l,
    struct err *err)
{
	const struct azure_xml_reader reader = {.arg = l, .close = on_close};
	struct http_response response;
	int rc;

	r->http.response_max = ANSWER_MAX;
	if (azure_request_do(r, scope, &response, err) != 0)
		return -1;
	l->root = false;
	rc = azure_xml_read(
	    response.body.data, response.body.len, &reader, err);
	if (rc == 0 && !l->root)
		rc = err_set(
		    err, ERR_CORRUPT, "XML that is no list of page ranges");
	http_response_release(&response);
	return rc != 0 ? azure_request_blame(r, err) : 0;
}

/* One page of them, from l->next on. */
static int
page(struct store *s, const struct scope *scope, const char *blob,
    const char *etag, struct page_list *l, struct err *err)
{
	const struct store_cond cond = {.if_match = etag};
	struct azure_request r = {0};
	struct buf query;
	int rc;

	buf_init(&query, (size_t)16 << 10);
	buf_adds(&query, QUERY);
	if (l->next != NULL) {
		buf_adds(&query, "&marker=");
		url_encode(&query, l->next, false);
		free(l->next);
		l->next = NULL;
	}
	rc = buf_check(&query, "a query for page ranges", err);
	if (rc == 0)
		rc = azure_request_init(&r, store_azure_container(s), "GET",
		    "listing the page ranges of", blob, query.data, err);
	if (rc == 0) {
		azure_cond_add(&r.http.headers, &cond);
		rc = ask(&r, scope, l, err);
	}
	azure_request_release(&r);
	buf_release(&query);
	return rc;
}

int
azure_ranges(struct store *s, const struct scope *scope, const char *blob,
    const char *etag, struct blob_range **ranges, size_t *n, struct err *err)
{
	struct page_list l = {0};
	int rc;

	*ranges = NULL;
	*n = 0;
	do
		rc = page(s, scope, blob, etag, &l, err);
	while (rc == 0 && l.next != NULL);
	free(l.next);
	if (rc != 0) {
		free(l.list);
		return -1;
	}
	*ranges = l.list;
	*n = l.n;
	return 0;
}
