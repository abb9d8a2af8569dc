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

#define SOURCE_SAYS(code) \
	CODE("CannotVerifyCopySource") \
	"x-ms-copy-source-error-code: " code "\r\n"

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
	    {{403, CODE("CannotVerifyCopySource"), NULL, ANSWER},
		ERR_UNSUPPORTED},
	    {{404, CODE("CannotVerifyCopySource"), NULL, ANSWER},
		ERR_UNSUPPORTED},
	    {{500, CODE("CannotVerifyCopySource"), NULL, ANSWER},
		ERR_UNSUPPORTED},
	    {{409, CODE("CopyAcrossAccountsNotSupported"), NULL, ANSWER},
		ERR_UNSUPPORTED},
	    {{501, NULL, NULL, ANSWER}, ERR_UNSUPPORTED},
	    {{400, CODE("InvalidHeaderValue"), NULL, ANSWER}, ERR_UNSUPPORTED},
	    {{400, SOURCE_SAYS("ConditionNotMet"), NULL, ANSWER}, ERR_CONFLICT},
	    {{403, CODE("AuthenticationFailed"), NULL, ANSWER}, ERR_AUTH},
	    {{404, CODE("ContainerNotFound"), NULL, ANSWER}, ERR_SERVER},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct azure_rig r;

		azure_rig_up(&r, &cases[i].step, 1);
		azure_rig_fails(&r, stage_from(&r), cases[i].kind, "'blob'");
		azure_rig_down(&r);
	}
}

static void
a_copy_names_its_source_and_sits_out_its_overload(void **state)
{
	static const struct azure_step steps[] = {
	    {403, SOURCE_SAYS("ServerBusy"), NULL, ANSWER},
	    {.status = 201},
	};
	struct azure_rig r;

	(void)state;
	RIG(&r, steps);
	azure_rig_ok(&r, stage_from(&r));
	for (size_t i = 0; i < 2; i++) {
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
	    cmocka_unit_test(a_copy_names_its_source_and_sits_out_its_overload),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
