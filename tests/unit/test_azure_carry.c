#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "storage/blob_traits.h"
#include "storage/store.h"
#include "tests/sim/azure_rig.h"

#define ETAG(e)	   "ETag: \"" e "\"\r\n"
#define TAGS(list) "<Tags><TagSet>" list "</TagSet></Tags>"
#define TAG(k, v)  "<Tag><Key>" k "</Key><Value>" v "</Value></Tag>"

static struct trait metadata[] = {{"alpha", "1"}};
static struct trait tags[] = {{"a&b", "<c>"}};
static const unsigned char sum[MD5_BYTES] = {0x5d, 0x41, 0x40, 0x2a, 0xbc, 0x4b,
    0x2a, 0x76, 0xb9, 0x71, 0x9d, 0x91, 0x10, 0x17, 0xc5, 0x92};

static const struct blob_traits rich = {
    .content_type = "text/plain",
    .cache_control = "no-cache",
    .metadata = {metadata, 1},
    .tags = {tags, 1},
    .tags_told = true,
    .tier = TIER_COOL,
    .tier_name = "Cool",
};

static int
set(struct azure_rig *r, unsigned which, const struct blob_traits *t,
    struct blob_props *props)
{
	r->err = (struct err){0};
	return r->store->ops->traits->set(r->store, &r->scope, "blob",
	    "\"0x1\"", which, t, sum, props, &r->err);
}

static int
look(struct azure_rig *r, const char *snapshot, unsigned with,
    struct blob_view *v)
{
	r->err = (struct err){0};
	return r->store->ops->traits->look(
	    r->store, &r->scope, "blob", snapshot, with, v, &r->err);
}

static void
each_change_is_bound_to_the_one_before(void **state)
{
	static const struct azure_step steps[] = {
	    {200, ETAG("0x2"), NULL, ANSWER},
	    {200, ETAG("0x3"), NULL, ANSWER},
	    {204, NULL, NULL, ANSWER},
	    {200, NULL, NULL, ANSWER},
	    {200, ETAG("0x3"), NULL, ANSWER},
	};
	struct blob_props props;
	struct azure_rig r;

	(void)state;
	RIG(&r, steps);
	azure_rig_ok(&r,
	    set(&r, TRAIT_HEADERS | TRAIT_METADATA | TRAIT_TAGS | TRAIT_TIER,
		&rich, &props));
	assert_string_equal(props.etag, "\"0x3\"");
	azure_rig_sent(&r, 0, "?comp=properties ");
	azure_rig_sent(&r, 0, "If-Match: \"0x1\"\r\n");
	azure_rig_sent(&r, 0, "x-ms-blob-content-type: text/plain\r\n");
	azure_rig_sent(&r, 0, "x-ms-blob-cache-control: no-cache\r\n");
	azure_rig_sent(
	    &r, 0, "x-ms-blob-content-md5: XUFAKrxLKna5cZ2REBfFkg==\r\n");
	azure_rig_sent(&r, 1, "?comp=metadata ");
	azure_rig_sent(&r, 1, "If-Match: \"0x2\"\r\n");
	azure_rig_sent(&r, 1, "x-ms-meta-alpha: 1\r\n");
	azure_rig_sent(&r, 2, "?comp=tags ");
	azure_rig_sent(&r, 2, TAGS(TAG("a&amp;b", "&lt;c&gt;")));
	assert_false(azure_rig_has_sent(&r, 2, "If-Match"));
	azure_rig_sent(&r, 3, "?comp=tier ");
	azure_rig_sent(&r, 3, "x-ms-access-tier: Cool\r\n");
	azure_rig_sent(&r, 4, "HEAD ");
	azure_rig_sent(&r, 4, "If-Match: \"0x3\"\r\n");
	azure_rig_down(&r);
}

static void
tags_alone_are_set_of_the_blob_that_was_seen(void **state)
{
	static const struct azure_step replaced[] = {
	    {412, CODE("ConditionNotMet"), NULL, ANSWER}};
	static const struct azure_step meanwhile[] = {
	    {200, ETAG("0x1"), NULL, ANSWER},
	    {204, NULL, NULL, ANSWER},
	    {412, CODE("ConditionNotMet"), NULL, ANSWER},
	};
	struct blob_props props;
	struct azure_rig r;

	(void)state;
	RIG(&r, replaced);
	azure_rig_fails(&r, set(&r, TRAIT_TAGS, &rich, &props), ERR_CONFLICT,
	    "ConditionNotMet");
	azure_rig_down(&r);
	RIG(&r, meanwhile);
	azure_rig_fails(&r, set(&r, TRAIT_TAGS, &rich, &props), ERR_CONFLICT,
	    "ConditionNotMet");
	azure_rig_down(&r);
}

static void
what_is_not_known_is_left_as_it_is(void **state)
{
	static const struct blob_traits unknown = {
	    .tier = TIER_HOT, .tier_name = "Hot", .tier_is_inferred = true};
	static const struct azure_step steps[] = {
	    {200, ETAG("0x1"), NULL, ANSWER},
	    {200, ETAG("0x1"), NULL, ANSWER},
	};
	struct blob_props props;
	struct azure_rig r;

	(void)state;
	RIG(&r, steps);
	azure_rig_ok(&r, set(&r, TRAIT_TAGS | TRAIT_TIER, &unknown, &props));
	azure_rig_sent(&r, 0, "HEAD ");
	azure_rig_sent(&r, 1, "HEAD ");
	azure_rig_down(&r);
}

static void
the_first_refusal_ends_it(void **state)
{
	static const struct azure_step steps[] = {
	    {200, ETAG("0x2"), NULL, ANSWER},
	    {403, CODE("AuthorizationPermissionMismatch"), NULL, ANSWER},
	};
	struct blob_props props;
	struct azure_rig r;

	(void)state;
	RIG(&r, steps);
	azure_rig_fails(&r,
	    set(&r, TRAIT_HEADERS | TRAIT_METADATA | TRAIT_TAGS, &rich, &props),
	    ERR_AUTH, "setting the metadata of 'blob'");
	azure_rig_down(&r);
}

static void
a_look_takes_headers_and_tags(void **state)
{
	static const struct azure_step steps[] = {
	    {200,
		ETAG("0x1") "Content-Type: text/plain\r\n"
			    "x-ms-meta-Alpha: 1\r\nx-ms-access-tier: Cool\r\n"
			    "x-ms-lease-status: locked\r\n"
			    "x-ms-blob-type: PageBlob\r\n"
			    "x-ms-blob-sequence-number: 5\r\n",
		NULL, ANSWER},
	    {200, NULL, TAGS(TAG("k", "v &amp; w")), ANSWER},
	};
	struct blob_view v;
	struct azure_rig r;

	(void)state;
	RIG(&r, steps);
	azure_rig_ok(&r, look(&r, "2026-11-21T06:27:49.1Z", LIST_TAGS, &v));
	azure_rig_sent(&r, 0, "?snapshot=2026-11-21T06%3A27%3A49.1Z ");
	azure_rig_sent(
	    &r, 1, "?comp=tags&snapshot=2026-11-21T06%3A27%3A49.1Z ");
	assert_string_equal(v.traits.content_type, "text/plain");
	assert_string_equal(trait_get(&v.traits.metadata, "alpha"), "1");
	assert_int_equal(v.traits.tier, TIER_COOL);
	assert_true(v.traits.is_leased);
	assert_int_equal(v.props.type, BLOB_PAGE);
	assert_int_equal(v.traits.sequence_number, 5);
	assert_string_equal(v.traits.snapshot, "2026-11-21T06:27:49.1Z");
	assert_true(v.traits.tags_told);
	assert_string_equal(v.traits.tags.list[0].value, "v & w");
	assert_int_equal(v.traits.tag_count, 1);
	blob_view_release(&v);
	azure_rig_down(&r);
}

static void
a_look_without_a_right_to_tags_says_so(void **state)
{
	static const struct azure_step steps[] = {
	    {200, ETAG("0x1"), NULL, ANSWER},
	    {403, CODE("AuthorizationPermissionMismatch"), NULL, ANSWER},
	};
	struct blob_view v;
	struct azure_rig r;

	(void)state;
	RIG(&r, steps);
	azure_rig_ok(&r, look(&r, NULL, LIST_TAGS, &v));
	assert_false(v.traits.tags_told);
	blob_view_release(&v);
	azure_rig_down(&r);
}

static void
a_look_that_fails_leaves_nothing(void **state)
{
	static const struct azure_step absent[] = {AZURE_ABSENT};
	static const struct azure_step gone[] = {
	    {200, ETAG("0x1"), NULL, ANSWER}, AZURE_ABSENT};
	static const struct azure_step lies[] = {
	    {200, ETAG("0x1"), NULL, ANSWER},
	    {200, NULL, "<html></html>", ANSWER}};
	struct blob_view v;
	struct azure_rig r;

	(void)state;
	RIG(&r, absent);
	azure_rig_fails(&r, look(&r, NULL, 0, &v), ERR_MISSING, "'blob'");
	azure_rig_down(&r);
	RIG(&r, gone);
	azure_rig_fails(
	    &r, look(&r, NULL, LIST_TAGS, &v), ERR_MISSING, "'blob'");
	assert_null(v.arena.last);
	azure_rig_down(&r);
	RIG(&r, lies);
	azure_rig_fails(
	    &r, look(&r, NULL, LIST_TAGS, &v), ERR_CORRUPT, "no set of tags");
	azure_rig_down(&r);
}

#define ONE \
	"<EnumerationResults><Blobs><Blob><Name>pre fix/a</Name><Properties>" \
	"<Etag>1</Etag><Content-Length>1</Content-Length></Properties></Blob>" \
	"</Blobs><NextMarker/></EnumerationResults>"

static int
list(struct azure_rig *r, unsigned with, struct list_page *page)
{
	const struct list_opts opts = {.with = with};

	r->err = (struct err){0};
	return r->store->ops->list(
	    r->store, &r->scope, &opts, NULL, page, &r->err);
}

static void
a_listing_asks_for_what_is_wanted(void **state)
{
	static const struct azure_step steps[] = {
	    {200, NULL, ONE, ANSWER}, {200, NULL, ONE, ANSWER}};
	struct list_page page;
	struct azure_rig r;

	(void)state;
	RIG(&r, steps);
	azure_rig_ok(&r, list(&r, LIST_DIRECTORIES, &page));
	assert_false(azure_rig_has_sent(&r, 0, "include"));
	list_page_release(&page);
	azure_rig_ok(&r,
	    list(&r,
		LIST_TRAITS | LIST_TAGS | LIST_SNAPSHOTS | LIST_VERSIONS |
		    LIST_DELETED,
		&page));
	azure_rig_sent(
	    &r, 1, "&include=metadata,copy,tags,snapshots,versions,deleted&");
	assert_true(page.items[0].traits->tags_told);
	list_page_release(&page);
	azure_rig_down(&r);
}

static void
a_listing_without_a_right_to_tags_says_so(void **state)
{
	static const struct azure_step refused[] = {
	    {403, CODE("AuthorizationPermissionMismatch"), NULL, ANSWER},
	    {200, NULL, ONE, ANSWER}};
	static const struct azure_step closed[] = {
	    {403, CODE("AuthenticationFailed"), NULL, ANSWER},
	    {403, CODE("AuthenticationFailed"), NULL, ANSWER}};
	struct list_page page;
	struct azure_rig r;

	(void)state;
	RIG(&r, refused);
	azure_rig_ok(&r, list(&r, LIST_TRAITS | LIST_TAGS, &page));
	assert_false(azure_rig_has_sent(&r, 1, "tags"));
	assert_false(page.items[0].traits->tags_told);
	list_page_release(&page);
	azure_rig_down(&r);
	RIG(&r, closed);
	azure_rig_fails(&r, list(&r, LIST_TRAITS | LIST_TAGS, &page), ERR_AUTH,
	    "AuthenticationFailed");
	azure_rig_down(&r);
}

static void
a_container_that_is_not_there_is_told(void **state)
{
	static const struct azure_step steps[] = {
	    {404, CODE("ContainerNotFound"), NULL, ANSWER},
	    {201, NULL, NULL, ANSWER},
	    {409, CODE("ContainerAlreadyExists"), NULL, ANSWER},
	    {409, CODE("ContainerBeingDeleted"), NULL, ANSWER},
	    {200, NULL, ONE, ANSWER},
	};
	const struct store_trait_ops *ops;
	struct azure_rig r;

	(void)state;
	RIG(&r, steps);
	ops = r.store->ops->traits;
	azure_rig_fails(&r, ops->exists(r.store, &r.scope, &r.err), ERR_MISSING,
	    "the container does not exist");
	r.err = (struct err){0};
	azure_rig_ok(&r, ops->create(r.store, &r.scope, &r.err));
	azure_rig_sent(&r, 1, "PUT /acct/cont?restype=container ");
	azure_rig_ok(&r, ops->create(r.store, &r.scope, &r.err));
	azure_rig_fails(&r, ops->create(r.store, &r.scope, &r.err), ERR_SERVER,
	    "being deleted");
	r.err = (struct err){0};
	azure_rig_ok(&r, ops->exists(r.store, &r.scope, &r.err));
	azure_rig_down(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_change_is_bound_to_the_one_before),
	    cmocka_unit_test(tags_alone_are_set_of_the_blob_that_was_seen),
	    cmocka_unit_test(what_is_not_known_is_left_as_it_is),
	    cmocka_unit_test(the_first_refusal_ends_it),
	    cmocka_unit_test(a_look_takes_headers_and_tags),
	    cmocka_unit_test(a_look_without_a_right_to_tags_says_so),
	    cmocka_unit_test(a_look_that_fails_leaves_nothing),
	    cmocka_unit_test(a_listing_asks_for_what_is_wanted),
	    cmocka_unit_test(a_listing_without_a_right_to_tags_says_so),
	    cmocka_unit_test(a_container_that_is_not_there_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
