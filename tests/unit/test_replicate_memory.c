/*
 * A million names on each side take no more memory than a fifth of them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/budget.h"
#include "base/scope.h"
#include "base/xalloc.h"
#include "storage/blob_traits.h"
#include "storage/replicate.h"

#define FEW  200000
#define MANY 1000000
#define PAGE 5000
#define SLACK_KIB \
	32768 /* pages on their way; 40 bytes a name would be as much */

/* Names and no bytes: what is put is forgotten. */
struct names {
	struct store base;
	uint64_t n;
	uint64_t puts;
};

struct put_call {
	unsigned char md5[MD5_BYTES];
};

static void
add_item(struct list_page *page, uint64_t i)
{
	struct list_item *item = &page->items[page->n++];
	struct blob_traits *traits;
	char name[64];

	snprintf(name, sizeof(name), "folder-%03u/some-file-%012u.bin",
	    (unsigned)(i / 10000), (unsigned)i);
	*item = (struct list_item){
	    .name = arena_strdup(&page->arena, name),
	    .props = {.size = 4096, .modified_ms = 1, .has_md5 = true},
	};
	memset(item->props.md5, (int)(i & 0xff), MD5_BYTES);
	strcpy(item->props.etag, "\"0x8DC\"");
	traits = arena_alloc(&page->arena, sizeof(*traits));
	traits->content_type = "text/plain";
	traits->sequence_number = -1;
	traits->is_current_version = true;
	item->traits = traits;
}

static int
list(struct store *s, const struct scope *scope, const struct list_opts *opts,
    const char *marker, struct list_page *page, struct err *err)
{
	uint64_t at = marker != NULL ? strtoull(marker, NULL, 10) : 0;
	uint64_t end = at + PAGE;
	const struct names *names = (const struct names *)s;

	(void)opts;
	if (end > names->n)
		end = names->n;
	page->items = xcalloc(PAGE, sizeof(*page->items));
	page->alloc = PAGE;
	for (uint64_t i = at; i < end; i++)
		add_item(page, i);
	if (end < names->n) {
		char next[32];

		snprintf(next, sizeof(next), "%u", (unsigned)end);
		page->next = xstrdup(next);
	}
	return scope_check(scope, err);
}

/* Answers at once, as the fastest of services. */
static struct put_call *
put_begin(struct store *s, const struct scope *scope,
    const struct put_from *what, void (*ended)(void *), void *arg,
    struct err *err)
{
	struct put_call *call = xcalloc(1, sizeof(*call));

	(void)scope;
	(void)err;
	((struct names *)s)->puts++;
	memcpy(call->md5, what->src_md5, MD5_BYTES);
	ended(arg);
	return call;
}

static int
put_end(struct put_call *call, struct blob_props *props, struct err *err)
{
	(void)err;
	*props = (struct blob_props){.has_md5 = true};
	memcpy(props->md5, call->md5, MD5_BYTES);
	free(call);
	return 0;
}

static int
stage_from(struct store *s, const struct scope *scope, const char *blob,
    const struct block_id *id, const struct store_grant *src,
    const char *src_etag, uint64_t off, uint64_t len, struct err *err)
{
	(void)s;
	(void)scope;
	(void)blob;
	(void)id;
	(void)src;
	(void)src_etag;
	(void)off;
	(void)len;
	(void)err;
	return 0;
}

static int
grant(struct store_grant *out)
{
	*out = (struct store_grant){
	    .url = xstrdup("https://a.example/c"),
	    .expires_ms = INT64_MAX / 2,
	};
	return 0;
}

static int
grant_one(struct store *s, const struct scope *scope, const char *blob,
    int64_t valid_ms, struct store_grant *out, struct err *err)
{
	(void)s;
	(void)scope;
	(void)blob;
	(void)valid_ms;
	(void)err;
	return grant(out);
}

static int
grant_all(struct store *s, const struct scope *scope, int64_t valid_ms,
    bool by_url_alone, struct store_grant *out, struct err *err)
{
	(void)s;
	(void)scope;
	(void)valid_ms;
	(void)by_url_alone;
	(void)err;
	return grant(out);
}

static const struct store_copy_ops copy_ops = {
    .put_begin = put_begin,
    .put_end = put_end,
    .stage_from = stage_from,
};
static const struct store_grant_ops grant_ops = {
    .read = grant_one,
    .read_all = grant_all,
};
static const struct store_ops names_ops = {
    .scheme = "names",
    .caps = STORE_CAP_COPY_FROM_URL | STORE_CAP_GRANT,
    .list = list,
    .copy = &copy_ops,
    .grant = &grant_ops,
};

static long
rss_kib(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	long all, resident;

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%ld %ld", &all, &resident), 2);
	fclose(f);
	return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

static void
see_most(void *arg, const struct replicate_report *report)
{
	long *most = arg, now = rss_kib();

	(void)report;
	if (now > *most)
		*most = now;
}

/* What the sanitizers keep of freed memory would be measured too. */
static void
skip_sanitized(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	skip();
#endif
}

/* The most memory it took, in KiB. */
static long
replicate_names(uint64_t at_source, uint64_t at_copy, bool mirror,
    struct replicate_report *report)
{
	struct names from = {
	    {&names_ops, (char *)"names://home"}, at_source, 0};
	struct names to = {{&names_ops, (char *)"names://dr"}, at_copy, 0};
	struct budget *budget = budget_new(BUDGET_DEFAULT);
	struct scope scope = scope_root(NULL);
	long most = 0;
	const struct replicate_opts opts = {
	    .del.mirror = mirror,
	    .pace.most = 64,
	    .budget = budget,
	    .progress = see_most,
	    .progress_arg = &most,
	};
	struct err err = {0};

	replicate(&from.base, &to.base, &opts, &scope, report, &err);
	see_most(&most, report);
	assert_int_equal(report->source.names, at_source);
	assert_int_equal(report->copy.names, at_copy);
	budget_free(budget);
	return most;
}

static void
assert_does_not_grow(long few, long many)
{
	if (many > few + SLACK_KIB)
		fail_msg(
		    "%ld KiB for %d names, %ld for %d", few, FEW, many, MANY);
}

static void
comparing_a_million_takes_no_more_than_a_few(void **state)
{
	struct replicate_report report;
	long few, many;

	(void)state;
	skip_sanitized();
	few = replicate_names(FEW, FEW, false, &report);
	assert_int_equal(report.same, FEW);
	many = replicate_names(MANY, MANY, false, &report);
	assert_int_equal(report.same, MANY);
	assert_does_not_grow(few, many);
}

static void
copying_a_million_takes_no_more_than_a_few(void **state)
{
	struct replicate_report report;
	long few, many;

	(void)state;
	skip_sanitized();
	few = replicate_names(FEW, 0, false, &report);
	assert_int_equal(report.copied[RUNG_PUT], FEW);
	many = replicate_names(MANY, 0, false, &report);
	assert_int_equal(report.copied[RUNG_PUT], MANY);
	assert_does_not_grow(few, many);
}

static void
missing_a_million_takes_no_more_than_a_few(void **state)
{
	struct replicate_report report;
	long few, many;

	(void)state;
	skip_sanitized();
	few = replicate_names(0, FEW, true, &report);
	assert_int_equal(report.missing, FEW);
	many = replicate_names(0, MANY, true, &report);
	assert_int_equal(report.missing, MANY);
	assert_int_equal(report.deleted, 0);
	assert_does_not_grow(few, many);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(comparing_a_million_takes_no_more_than_a_few),
	    cmocka_unit_test(copying_a_million_takes_no_more_than_a_few),
	    cmocka_unit_test(missing_a_million_takes_no_more_than_a_few),
	};

	return cmocka_run_group_tests_name(
	    "replicate_memory", tests, NULL, NULL);
}
