#include "base/buf.h"
#include "base/err.h"
#include "base/scope.h"
#include "base/url.h"
#include "storage/azure_container.h"
#include "storage/azure_list.h"
#include "storage/azure_request.h"
#include "storage/store.h"
#include "storage/store_azure.h"

#include "storage/azure_page.h"

#define QUERY_MAX ((size_t)16 << 10)

static void
add_include(struct buf *query, unsigned with)
{
	static const struct {
		unsigned with;
		const char *name;
	} parts[] = {
	    {LIST_TRAITS, "metadata,copy"},
	    {LIST_TAGS, "tags"},
	    {LIST_SNAPSHOTS, "snapshots"},
	    {LIST_VERSIONS, "versions"},
	    {LIST_DELETED, "deleted"},
	};
	const char *before = "&include=";

	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		if ((with & parts[i].with) == 0)
			continue;
		buf_addf(query, "%s%s", before, parts[i].name);
		before = ",";
	}
}

static int
format_query(const struct azure_container *c, const struct list_opts *opts,
    const char *marker, struct buf *query, struct err *err)
{
	const char *prefix = opts->prefix != NULL ? opts->prefix : "";
	unsigned size = opts->page_size;

	if (size == 0 || size > AZURE_LIST_ITEMS_MAX)
		size = AZURE_LIST_ITEMS_MAX;
	buf_addf(query, "restype=container&comp=list&maxresults=%u", size);
	if (opts->by_directory)
		buf_adds(query, "&delimiter=%2F");
	add_include(query, opts->with);
	if (*c->prefix != '\0' || *prefix != '\0') {
		buf_adds(query, "&prefix=");
		url_encode(query, c->prefix, false);
		url_encode(query, prefix, false);
	}
	if (marker != NULL) {
		buf_adds(query, "&marker=");
		url_encode(query, marker, false);
	}
	return buf_check(query, "a listing's query", err);
}

static int
parse(const struct azure_container *c, const struct scope *scope, unsigned with,
    const struct buf *body, struct list_page *page, struct err *err)
{
	const struct azure_list_asked asked = {
	    .strip = c->prefix,
	    .with = with,
	    .now_ms = scope_wall_ms(scope),
	};

	if (azure_list_parse(body->data, body->len, &asked, page, err) != 0)
		return err_in(err, "listing '%.200s'", c->shown);
	return 0;
}

static int
ask(struct store *s, const struct scope *scope, const struct list_opts *opts,
    const char *marker, struct list_page *page, struct err *err)
{
	const struct azure_container *c = store_azure_container(s);
	struct http_response response;
	struct azure_request r = {0};
	struct buf query;
	int rc;

	*page = (struct list_page){0};
	buf_init(&query, QUERY_MAX);
	rc = format_query(c, opts, marker, &query, err);
	if (rc == 0)
		rc = azure_request_init(
		    &r, c, "GET", "listing", NULL, query.data, err);
	if (rc == 0) {
		r.http.response_max = AZURE_LIST_BYTES_MAX;
		rc = azure_request_do(&r, scope, &response, err);
	}
	if (rc == 0) {
		rc = parse(c, scope, opts->with, &response.body, page, err);
		http_response_release(&response);
	}
	azure_request_release(&r);
	buf_release(&query);
	return rc;
}

/* By who may not read them, and by accounts that have none. */
static bool
may_be_for_the_tags(const struct err *err)
{
	return err->status == 400 || err->status == 403 || err->status == 409;
}

int
azure_page(struct store *s, const struct scope *scope,
    const struct list_opts *given, const char *marker, struct list_page *page,
    struct err *err)
{
	struct list_opts opts = given != NULL ? *given : (struct list_opts){0};

	if (ask(s, scope, &opts, marker, page, err) == 0)
		return 0;
	if ((opts.with & LIST_TAGS) == 0 || !may_be_for_the_tags(err))
		return -1;
	*err = (struct err){0};
	opts.with &= ~(unsigned)LIST_TAGS;
	opts.with |= LIST_TRAITS; /* to say that tags are not told */
	return ask(s, scope, &opts, marker, page, err);
}
