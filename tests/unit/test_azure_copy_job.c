/* Copy Blob on bytes: begun, followed, aborted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "storage/blob_traits.h"
#include "storage/store.h"
#include "tests/sim/azure_rig.h"

#define SOURCE "https://src.example/c/b?sig=c2VjcmV0"
#define COPY(status) \
	CREATED "x-ms-copy-id: id-1\r\nx-ms-copy-status: " status "\r\n"
#define AT(n)	   "x-ms-copy-progress: " n "\r\n"
#define WHY(words) "x-ms-copy-status-description: " words "\r\n"

static const struct put_from plain = {
    .src_url = SOURCE,
    .src_etag = "\"0x9\"",
};

static int
start(struct azure_rig *r, const struct put_from *what, struct copy_job *job)
{
	r->err = (struct err){0};
	return r->store->ops->copy->start(
	    r->store, &r->scope, "blob", what, job, &r->err);
}

static int
poll_copy(struct azure_rig *r, struct copy_job *job)
{
	r->err = (struct err){0};
	return r->store->ops->copy->poll(
	    r->store, &r->scope, "blob", job, &r->err);
}

static int
abort_copy(struct azure_rig *r)
{
	r->err = (struct err){0};
	return r->store->ops->copy->abort(
	    r->store, &r->scope, "blob", "id 1", &r->err);
}

static void
it_begins_bound_to_source_and_destination(void **state)
{
	static const struct azure_step steps[] = {
	    {202, COPY("pending"), NULL, ANSWER}};
	static struct trait metadata[] = {{"k", "v"}};
	const struct blob_traits traits = {
	    .content_type = "text/plain",
	    .metadata = {metadata, 1},
	    .tier = TIER_COOL,
	};
	struct put_from what = plain;
	struct copy_job job;
	struct azure_rig r;

	(void)state;
	what.traits = &traits;
	what.cond.if_match = "\"0x1\"";
	RIG(&r, steps);
	azure_rig_ok(&r, start(&r, &what, &job));
	azure_rig_sent(&r, 0, "PUT /acct/cont/pre%20fix/blob HTTP");
	azure_rig_sent(&r, 0, "x-ms-copy-source: " SOURCE "\r\n");
	azure_rig_sent(&r, 0, "x-ms-source-if-match: \"0x9\"\r\n");
	azure_rig_sent(&r, 0, "If-Match: \"0x1\"\r\n");
	azure_rig_sent(&r, 0, "x-ms-meta-k: v\r\n");
	azure_rig_sent(&r, 0, "x-ms-access-tier: Cool\r\n");
	assert_false(azure_rig_has_sent(&r, 0, "x-ms-blob-content"));
	assert_string_equal(job.id, "id-1");
	assert_int_equal(job.state, COPY_PENDING);
	assert_string_equal(job.props.etag, "\"0x2\"");
	azure_rig_down(&r);
}

/* What was lost may have begun: only the caller can know by looking. */
static void
it_is_asked_for_once_only(void **state)
{
	static const struct {
		struct azure_step step;
		enum err_kind kind;
		const char *says;
	} cases[] = {
	    {AZURE_LOST, ERR_TRANSIENT, "beginning a copy into 'blob'"},
	    {AZURE_BUSY, ERR_TRANSIENT, "ServerBusy"},
	    {{409, CODE("PendingCopyOperation"), NULL, ANSWER}, ERR_LOCKED,
		"another copy into it is under way"},
	    {{403, CODE("CannotVerifyCopySource"), NULL, ANSWER},
		ERR_UNSUPPORTED, "cannot reach or read the source"},
	    {{412, CODE("TargetConditionNotMet"), NULL, ANSWER}, ERR_CONFLICT,
		"another has written it"},
	    {{412, CODE("LeaseIdMissing"), NULL, ANSWER}, ERR_LOCKED,
		"it is leased by another"},
	    {{202, CREATED, NULL, ANSWER}, ERR_CORRUPT, "no id"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct copy_job job;
		struct azure_rig r;

		azure_rig_up(&r, &cases[i].step, 1);
		azure_rig_fails(
		    &r, start(&r, &plain, &job), cases[i].kind, cases[i].says);
		azure_rig_down(&r);
	}
}

static void
a_token_cannot_speak_for_its_source(void **state)
{
	struct put_from what = plain;
	struct copy_job job;
	struct azure_rig r;

	(void)state;
	what.src_authorization = "Bearer " TOKEN;
	azure_rig_up(&r, NULL, 0);
	azure_rig_fails(
	    &r, start(&r, &what, &job), ERR_UNSUPPORTED, "takes no token");
	azure_rig_down(&r);
}

static void
the_destination_tells_how_far_it_is(void **state)
{
	static const struct azure_step steps[] = {
	    AZURE_LOST,
	    {200, COPY("pending") AT("5/10"), NULL, ANSWER},
	    {200, COPY("success") AT("18446744073709551615/1") WHY("fine"),
		NULL, ANSWER},
	    {200,
		COPY("failed") AT("0/10")
		    WHY("500 OperationCancelled \"Copy\x1b failed\""),
		NULL, ANSWER},
	    {200, COPY("aborted"), NULL, ANSWER},
	    {200, CREATED, NULL, ANSWER},
	};
	struct copy_job job;
	struct azure_rig r;

	(void)state;
	RIG(&r, steps);
	azure_rig_ok(&r, poll_copy(&r, &job));
	azure_rig_sent(&r, 1, "HEAD /acct/cont/pre%20fix/blob HTTP");
	assert_int_equal(job.state, COPY_PENDING);
	assert_int_equal(job.done, 5);
	assert_int_equal(job.total, 10);
	assert_string_equal(job.why, "");
	azure_rig_ok(&r, poll_copy(&r, &job));
	assert_int_equal(job.state, COPY_SUCCESS);
	assert_true(job.done == UINT64_MAX);
	assert_string_equal(job.why, "");
	azure_rig_ok(&r, poll_copy(&r, &job));
	assert_int_equal(job.state, COPY_FAILED);
	assert_string_equal(job.why, "500 OperationCancelled \"Copy? failed\"");
	azure_rig_ok(&r, poll_copy(&r, &job));
	assert_int_equal(job.state, COPY_ABORTED);
	assert_string_equal(job.id, "id-1");
	azure_rig_ok(&r, poll_copy(&r, &job));
	assert_int_equal(job.state, COPY_ABORTED);
	assert_string_equal(job.id, "");
	azure_rig_down(&r);
}

static void
what_it_tells_must_make_sense(void **state)
{
	static const struct {
		struct azure_step step;
		enum err_kind kind;
		const char *says;
	} cases[] = {
	    {{200, COPY("strange"), NULL, ANSWER}, ERR_CORRUPT,
		"'strange' is no state"},
	    {{200, COPY("pending") AT("5"), NULL, ANSWER}, ERR_CORRUPT,
		"'5' is no progress"},
	    {{200,
		 CREATED
		 "x-ms-copy-id: 0123456789012345678901234567890123456789"
		 "012345678901234567890123\r\n",
		 NULL, ANSWER},
		ERR_CORRUPT, "id of 64 bytes"},
	    {{200, NULL, NULL, ANSWER}, ERR_CORRUPT, "without an ETag"},
	    {AZURE_ABSENT, ERR_MISSING, "BlobNotFound"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct copy_job job;
		struct azure_rig r;

		azure_rig_up(&r, &cases[i].step, 1);
		azure_rig_fails(
		    &r, poll_copy(&r, &job), cases[i].kind, cases[i].says);
		azure_rig_down(&r);
	}
}

static void
what_has_ended_needs_no_abort(void **state)
{
	static const struct azure_step steps[] = {
	    {.status = 204},
	    AZURE_LOST,
	    {409, CODE("NoPendingCopyOperation"), NULL, ANSWER},
	    {409, CODE("CopyIdMismatch"), NULL, ANSWER},
	    AZURE_ABSENT,
	    {412, CODE("LeaseIdMissing"), NULL, ANSWER},
	};
	struct azure_rig r;

	(void)state;
	RIG(&r, steps);
	for (int i = 0; i < 4; i++)
		azure_rig_ok(&r, abort_copy(&r));
	azure_rig_sent(&r, 0,
	    "PUT /acct/cont/pre%20fix/blob?comp=copy&copyid=id%201 HTTP");
	azure_rig_sent(&r, 0, "x-ms-copy-action: abort\r\n");
	azure_rig_fails(&r, abort_copy(&r), ERR_LOCKED, "aborting the copy");
	azure_rig_down(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(it_begins_bound_to_source_and_destination),
	    cmocka_unit_test(it_is_asked_for_once_only),
	    cmocka_unit_test(a_token_cannot_speak_for_its_source),
	    cmocka_unit_test(the_destination_tells_how_far_it_is),
	    cmocka_unit_test(what_it_tells_must_make_sense),
	    cmocka_unit_test(what_has_ended_needs_no_abort),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
