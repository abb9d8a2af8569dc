#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arm/arm_error.h"
#include "base/err.h"
#include "base/http.h"
#include "base/json.h"
#include "base/scope.h"

#define WHAT "importing into 'cache1/default'"

/* As arm_error() fills it from an answer with these. */
static struct err
told(int status, const char *headers[][2], size_t nheaders, const char *body)
{
	struct scope scope = scope_root(NULL);
	struct http_response r = {.status = status};
	struct err err = {0};

	buf_init(&r.body, 1 << 20);
	buf_adds(&r.body, body);
	for (size_t i = 0; i < nheaders; i++)
		http_headers_add(&r.headers, headers[i][0], headers[i][1]);
	assert_int_equal(arm_error(&r, &scope, WHAT, &err), -1);
	assert_int_equal(err.status, status);
	http_response_release(&r);
	return err;
}

static struct err
plainly(int status, const char *body)
{
	return told(status, NULL, 0, body);
}

static struct err
failed(const char *status)
{
	struct err err = {0};
	cJSON *root = json_parse(status, strlen(status), 65536, false, &err);

	assert_non_null(root);
	assert_int_equal(arm_error_told(root, WHAT, &err), -1);
	cJSON_Delete(root);
	return err;
}

static void
assert_says(const struct err *err, const char *says)
{
	if (strstr(err->text, says) == NULL)
		fail_msg("no '%s' in '%s'", says, err->text);
}

static void
the_code_and_the_words_are_told(void **state)
{
	static const char *headers[][2] = {
	    {"x-ms-request-id", "1"},
	    {"X-MS-Correlation-Request-Id",
		"0c0ffee0-0000-4000-8000-000000000001"},
	    {"Retry-After", "17"},
	};
	struct err err;

	(void)state;
	err = told(409, headers, 3,
	    "{\"error\":{\"code\":\"AnotherOperationInProgress\","
	    "\"message\":\"An export goes on.\"}}");
	assert_int_equal(err.kind, ERR_CONFLICT);
	assert_string_equal(err.code, "AnotherOperationInProgress");
	assert_string_equal(
	    err.request_id, "0c0ffee0-0000-4000-8000-000000000001");
	assert_int_equal(err.retry_after_ms, 17000);
	assert_string_equal(err.text,
	    WHAT ": the service answered 409 AnotherOperationInProgress "
		 "(request id 0c0ffee0-0000-4000-8000-000000000001): An export "
		 "goes on.; wait until that has come to its end");
	err = told(400, headers, 1, "");
	assert_string_equal(err.request_id, "1");
	assert_string_equal(
	    err.text, WHAT ": the service answered 400 (request id 1)");
}

static void
either_nesting_is_read(void **state)
{
	static const char *const bodies[] = {
	    "{\"status\":\"Failed\",\"error\":{\"code\":\"C\",\"message\":\"M\"}}",
	    "{\"status\":\"Failed\",\"error\":{\"error\":{\"code\":\"C\","
	    "\"message\":\"M\"}}}",
	    "{\"status\":\"Failed\",\"code\":\"C\",\"message\":\"M\"}",
	    "{\"Status\":\"Failed\",\"Error\":{\"Code\":\"C\","
	    "\"Message\":\"M\"}}",
	    "{\"error\":{\"code\":\"C\",\"message\":null,\"details\":["
	    "{\"code\":null,\"message\":\"M\"}]}}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(*bodies); i++) {
		struct err err = failed(bodies[i]);

		assert_int_equal(err.kind, ERR_SERVER);
		assert_int_equal(err.status, 0);
		assert_string_equal(err.code, "C");
		assert_string_equal(
		    err.text, WHAT ": the service says it failed: C: M");
	}
}

static void
details_speak_where_the_message_does_not(void **state)
{
	struct err err;

	(void)state;
	err = failed("{\"error\":{\"code\":\"BadRequest\",\"message\":\"\","
		     "\"details\":[{\"code\":\"One\",\"message\":\"first\"},"
		     "{\"message\":\"second\"},7,{\"code\":3},{\"code\":\"4\"},"
		     "{\"code\":\"5\"}]"
		     "}}");
	assert_says(&err, "BadRequest: One: first; second; 3; 4");
	assert_null(strstr(err.text, "5"));
}

static void
numbers_nulls_and_nonsense_are_borne(void **state)
{
	static const char *const bodies[] = {"", "null", "[]", "7", "{}",
	    "\"x\"", "{\"error\":null}", "{\"error\":[]}", "{\"error\":7}",
	    "{\"error\":{\"code\":{},\"message\":[]}}",
	    "{\"error\":{\"details\":{}}}", "{\"error\":{\"details\":[null]}}",
	    "{", "<html>Bad Gateway</html>", "{\"error\":{\"error\":null}}"};
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(*bodies); i++) {
		err = plainly(502, bodies[i]);
		assert_int_equal(err.kind, ERR_TRANSIENT);
		assert_string_equal(
		    err.text, WHAT ": the service answered 502");
	}
	err = failed("{\"status\":\"Failed\",\"error\":null}");
	assert_string_equal(err.text, WHAT ": the service says it failed");
	err = failed("{\"error\":{\"code\":409,\"message\":12}}");
	assert_string_equal(err.code, "409");
	assert_says(&err, ": 409: 12");
}

static void
a_role_that_is_missing_is_named(void **state)
{
	static const char answer[] =
	    "{\"error\":{\"code\":\"AuthorizationFailed\",\"message\":\"The "
	    "client '11111111-2222-3333-4444-555555555555' with object id "
	    "'11111111-2222-3333-4444-555555555555' does not have "
	    "authorization to perform action "
	    "'Microsoft.Cache/redisEnterprise/databases/export/action' over "
	    "scope '/subscriptions/s/resourceGroups/rg1/providers/"
	    "Microsoft.Cache/redisEnterprise/cache1/databases/default' or the "
	    "scope is invalid. If access was recently granted, please refresh "
	    "your credentials.\"}}";
	struct err err;

	(void)state;
	err = plainly(403, answer);
	assert_int_equal(err.kind, ERR_AUTH);
	assert_says(&err,
	    "the identity may not "
	    "'Microsoft.Cache/redisEnterprise/databases/export/action'; give "
	    "it a role with that action on the resource (Contributor, or one "
	    "of your own); a role that was just given takes some minutes");
	err = plainly(403,
	    "{\"error\":{\"code\":\"AuthorizationFailed\",\"message\":\"to "
	    "perform action 'Microsoft.Cache/redis/export/action' over\"}}");
	assert_says(&err, "(Redis Cache Contributor, or one of your own)");
	err = plainly(403,
	    "{\"error\":{\"code\":\"AuthorizationFailed\",\"message\":\"no\"}"
	    "}");
	assert_says(&err, "no; give the identity a role that allows it");
}

static void
each_code_means_what_it_means(void **state)
{
	static const struct {
		int status;
		const char *code;
		enum err_kind kind;
	} cases[] = {
	    {404, "ResourceNotFound", ERR_MISSING},
	    {404, "SubscriptionNotFound", ERR_MISSING},
	    {409, "ScopeLocked", ERR_SERVER},
	    {409, "RetryableError", ERR_TRANSIENT},
	    {429, "Whatever", ERR_TRANSIENT},
	    {401, "InvalidAuthenticationTokenTenant", ERR_AUTH},
	    {400, "NoRegisteredProviderFound", ERR_UNSUPPORTED},
	    {400, "invalidapiversionparameter", ERR_UNSUPPORTED},
	    {400, "Whatever", ERR_SERVER},
	    {412, "Whatever", ERR_CONFLICT},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char body[200];
		struct err err;

		snprintf(body, sizeof(body),
		    "{\"error\":{\"code\":\"%s\",\"message\":\"m\"}}",
		    cases[i].code);
		err = plainly(cases[i].status, body);
		if (err.kind != cases[i].kind)
			fail_msg(
			    "%s is %s", cases[i].code, err_kind_name(err.kind));
	}
}

static void
a_bare_conflict_says_where_to_look(void **state)
{
	struct err err;

	(void)state;
	err = failed("{\"status\":\"Failed\",\"error\":{\"code\":\"Conflict\","
		     "\"message\":\"\"}}");
	assert_says(&err, "gives no reason");
	assert_says(&err, "within the hour");
}

/* The service repeats the SAS that it was given. */
static void
secrets_and_controls_are_left_out(void **state)
{
	struct err err;

	(void)state;
	err = plainly(400,
	    "{\"error\":{\"code\":\"InvalidSas\",\"message\":\"One of the SAS "
	    "URIs (https://a/c?se=2026&sig=SECRET%2B) "
	    "\\u001b[31mcould\\nnot\"}}");
	assert_null(strstr(err.text, "SECRET"));
	assert_null(strchr(err.text, '\033'));
	assert_null(strchr(err.text, '\n'));
	assert_says(&err, "se=2026");
	err = failed("{\"error\":{\"code\":\"sig=SECRET\",\"message\":\"\","
		     "\"details\":[{\"code\":\"x\",\"message\":\"?sig=SECRET\"}"
		     "]}}");
	assert_null(strstr(err.text, "SECRET"));
	assert_null(strstr(err.code, "SECRET"));
}

static void
a_long_word_leaves_room_for_the_advice(void **state)
{
	char body[9000] = "{\"error\":{\"code\":\"InvalidApiVersionParameter\","
			  "\"message\":\"";
	size_t len = strlen(body);
	struct err err;

	(void)state;
	for (int i = 0; i < 2000; i++, len += 2)
		memcpy(body + len, "\xc3\xa9", 2);
	strcpy(body + len, "\"}}");
	err = plainly(400, body);
	assert_says(&err, "\xc3\xa9...; set an api-version");
	err = plainly(400, "{\"error\":{\"code\":\"C\",\"message\":\"\xff\"}}");
	assert_says(&err, "C: ");
}

static void
an_odd_request_id_is_not_taken(void **state)
{
	static const char *headers[][2] = {
	    {"x-ms-request-id", "1"},
	    {"x-ms-correlation-request-id", "\033[31m"},
	};
	struct err err;

	(void)state;
	err = told(400, headers, 2, "");
	assert_string_equal(err.request_id, "1");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_code_and_the_words_are_told),
	    cmocka_unit_test(either_nesting_is_read),
	    cmocka_unit_test(details_speak_where_the_message_does_not),
	    cmocka_unit_test(numbers_nulls_and_nonsense_are_borne),
	    cmocka_unit_test(a_role_that_is_missing_is_named),
	    cmocka_unit_test(each_code_means_what_it_means),
	    cmocka_unit_test(a_bare_conflict_says_where_to_look),
	    cmocka_unit_test(secrets_and_controls_are_left_out),
	    cmocka_unit_test(a_long_word_leaves_room_for_the_advice),
	    cmocka_unit_test(an_odd_request_id_is_not_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
