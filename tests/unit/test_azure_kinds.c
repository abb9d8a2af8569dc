/* Page and append blobs on bytes, and what comes of answers that are lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/chunk.h"
#include "base/err.h"
#include "storage/blob_traits.h"
#include "storage/store.h"
#include "tests/sim/azure_rig.h"

#define SOURCE	 "https://src.example/c/b?sig=c2VjcmV0"
#define PAGE_OF	 CREATED "x-ms-blob-type: PageBlob\r\n"
#define APPENDED CREATED "x-ms-blob-type: AppendBlob\r\n"
#define OURS	 "x-ms-meta-k: v\r\n"
#define LONG(n)	 "Content-Length: " n "\r\n"
#define NOT_AT_THE_END \
	{ \
		412, CODE("AppendPositionConditionNotMet"), NULL, ANSWER \
	}
#define CHANGED \
	{ \
		412, CODE("ConditionNotMet"), NULL, ANSWER \
	}

static const struct store_kind_ops *
kinds(struct azure_rig *r)
{
	r->err = (struct err){0};
	return r->store->ops->kinds;
}

static struct trait metadata[] = {{"k", "v"}};
static const struct blob_traits traits = {
    .content_type = "a/b",
    .metadata = {metadata, 1},
    .tier = TIER_OTHER,
    .tier_name = "P10",
    .sequence_number = 7,
};
static const struct commit_opts with_traits = {
    .traits = &traits,
    .cond.if_absent = true,
};

static int
create(struct azure_rig *r, enum blob_type type, uint64_t size,
    const struct commit_opts *opts, struct blob_props *props)
{
	return kinds(r)->create(
	    r->store, &r->scope, "blob", type, size, opts, props, &r->err);
}

static int
write_at(struct azure_rig *r, enum blob_type type, uint64_t off, size_t len)
{
	static const char bytes[1024];
	struct chunk *c = chunk_view(bytes, len);
	int rc = kinds(r)->write(
	    r->store, &r->scope, "blob", type, off, c, &r->err);

	chunk_unref(c);
	return rc;
}

static int
write_from(struct azure_rig *r, enum blob_type type, uint64_t off, uint64_t len)
{
	const struct put_from what = {
	    .src_url = SOURCE,
	    .src_authorization = "Bearer " TOKEN,
	    .src_etag = "\"0x9\"",
	};

	return kinds(r)->write_from(
	    r->store, &r->scope, "blob", type, off, len, &what, &r->err);
}

static int
seal(struct azure_rig *r)
{
	return kinds(r)->seal(r->store, &r->scope, "blob", "\"0x1\"", &r->err);
}

static void
blobs_begin_empty_with_all_they_carry(void **state)
{
	static const struct azure_step steps[] = {AZURE_DONE, AZURE_DONE};
	struct blob_props props;
	struct azure_rig r;

	(void)state;
	RIG(&r, steps);
	azure_rig_ok(&r, create(&r, BLOB_PAGE, 1024, &with_traits, &props));
	azure_rig_sent(&r, 0, "PUT /acct/cont/pre%20fix/blob HTTP");
	azure_rig_sent(&r, 0, "x-ms-blob-type: PageBlob\r\n");
	azure_rig_sent(&r, 0, "x-ms-blob-content-length: 1024\r\n");
	azure_rig_sent(&r, 0, "x-ms-blob-sequence-number: 7\r\n");
	azure_rig_sent(&r, 0, "x-ms-access-tier: P10\r\n");
	azure_rig_sent(&r, 0, "x-ms-blob-content-type: a/b\r\n");
	azure_rig_sent(&r, 0, "x-ms-meta-k: v\r\n");
	azure_rig_sent(&r, 0, "If-None-Match: *\r\n");
	assert_int_equal(props.type, BLOB_PAGE);
	assert_int_equal(props.size, 1024);
	assert_string_equal(props.etag, "\"0x2\"");
	azure_rig_ok(&r, create(&r, BLOB_APPEND, 0, NULL, NULL));
	azure_rig_sent(&r, 1, "x-ms-blob-type: AppendBlob\r\n");
	azure_rig_sent(
	    &r, 1, "x-ms-blob-content-type: application/octet-stream\r\n");
	assert_false(azure_rig_has_sent(&r, 1, "x-ms-blob-content-length"));
	azure_rig_down(&r);
}

/* By its metadata an empty blob is known to be ours. */
static void
a_lost_creation_is_known_again(void **state)
{
	static const struct {
		struct azure_step steps[3];
		enum err_kind kind;
	} cases[] = {
	    {{AZURE_LOST, AZURE_EXISTS,
		 {200, PAGE_OF OURS LONG("512"), NULL, ANSWER}},
		ERR_NONE},
	    {{AZURE_LOST, AZURE_EXISTS,
		 {200, PAGE_OF LONG("512"), NULL, ANSWER}},
		ERR_CONFLICT},
	    {{AZURE_LOST, AZURE_EXISTS,
		 {200, PAGE_OF OURS LONG("1024"), NULL, ANSWER}},
		ERR_CONFLICT},
	    {{AZURE_LOST, AZURE_EXISTS,
		 {200, APPENDED OURS LONG("512"), NULL, ANSWER}},
		ERR_CONFLICT},
	    {{AZURE_LOST, AZURE_BUSY, AZURE_DONE}, ERR_NONE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct blob_props props;
		struct azure_rig r;
		int rc;

		azure_rig_up(&r, cases[i].steps, 3);
		rc = create(&r, BLOB_PAGE, 512, &with_traits, &props);
		if (cases[i].kind == ERR_NONE)
			azure_rig_ok(&r, rc);
		else
			azure_rig_fails(
			    &r, rc, cases[i].kind, "BlobAlreadyExists");
		azure_rig_down(&r);
	}
}

/* Nobody else's blob is taken for ours when nothing was lost. */
static void
what_stands_there_is_a_conflict_at_once(void **state)
{
	static const struct azure_step steps[] = {
	    AZURE_EXISTS,
	    NOT_AT_THE_END,
	    CHANGED,
	    {412, CODE("LeaseIdMissing"), NULL, ANSWER},
	    {409, CODE("BlobIsSealed"), NULL, ANSWER},
	};
	struct azure_rig r;

	(void)state;
	RIG(&r, steps);
	azure_rig_fails(&r, create(&r, BLOB_PAGE, 512, &with_traits, NULL),
	    ERR_CONFLICT, "creating 'blob'");
	azure_rig_fails(&r, write_at(&r, BLOB_APPEND, 10, 5), ERR_CONFLICT,
	    "appending to 'blob'");
	azure_rig_fails(&r, seal(&r), ERR_CONFLICT, "sealing 'blob'");
	azure_rig_fails(&r, write_at(&r, BLOB_PAGE, 0, 512), ERR_LOCKED,
	    "writing pages of 'blob'");
	azure_rig_fails(
	    &r, write_from(&r, BLOB_APPEND, 0, 5), ERR_SERVER, "it is sealed");
	azure_rig_down(&r);
}

static void
pages_are_written_where_they_belong(void **state)
{
	static const struct azure_step steps[] = {
	    AZURE_LOST, AZURE_DONE, AZURE_BUSY, AZURE_DONE};
	struct azure_rig r;

	(void)state;
	RIG(&r, steps);
	azure_rig_ok(&r, write_at(&r, BLOB_PAGE, 512, 1024));
	azure_rig_sent(&r, 1, "blob?comp=page HTTP");
	azure_rig_sent(&r, 1, "x-ms-page-write: update\r\n");
	azure_rig_sent(&r, 1, "x-ms-range: bytes=512-1535\r\n");
	azure_rig_sent(&r, 1, "Content-Length: 1024\r\n");
	azure_rig_sent(&r, 1, "Content-MD5: ");
	azure_rig_ok(&r, write_from(&r, BLOB_PAGE, 1024, 4194304));
	azure_rig_sent(&r, 3, "x-ms-range: bytes=1024-4195327\r\n");
	azure_rig_sent(&r, 3, "x-ms-source-range: bytes=1024-4195327\r\n");
	azure_rig_sent(&r, 3, "x-ms-copy-source: " SOURCE "\r\n");
	azure_rig_sent(
	    &r, 3, "x-ms-copy-source-authorization: Bearer " TOKEN "\r\n");
	azure_rig_sent(&r, 3, "x-ms-source-if-match: \"0x9\"\r\n");
	azure_rig_sent(&r, 3, "Content-Length: 0\r\n");
	azure_rig_down(&r);
}

static void
an_append_whose_answer_was_lost_is_not_made_twice(void **state)
{
	static const struct {
		struct azure_step steps[3];
		enum err_kind kind;
	} cases[] = {
	    {{AZURE_LOST, NOT_AT_THE_END,
		 {200, APPENDED LONG("15"), NULL, ANSWER}},
		ERR_NONE},
	    {{AZURE_LOST, NOT_AT_THE_END,
		 {200, APPENDED LONG("16"), NULL, ANSWER}},
		ERR_CONFLICT},
	    {{AZURE_LOST, NOT_AT_THE_END, AZURE_ABSENT}, ERR_MISSING},
	    {{AZURE_LOST, AZURE_LOST, AZURE_DONE}, ERR_NONE},
	};

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(*cases); i++) {
		struct azure_rig r;
		int rc;

		azure_rig_up(&r, cases[i / 2].steps, 3);
		rc = i % 2 == 0 ? write_at(&r, BLOB_APPEND, 10, 5)
				: write_from(&r, BLOB_APPEND, 10, 5);
		if (cases[i / 2].kind == ERR_NONE)
			azure_rig_ok(&r, rc);
		else
			azure_rig_fails(
			    &r, rc, cases[i / 2].kind, "appending to 'blob'");
		azure_rig_sent(&r, 0, "blob?comp=appendblock HTTP");
		azure_rig_sent(&r, 0, "x-ms-blob-condition-appendpos: 10\r\n");
		if (i % 2 == 1)
			azure_rig_sent(
			    &r, 0, "x-ms-source-range: bytes=10-14\r\n");
		azure_rig_down(&r);
	}
}

static void
a_seal_whose_answer_was_lost_is_seen(void **state)
{
	static const struct azure_step sealed[] = {AZURE_LOST, CHANGED,
	    {200, APPENDED "x-ms-blob-sealed: true\r\n", NULL, ANSWER}};
	static const struct azure_step open[] = {
	    AZURE_LOST, CHANGED, {200, APPENDED, NULL, ANSWER}};
	struct azure_rig r;

	(void)state;
	RIG(&r, sealed);
	azure_rig_ok(&r, seal(&r));
	azure_rig_sent(&r, 0, "PUT /acct/cont/pre%20fix/blob?comp=seal HTTP");
	azure_rig_sent(&r, 0, "If-Match: \"0x1\"\r\n");
	azure_rig_down(&r);
	RIG(&r, open);
	azure_rig_fails(&r, seal(&r), ERR_CONFLICT, "another has written it");
	azure_rig_down(&r);
}

static void
sizes_that_the_service_refuses_are_not_sent(void **state)
{
	struct azure_rig r;

	(void)state;
	azure_rig_up(&r, NULL, 0);
	azure_rig_fails(
	    &r, create(&r, BLOB_PAGE, 513, NULL, NULL), ERR_USAGE, "513");
	azure_rig_fails(
	    &r, create(&r, BLOB_APPEND, 512, NULL, NULL), ERR_USAGE, "512");
	azure_rig_fails(
	    &r, create(&r, BLOB_BLOCK, 0, NULL, NULL), ERR_USAGE, "0 bytes");
	azure_rig_fails(&r, write_at(&r, BLOB_PAGE, 1, 512), ERR_USAGE, "at 1");
	azure_rig_fails(&r, write_at(&r, BLOB_PAGE, 0, 511), ERR_USAGE, "511");
	azure_rig_fails(&r, write_at(&r, BLOB_APPEND, 0, 0), ERR_USAGE, "0 b");
	azure_rig_fails(&r, write_at(&r, BLOB_BLOCK, 0, 512), ERR_USAGE, "512");
	azure_rig_fails(&r, write_from(&r, BLOB_PAGE, 0, 4194304 + 512),
	    ERR_USAGE, "4194816");
	azure_rig_fails(&r, write_from(&r, BLOB_APPEND, 0, 104857601),
	    ERR_USAGE, "104857601");
	azure_rig_down(&r);
}

#define LIST(ranges) "<?xml version=\"1.0\"?><PageList>" ranges "</PageList>"
#define AT(from, to) \
	"<PageRange><Start>" from "</Start><End>" to "</End></PageRange>"

static int
ranges(struct azure_rig *r, struct blob_range **list, size_t *n)
{
	return kinds(r)->ranges(
	    r->store, &r->scope, "blob", "\"0x1\"", list, n, &r->err);
}

static void
ranges_come_in_pages_and_are_joined(void **state)
{
	static const struct azure_step steps[] = {
	    {200, NULL,
		LIST(AT("0", "511") AT("512", "1023") AT("2048",
		    "2559") "<ClearRange><Start>3</Start><End>4</End></ClearRange>"
			    "<NextMarker>a b</NextMarker>"),
		ANSWER},
	    AZURE_LOST,
	    {200, NULL,
		LIST(AT("2560", "3071")
			AT("8796093021696", "8796093022207") "<NextMarker/>"),
		ANSWER},
	    {200, NULL, LIST(""), ANSWER},
	};
	struct blob_range *list;
	struct azure_rig r;
	size_t n;

	(void)state;
	RIG(&r, steps);
	azure_rig_ok(&r, ranges(&r, &list, &n));
	azure_rig_sent(&r, 0, "?comp=pagelist&maxresults=10000 HTTP");
	azure_rig_sent(&r, 0, "If-Match: \"0x1\"\r\n");
	azure_rig_sent(&r, 2, "&marker=a%20b HTTP");
	assert_int_equal(n, 3);
	assert_int_equal(list[0].off, 0);
	assert_int_equal(list[0].len, 1024);
	assert_int_equal(list[1].off, 2048);
	assert_int_equal(list[1].len, 1024);
	assert_int_equal(list[2].off, INT64_C(8796093021696));
	assert_int_equal(list[2].len, 512);
	free(list);
	azure_rig_ok(&r, ranges(&r, &list, &n));
	assert_int_equal(n, 0);
	free(list);
	azure_rig_down(&r);
}

static void
ranges_that_make_no_sense_are_an_error(void **state)
{
	static const struct {
		struct azure_step step;
		enum err_kind kind;
		const char *says;
	} cases[] = {
	    {{200, NULL, LIST(AT("512", "511")), ANSWER}, ERR_CORRUPT,
		"not in order"},
	    {{200, NULL, LIST(AT("512", "1023") AT("0", "511")), ANSWER},
		ERR_CORRUPT, "listing the page ranges of 'blob'"},
	    {{200, NULL, LIST(AT("0", "18446744073709551615")), ANSWER},
		ERR_CORRUPT, "not in order"},
	    {{200, NULL, LIST("<PageRange><End>511</End></PageRange>"), ANSWER},
		ERR_CORRUPT, "not in order"},
	    {{200, NULL, LIST(AT("-1", "511")), ANSWER}, ERR_CORRUPT, "'-1'"},
	    {{200, NULL, "<Pages/>", ANSWER}, ERR_CORRUPT, "no list"},
	    {CHANGED, ERR_CONFLICT, "another has written it"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct blob_range *list;
		struct azure_rig r;
		size_t n;

		azure_rig_up(&r, &cases[i].step, 1);
		azure_rig_fails(
		    &r, ranges(&r, &list, &n), cases[i].kind, cases[i].says);
		assert_null(list);
		azure_rig_down(&r);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(blobs_begin_empty_with_all_they_carry),
	    cmocka_unit_test(a_lost_creation_is_known_again),
	    cmocka_unit_test(what_stands_there_is_a_conflict_at_once),
	    cmocka_unit_test(pages_are_written_where_they_belong),
	    cmocka_unit_test(an_append_whose_answer_was_lost_is_not_made_twice),
	    cmocka_unit_test(a_seal_whose_answer_was_lost_is_seen),
	    cmocka_unit_test(sizes_that_the_service_refuses_are_not_sent),
	    cmocka_unit_test(ranges_come_in_pages_and_are_joined),
	    cmocka_unit_test(ranges_that_make_no_sense_are_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
