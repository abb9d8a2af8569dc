#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/chunk.h"
#include "base/err.h"
#include "base/xalloc.h"
#include "storage/store.h"
#include "tests/sim/azure_rig.h"

#define PAGE(name, next) \
	"<EnumerationResults><Blobs><Blob><Name>pre fix/" name \
	"</Name><Properties><Etag>1</Etag><Content-Length>1</Content-Length>" \
	"</Properties></Blob></Blobs><NextMarker>" next \
	"</NextMarker></EnumerationResults>"

static void
stages_the_bytes_with_their_sum(void **state)
{
	static const struct azure_step steps[] = {{.status = 201}};
	struct azure_rig r;

	(void)state;
	RIG(&r, steps);
	azure_rig_ok(&r, azure_rig_stage(&r));
	azure_rig_sent(&r, 0,
	    "PUT /acct/cont/pre%20fix/a%2Bb/%C3%A9%3F%23%25"
	    "?comp=block&blockid=0123456789abcdef00000000 HTTP/1.1\r\n");
	azure_rig_sent(&r, 0, "Content-MD5: XUFAKrxLKna5cZ2REBfFkg==\r\n");
	azure_rig_sent(&r, 0, "Content-Length: 5\r\n");
	azure_rig_sent(&r, 0, "x-ms-version: 2025-11-05\r\n");
	azure_rig_sent(&r, 0, "x-ms-date: Sat, 21 Nov 2026 06:27:49 GMT\r\n");
	azure_rig_sent(&r, 0, "Authorization: SharedKey acct:");
	azure_rig_sent(&r, 0, "\r\n\r\nhello");
	azure_rig_down(&r);
}

static void
every_refusal_has_its_kind_and_says_what_to_do(void **state)
{
	static const struct {
		struct azure_step step;
		enum err_kind kind;
		const char *says;
	} cases[] = {
	    {{403, CODE("AuthenticationFailed"), NULL, ANSWER}, ERR_AUTH,
		"403 AuthenticationFailed (request id 01234567-89ab); check "
		"the key"},
	    {{403, REQUEST_ID, NULL, ANSWER}, ERR_AUTH, "role assignment"},
	    {{401, REQUEST_ID, NULL, ANSWER}, ERR_AUTH, "401"},
	    {{404, CODE("ContainerNotFound"), NULL, ANSWER}, ERR_SERVER,
		"the container does not exist"},
	    {{409, CODE("ContainerBeingDeleted"), NULL, ANSWER}, ERR_SERVER,
		"being deleted"},
	    {{404, CODE("BlobNotFound"), NULL, ANSWER}, ERR_MISSING, "'blob'"},
	    {{404, NULL, NULL, ANSWER}, ERR_SERVER, "404; that is no answer"},
	    {{409, CODE("BlobImmutableDueToPolicy"), NULL, ANSWER}, ERR_SERVER,
		"immutability policy"},
	    {{409, CODE("BlobArchived"), NULL, ANSWER}, ERR_UNSUPPORTED,
		"rehydrate"},
	    {{409, CODE("PublicAccessNotPermitted"), NULL, ANSWER}, ERR_AUTH,
		"give a key"},
	    {{412, CODE("ConditionNotMet"), NULL, ANSWER}, ERR_CONFLICT,
		"ConditionNotMet"},
	    {{412, CODE("LeaseIdMissing"), NULL, ANSWER}, ERR_LOCKED,
		"it is leased by another"},
	    {{416, CODE("InvalidRange"), NULL, ANSWER}, ERR_CORRUPT, "shorter"},
	    {{400, NULL, NULL, ANSWER}, ERR_SERVER, "400"},
	    {{200, NULL, NULL, ANSWER}, ERR_CORRUPT, "without an ETag"},
	    {{200, CREATED "Last-Modified: now\r\n", NULL, ANSWER}, ERR_CORRUPT,
		"no date"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct azure_rig r;

		azure_rig_up(&r, &cases[i].step, 1);
		azure_rig_fails(
		    &r, azure_rig_stat(&r), cases[i].kind, cases[i].says);
		azure_rig_down(&r);
	}
}

#define NAME "blob"

static int
do_stage(struct store *s, const struct scope *scope, struct err *err)
{
	static const struct block_id id = {"0123456789abcdef00000000"};
	struct chunk *c = chunk_view("x", 1);
	int rc = s->ops->stage(s, scope, NAME, &id, &c, 1, err);

	chunk_unref(c);
	return rc;
}

static int
do_commit(struct store *s, const struct scope *scope, struct err *err)
{
	static const struct commit_opts none;
	static const struct block_id id = {"0123456789abcdef00000000"};

	return s->ops->commit(s, scope, NAME, &id, 1, &none, NULL, err);
}

static int
do_stat(struct store *s, const struct scope *scope, struct err *err)
{
	struct blob_props props;

	return s->ops->stat(s, scope, NAME, &props, err);
}

static int
do_read(struct store *s, const struct scope *scope, struct err *err)
{
	char c;

	return s->ops->read(s, scope, NAME, NULL, 0, &c, 1, err);
}

static int
do_list(struct store *s, const struct scope *scope, struct err *err)
{
	static const struct list_opts all;
	struct list_page page;

	return s->ops->list(s, scope, &all, NULL, &page, err);
}

static int
do_remove(struct store *s, const struct scope *scope, struct err *err)
{
	return s->ops->remove(s, scope, NAME, NULL, err);
}

#define LEASE_ID "01234567-89ab-cdef-0123-456789abcdef"

static int
do_acquire(struct store *s, const struct scope *scope, struct err *err)
{
	return s->ops->lease->acquire(s, scope, NAME, 60, LEASE_ID, err);
}

static int
do_renew(struct store *s, const struct scope *scope, struct err *err)
{
	return s->ops->lease->renew(s, scope, NAME, LEASE_ID, err);
}

static void
every_failure_names_its_store_once(void **state)
{
	static int (*const operations[])(struct store *, const struct scope *,
	    struct err *) = {do_stage, do_commit, do_stat, do_read, do_list,
	    do_remove, do_acquire, do_renew};
	static const struct azure_step steps[] = {
	    {403, CODE("AuthenticationFailed"), NULL, ANSWER},
	    {404, CODE("ContainerNotFound"), NULL, ANSWER},
	    {400, REQUEST_ID, NULL, ANSWER}};

	(void)state;
	for (size_t k = 0; k < sizeof(steps) / sizeof(*steps); k++)
		for (size_t i = 0; i < sizeof(operations) / sizeof(*operations);
		     i++) {
			struct azure_rig r;
			const char *at;

			azure_rig_up(&r, &steps[k], 1);
			assert_int_equal(
			    operations[i](r.store, &r.scope, &r.err), -1);
			at = strstr(r.err.text, r.store->url);
			if (at == NULL || strstr(at + 1, r.store->url) != NULL)
				fail_msg("%s", r.err.text);
			azure_rig_down(&r);
		}
}

static void
a_busy_service_is_waited_for_and_each_attempt_signed_anew(void **state)
{
	static const struct azure_step steps[] = {
	    {503, CODE("ServerBusy") "Retry-After: 7\r\n", NULL, ANSWER},
	    {500, CODE("OperationTimedOut") "x-ms-retry-after-ms: 1500\r\n",
		NULL, ANSWER},
	    {400, CODE("Md5Mismatch"), NULL, ANSWER},
	    {.status = 201},
	};
	char *first, *second;
	struct azure_rig r;

	(void)state;
	RIG(&r, steps);
	r.clock.random = 1;
	azure_rig_ok(&r, azure_rig_stage(&r));
	assert_true(r.clock.slept_ms >= 8500);
	azure_rig_sent(&r, 0, "x-ms-date: Sat, 21 Nov 2026 06:27:49 GMT\r\n");
	azure_rig_sent(&r, 1, "x-ms-date: Sat, 21 Nov 2026 06:27:56 GMT\r\n");
	first = azure_rig_header(&r, 0, "Authorization");
	second = azure_rig_header(&r, 1, "Authorization");
	assert_string_not_equal(first, second);
	free(first);
	free(second);
	azure_rig_down(&r);
}

static void
it_gives_up_when_the_scope_ends(void **state)
{
	static const struct azure_step steps[] = {
	    {503, CODE("ServerBusy") "Retry-After: 60\r\n", NULL, ANSWER},
	    {503, CODE("ServerBusy") "Retry-After: 60\r\n", NULL, ANSWER},
	};
	struct azure_rig r;

	(void)state;
	RIG(&r, steps);
	azure_rig_fails(&r, azure_rig_stage(&r), ERR_UNREACHABLE, "ServerBusy");
	azure_rig_down(&r);
}

static void
resets_stalls_and_cuts_are_gone_through(void **state)
{
	static const struct azure_step steps[] = {
	    {.how = RESET},
	    {.how = STALL},
	    {206, "Content-Range: bytes 3-7/10\r\n", "he", CUT},
	    {206, "Content-Range: bytes 3-7/10\r\n", "hello", ANSWER},
	};
	unsigned char out[5];
	struct azure_rig r;

	(void)state;
	RIG(&r, steps);
	azure_rig_ok(&r,
	    r.store->ops->read(
		r.store, &r.scope, "blob", "\"0x1\"", 3, out, 5, &r.err));
	assert_memory_equal(out, "hello", 5);
	azure_rig_sent(&r, 3, "x-ms-range: bytes=3-7\r\n");
	azure_rig_sent(&r, 3, "If-Match: \"0x1\"\r\n");
	azure_rig_down(&r);
}

static void
bytes_damaged_on_their_way_are_asked_for_again(void **state)
{
#define TOLD \
	"Content-Range: bytes 3-7/10\r\n" \
	"Content-MD5: XUFAKrxLKna5cZ2REBfFkg==\r\n" /* of "hello" */
	static const struct azure_step steps[] = {
	    {206, TOLD, "hallo", ANSWER},
	    {206, TOLD, "hello", ANSWER},
	    {404, CODE("BlobNotFound"), NULL, ANSWER},
	};
	const size_t long_one = ((size_t)4 << 20) + 1;
	unsigned char *out = xmalloc(long_one);
	struct azure_rig r;

	(void)state;
	RIG(&r, steps);
	azure_rig_ok(&r,
	    r.store->ops->read(
		r.store, &r.scope, "blob", NULL, 3, out, 5, &r.err));
	assert_memory_equal(out, "hello", 5);
	for (size_t i = 0; i < 2; i++)
		azure_rig_sent(&r, i, "x-ms-range-get-content-md5: true\r\n");
	/* The service refuses to tell it of more than 4 MiB. */
	azure_rig_fails(&r,
	    r.store->ops->read(
		r.store, &r.scope, "blob", NULL, 0, out, long_one, &r.err),
	    ERR_MISSING, "BlobNotFound");
	assert_false(azure_rig_has_sent(&r, 2, "x-ms-range-get"));
	azure_rig_down(&r);
	free(out);
#undef TOLD
}

/* What stands at the blob is what its writer said, right or wrong. */
static void
the_digest_of_a_whole_blob_proves_nothing(void **state)
{
	static const struct azure_step steps[] = {
	    {200, "Content-MD5: AAAAAAAAAAAAAAAAAAAAAA==\r\n", "hello", ANSWER},
	};
	unsigned char out[5];
	struct azure_rig r;

	(void)state;
	RIG(&r, steps);
	azure_rig_ok(&r,
	    r.store->ops->read(
		r.store, &r.scope, "blob", NULL, 0, out, 5, &r.err));
	azure_rig_down(&r);
}

static void
an_answer_that_is_not_the_range_is_refused(void **state)
{
	static const struct {
		struct azure_step step;
		const char *says;
	} cases[] = {
	    {{206, "Content-Range: bytes 3-6/7\r\n", "hell", ANSWER},
		"4 came: the blob is shorter"},
	    {{206, "Content-Range: bytes 3-8/10\r\n", "hello!", ANSWER},
		"over 5 bytes"},
	    {{206, "Content-Range: bytes 0-4/10\r\n", "hello", ANSWER},
		"another range came"},
	    {{206, NULL, "hello", ANSWER}, "another range came"},
	    {{200, NULL, "hello", ANSWER}, "another range came"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		unsigned char out[5];
		struct azure_rig r;

		azure_rig_up(&r, &cases[i].step, 1);
		azure_rig_fails(&r,
		    r.store->ops->read(
			r.store, &r.scope, "blob", NULL, 3, out, 5, &r.err),
		    ERR_CORRUPT, cases[i].says);
		azure_rig_down(&r);
	}
}

static int
remove_it(struct azure_rig *r)
{
	const struct store_cond cond = {.if_match = "\"0x1\""};

	r->err = (struct err){0};
	return r->store->ops->remove(
	    r->store, &r->scope, "blob", &cond, &r->err);
}

static void
what_is_gone_after_a_lost_removal_was_removed(void **state)
{
	static const struct azure_step lost[] = {AZURE_LOST, AZURE_ABSENT};
	static const struct azure_step absent[] = {AZURE_ABSENT};
	static const struct azure_step changed[] = {
	    AZURE_LOST, {412, CODE("ConditionNotMet"), NULL, ANSWER}};
	static const struct azure_step no_container[] = {
	    AZURE_LOST, {404, CODE("ContainerNotFound"), NULL, ANSWER}};
	struct azure_rig r;

	(void)state;
	RIG(&r, lost);
	azure_rig_ok(&r, remove_it(&r));
	azure_rig_sent(&r, 1, "DELETE /acct/cont/pre%20fix/blob ");
	azure_rig_sent(&r, 1, "If-Match: \"0x1\"\r\n");
	azure_rig_down(&r);
	RIG(&r, absent);
	azure_rig_fails(&r, remove_it(&r), ERR_MISSING, "BlobNotFound");
	azure_rig_down(&r);
	RIG(&r, changed);
	azure_rig_fails(&r, remove_it(&r), ERR_CONFLICT, "ConditionNotMet");
	azure_rig_down(&r);
	RIG(&r, no_container);
	azure_rig_fails(&r, remove_it(&r), ERR_SERVER, "container");
	azure_rig_down(&r);
}

/* libcurl would repeat them unseen on a connection that was kept. */
static void
what_is_not_safe_twice_goes_on_a_fresh_connection(void **state)
{
	static const struct azure_step steps[] = {
	    {200, CREATED, NULL, ANSWER},
	    AZURE_DONE,
	    {.status = 202},
	};
	struct azure_rig r;

	(void)state;
	RIG(&r, steps);
	azure_rig_ok(&r, azure_rig_stat(&r));
	azure_rig_ok(&r, azure_rig_commit(&r));
	azure_rig_ok(&r, remove_it(&r));
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(script_server_record(r.server, i).conn, i);
	azure_rig_down(&r);
}

static void
listing_asks_below_the_prefix_and_goes_on_by_marker(void **state)
{
	static const struct azure_step steps[] = {
	    {200, NULL, PAGE("a+b", "m&amp;=/"), ANSWER},
	    AZURE_BUSY,
	    {200, NULL, PAGE("c", ""), ANSWER},
	    {200, NULL, "<html>captive portal</html>", ANSWER},
	};
	struct list_opts opts = {
	    .prefix = "a b&", .by_directory = true, .page_size = 1};
	struct list_page page;
	struct azure_rig r;
	char *next;

	(void)state;
	RIG(&r, steps);
	azure_rig_ok(&r,
	    r.store->ops->list(r.store, &r.scope, &opts, NULL, &page, &r.err));
	azure_rig_sent(&r, 0,
	    "GET /acct/cont?restype=container&comp=list&maxresults=1"
	    "&delimiter=%2F&prefix=pre%20fix%2Fa%20b%26 HTTP");
	assert_string_equal(page.items[0].name, "a+b");
	next = page.next;
	page.next = NULL;
	list_page_release(&page);
	azure_rig_ok(&r,
	    r.store->ops->list(r.store, &r.scope, &opts, next, &page, &r.err));
	azure_rig_sent(&r, 2, "%26&marker=m%26%3D%2F HTTP");
	assert_null(page.next);
	list_page_release(&page);
	azure_rig_fails(&r,
	    r.store->ops->list(r.store, &r.scope, NULL, NULL, &page, &r.err),
	    ERR_CORRUPT, "no blob listing");
	assert_null(page.items);
	free(next);
	azure_rig_down(&r);
}

#define LEASE "01234567-0123-4123-8123-0123456789ab"

static void
what_cannot_be_asked_is_not(void **state)
{
	static const struct azure_step none[] = {AZURE_LOST};
	static const char *const bad[] = {
	    "", ".", "..", "a/../b", "./a", "a/.", "a/.."};
	struct chunk *empty = chunk_view("", 0);
	struct blob_props props;
	struct azure_rig r;

	(void)state;
	azure_rig_up(&r, none, 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		azure_rig_fails(&r,
		    r.store->ops->stat(
			r.store, &r.scope, bad[i], &props, &r.err),
		    ERR_USAGE, "cannot name a blob");
	azure_rig_fails(&r,
	    r.store->ops->stage(
		r.store, &r.scope, "a", &azure_rig_ids[0], &empty, 1, &r.err),
	    ERR_USAGE, "a block has 1 to");
	azure_rig_fails(&r,
	    r.store->ops->commit(r.store, &r.scope, "a", azure_rig_ids,
		BLOCKS_MAX + 1, NULL, NULL, &r.err),
	    ERR_USAGE, "over 50000 blocks");
	azure_rig_fails(&r,
	    r.store->ops->lease->acquire(
		r.store, &r.scope, "a", 14, LEASE, &r.err),
	    ERR_USAGE, "15 to 60");
	chunk_unref(empty);
	azure_rig_down(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(stages_the_bytes_with_their_sum),
	    cmocka_unit_test(every_refusal_has_its_kind_and_says_what_to_do),
	    cmocka_unit_test(every_failure_names_its_store_once),
	    cmocka_unit_test(
		a_busy_service_is_waited_for_and_each_attempt_signed_anew),
	    cmocka_unit_test(it_gives_up_when_the_scope_ends),
	    cmocka_unit_test(resets_stalls_and_cuts_are_gone_through),
	    cmocka_unit_test(bytes_damaged_on_their_way_are_asked_for_again),
	    cmocka_unit_test(the_digest_of_a_whole_blob_proves_nothing),
	    cmocka_unit_test(an_answer_that_is_not_the_range_is_refused),
	    cmocka_unit_test(what_is_gone_after_a_lost_removal_was_removed),
	    cmocka_unit_test(what_is_not_safe_twice_goes_on_a_fresh_connection),
	    cmocka_unit_test(
		listing_asks_below_the_prefix_and_goes_on_by_marker),
	    cmocka_unit_test(what_cannot_be_asked_is_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
