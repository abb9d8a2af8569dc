#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "storage/store.h"
#include "tests/sim/azure_rig.h"

#define REFUSED		  CODE("CannotVerifyCopySource")
#define SOURCE_SAYS(code) REFUSED "x-ms-copy-source-error-code: " code "\r\n"
#define SOURCE_IS(status) REFUSED "x-ms-copy-source-status-code: " status "\r\n"
#define WHY_MAX		  160 /* of ladder_result */

static int
stage_from(struct azure_rig *r)
{
	const struct store_grant src = {
	    .url = (char *)"https://src.example/c/b?sig=c2VjcmV0",
	    .authorization = (char *)"Bearer " TOKEN,
	};

	r->err = (struct err){0};
	return r->store->ops->copy->stage_from(r->store, &r->scope, "blob",
	    &azure_rig_ids[0], &src, "\"0x9\"", 100, 50, &r->err);
}

static void
a_refused_copy_says_whether_to_stream(void **state)
{
	static const struct {
		struct azure_step step;
		enum err_kind kind;
	} cases[] = {
	    {{412, CODE("SourceConditionNotMet"), NULL, ANSWER}, ERR_CONFLICT},
	    {{412, CODE("ConditionNotMet"), NULL, ANSWER}, ERR_CONFLICT},
	    {{403, REFUSED, NULL, ANSWER}, ERR_UNSUPPORTED},
	    {{404, REFUSED, NULL, ANSWER}, ERR_UNSUPPORTED},
	    {{500, REFUSED, NULL, ANSWER}, ERR_UNSUPPORTED},
	    {{500, SOURCE_IS("403"), NULL, ANSWER}, ERR_UNSUPPORTED},
	    {{409, CODE("CopyAcrossAccountsNotSupported"), NULL, ANSWER},
		ERR_UNSUPPORTED},
	    {{501, NULL, NULL, ANSWER}, ERR_UNSUPPORTED},
	    {{400, CODE("InvalidHeaderValue"), NULL, ANSWER}, ERR_UNSUPPORTED},
	    {{400, SOURCE_SAYS("ConditionNotMet"), NULL, ANSWER}, ERR_CONFLICT},
	    {{403, CODE("AuthenticationFailed"), NULL, ANSWER}, ERR_AUTH},
	    {{412, CODE("LeaseIdMissing"), NULL, ANSWER}, ERR_LOCKED},
	    {{409, CODE("PendingCopyOperation"), NULL, ANSWER}, ERR_LOCKED},
	    {{409, CODE("BlobAlreadyExists"), NULL, ANSWER}, ERR_CONFLICT},
	    {{409, CODE("BlobImmutableDueToPolicy"), NULL, ANSWER}, ERR_SERVER},
	    {{409, CODE("InvalidBlobType"), NULL, ANSWER}, ERR_SERVER},
	    {{404, CODE("ContainerNotFound"), NULL, ANSWER}, ERR_SERVER},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct azure_rig r;

		azure_rig_up(&r, &cases[i].step, 1);
		azure_rig_fails(&r, stage_from(&r), cases[i].kind,
		    cases[i].kind == ERR_UNSUPPORTED ? "the service"
						     : "'blob'");
		if (i == 0)
			azure_rig_fails(&r, -1, ERR_CONFLICT,
			    "the source was changed while it was copied");
		azure_rig_down(&r);
	}
}

/* It stands alone, beside what was copied. */
static void
a_copy_that_cannot_be_made_says_why_in_short(void **state)
{
	static const struct {
		struct azure_step step;
		const char *says;
	} cases[] = {
	    {{403,
		 SOURCE_SAYS(
		     "KeyBasedAuthenticationNotPermitted") "x-ms-copy-source-status-code: 403\r\n",
		 NULL, ANSWER},
		"the service cannot read the source: "
		"403 KeyBasedAuthenticationNotPermitted "
		"(request id 01234567-89ab)"},
	    {{404, REFUSED, NULL, ANSWER},
		"the service cannot reach or read the source: "
		"404 CannotVerifyCopySource (request id 01234567-89ab)"},
	    {{501, NULL, NULL, ANSWER},
		"the service does not copy it: 501 (request id none)"},
	    {{403,
		 SOURCE_SAYS("a\x1b[31m") "x-ms-copy-source-status-code: 7\r\n",
		 NULL, ANSWER},
		"the service cannot read the source: 7 "
		"(request id 01234567-89ab)"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct azure_rig r;

		azure_rig_up(&r, &cases[i].step, 1);
		azure_rig_fails(
		    &r, stage_from(&r), ERR_UNSUPPORTED, cases[i].says);
		assert_string_equal(r.err.text, cases[i].says);
		/* With a request id of 36 characters. */
		assert_true(strlen(r.err.text) + 23 < WHY_MAX);
		azure_rig_down(&r);
	}
}

static void
a_copy_names_its_source_and_sits_out_its_overload(void **state)
{
	static const struct azure_step steps[] = {
	    {403, SOURCE_SAYS("ServerBusy"), NULL, ANSWER},
	    {409, SOURCE_IS("429"), NULL, ANSWER},
	    {503, REFUSED, NULL, ANSWER},
	    {429, REFUSED, NULL, ANSWER},
	    {.status = 201},
	};
	struct azure_rig r;

	(void)state;
	RIG(&r, steps);
	azure_rig_ok(&r, stage_from(&r));
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		azure_rig_sent(&r, i, "&blockid=0123456789abcdef00000000 ");
		azure_rig_sent(&r, i,
		    "x-ms-copy-source: https://src.example/c/b?"
		    "sig=c2VjcmV0\r\n");
		azure_rig_sent(&r, i, "x-ms-source-range: bytes=100-149\r\n");
		azure_rig_sent(&r, i, "x-ms-source-if-match: \"0x9\"\r\n");
		azure_rig_sent(&r, i,
		    "x-ms-copy-source-authorization: Bearer " TOKEN "\r\n");
		azure_rig_sent(&r, i, "Content-Length: 0\r\n");
	}
	azure_rig_down(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_refused_copy_says_whether_to_stream),
	    cmocka_unit_test(a_copy_that_cannot_be_made_says_why_in_short),
	    cmocka_unit_test(a_copy_names_its_source_and_sits_out_its_overload),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
