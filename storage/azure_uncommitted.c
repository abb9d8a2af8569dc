#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/http.h"
#include "base/xalloc.h"
#include "storage/azure_error.h"
#include "storage/azure_request.h"
#include "storage/azure_xml.h"
#include "storage/store.h"
#include "storage/store_azure.h"

#include "storage/azure_uncommitted.h"

#define BLOCKS_KEPT_MAX 100000
#define ANSWER_MAX	((size_t)32 << 20)

/* One of the ids asked for, on its way to its sorted place. */
struct asked {
	const char *hex;
	bool *there;
};

struct search {
	struct asked *sorted;
	size_t n;
	size_t seen;
	bool root;
};

static int
asked_compare(const void *a, const void *b)
{
	const struct asked *x = a, *y = b;

	return strcmp(x->hex, y->hex);
}

static int
on_close(void *arg, const struct azure_xml_place *at, const char *text,
    struct err *err)
{
	const struct asked key = {.hex = text};
	struct search *s = arg;
	struct asked *found;

	if (strcmp(at->path, "BlockList") == 0)
		s->root = true;
	if (strcmp(at->path, "BlockList/UncommittedBlocks/Block/Name") != 0)
		return 0;
	if (++s->seen > BLOCKS_KEPT_MAX)
		return err_set(err, ERR_CORRUPT, "over %d uncommitted blocks",
		    BLOCKS_KEPT_MAX);
	found = bsearch(
	    &key, s->sorted, s->n, sizeof(*s->sorted), asked_compare);
	if (found != NULL)
		*found->there = true;
	return 0;
}

int
azure_uncommitted_parse(const char *xml, size_t len, const struct block_id *ids,
    size_t n, bool *there, struct err *err)
{
	struct search s = {.n = n};
	const struct azure_xml_reader reader = {.arg = &s, .close = on_close};
	int rc;

	s.sorted = xreallocarray(NULL, n + 1, sizeof(*s.sorted));
	for (size_t i = 0; i < n; i++)
		s.sorted[i] = (struct asked){ids[i].hex, &there[i]};
	qsort(s.sorted, n, sizeof(*s.sorted), asked_compare);
	rc = azure_xml_read(xml, len, &reader, err);
	free(s.sorted);
	if (rc == 0 && !s.root)
		rc = err_set(err, ERR_CORRUPT, "XML that is no block list");
	return rc;
}

int
azure_uncommitted(struct store *s, const struct scope *scope, const char *blob,
    const struct block_id *ids, size_t n, bool *there, struct err *err)
{
	struct http_response response;
	struct azure_request r;
	int rc = azure_request_init(&r, store_azure_container(s), "GET",
	    "listing the uncommitted blocks of", blob,
	    "comp=blocklist&blocklisttype=uncommitted", err);

	if (rc == 0) {
		r.http.response_max = ANSWER_MAX;
		rc = azure_request_do(&r, scope, &response, err);
	}
	if (rc == 0) {
		rc = azure_uncommitted_parse(
		    response.body.data, response.body.len, ids, n, there, err);
		http_response_release(&response);
		if (rc != 0)
			azure_request_blame(&r, err);
	} else if (azure_error_is_no_blob(err)) {
		*err = (struct err){0};
		rc = 0;
	}
	azure_request_release(&r);
	return rc;
}
