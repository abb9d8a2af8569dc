#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arm/arm_client.h"
#include "arm/arm_host.h"
#include "base/buf.h"
#include "base/http.h"
#include "base/secret.h"
#include "tests/sim/arm_rig.h"

#define PATH "/subscriptions/s/resourceGroups/g/providers/Microsoft.Cache/x"

static int
ask(struct arm_rig *r, struct arm_request *request, struct arm_answer *answer)
{
	r->err = (struct err){0};
	request->doing = "describing 'x'";
	if (request->url == NULL) {
		request->path = PATH;
		request->api_version = "2025-07-01";
	}
	return arm_client_do(r->client, &r->scope, request, answer, &r->err);
}

static int
get(struct arm_rig *r)
{
	struct arm_request request = {.method = "GET", .wants_json = true};
	struct arm_answer answer;
	int rc = ask(r, &request, &answer);

	if (rc == 0)
		arm_answer_release(&answer);
	return rc;
}

static int
post_once(struct arm_rig *r, bool *in_doubt)
{
	struct arm_request request = {.method = "POST", .once = true};
	struct arm_answer answer;
	int rc = ask(r, &request, &answer);

	*in_doubt = request.in_doubt;
	if (rc == 0)
		arm_answer_release(&answer);
	return rc;
}

static void
a_request_has_all_that_it_needs(void **state)
{
	static const struct arm_step steps[] = {
	    {"PUT " PATH "[?]api-version=2025-07-01", 201,
		"ETag: W/\"7\"\r\n"
		"azure-asyncoperation: {host}/a?b=c\r\n"
		"LOCATION: {host}/l\r\nRetry-After: 17\r\n" ARM_REQUEST,
		"{\"a\":1}", ARM_ANSWER}};
	struct secret body = {0};
	struct arm_request request = {
	    .method = "PUT",
	    .if_match = "\"6\"",
	    .if_none_match = "*",
	    .wants_json = true,
	};
	struct arm_answer answer;
	struct arm_rig r;
	cJSON *root = cJSON_CreateObject();

	(void)state;
	cJSON_AddStringToObject(root, "sasUri", "https://x?sig=SECRET");
	arm_body_take(&body, root);
	request.body = &body;
	ARM_RIG(&r, steps);
	arm_rig_ok(&r, ask(&r, &request, &answer));
	arm_rig_sent(&r, 0, "Authorization: Bearer " ARM_TOKEN "\r\n");
	arm_rig_sent(&r, 0, "Content-Type: application/json\r\n");
	arm_rig_sent(&r, 0, "If-Match: \"6\"\r\n");
	arm_rig_sent(&r, 0, "If-None-Match: *\r\n");
	arm_rig_sent(&r, 0,
	    "x-ms-client-request-id: 00000000-0000-4000-8000-000000000000");
	arm_rig_sent(&r, 0, "{\"sasUri\":\"https://x?sig=SECRET\"}");
	assert_int_equal(answer.status, 201);
	assert_string_equal(answer.etag, "W/\"7\"");
	assert_non_null(strstr(answer.operation_url, "/a?b=c"));
	assert_non_null(strstr(answer.location, "/l"));
	assert_int_equal(answer.retry_after_ms, 17000);
	assert_string_equal(
	    answer.request_id, "0c0ffee0-0000-4000-8000-000000000001");
	assert_int_equal(cJSON_GetObjectItem(answer.body, "a")->valueint, 1);
	arm_answer_release(&answer);
	secret_release(&body);
	arm_rig_down(&r);
}

static void
what_is_safe_twice_goes_again(void **state)
{
	static const struct arm_step steps[] = {
	    {.status = 429, .headers = "Retry-After: 40\r\n"},
	    {.status = 503},
	    {.how = ARM_RESET},
	    {.status = 200, .how = ARM_CUT},
	    {.status = 409,
		.body = "{\"error\":{\"code\":\"RetryableError\"}}"},
	    {.status = 200, .body = "{}"},
	};
	struct arm_rig r;

	(void)state;
	ARM_RIG(&r, steps);
	arm_rig_ok(&r, get(&r));
	assert_true(r.clock.slept_ms >= 40000);
	arm_rig_down(&r);
}

/* What ends is the attempt's time, and not the caller's. */
static void
a_service_that_is_silent_is_asked_again(void **state)
{
	static const struct arm_step steps[] = {
	    {.how = ARM_STALL}, {.status = 200, .body = "{}"}};
	struct arm_request request = {.method = "GET", .timeout_ms = 100};
	struct arm_answer answer;
	struct arm_rig r;

	(void)state;
	ARM_RIG(&r, steps);
	arm_rig_ok(&r, ask(&r, &request, &answer));
	arm_answer_release(&answer);
	arm_rig_down(&r);
}

static void
what_is_not_goes_once_on_a_fresh_connection(void **state)
{
	static const struct arm_step steps[] = {
	    {.status = 200, .body = "{}"},
	    {.how = ARM_RESET},
	    {.status = 503},
	    {.status = 202, .how = ARM_CUT},
	    {.status = 429},
	    {.status = 400},
	    {.status = 202},
	};
	static const bool doubts[] = {true, true, true, false, false};
	struct arm_rig r;
	bool in_doubt;

	(void)state;
	ARM_RIG(&r, steps);
	arm_rig_ok(&r, get(&r));
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(post_once(&r, &in_doubt), -1);
		assert_int_equal(in_doubt, doubts[i]);
	}
	/* Without an answer, ours is the id to look for. */
	arm_rig_ok(&r, post_once(&r, &in_doubt));
	assert_int_equal(arm_rig_connections(&r), 7);
	arm_rig_down(&r);
}

static void
a_lost_answer_is_found_by_our_own_id(void **state)
{
	static const struct arm_step steps[] = {{.how = ARM_RESET}};
	struct arm_rig r;
	bool in_doubt;

	(void)state;
	ARM_RIG(&r, steps);
	arm_rig_fails(
	    &r, post_once(&r, &in_doubt), ERR_TRANSIENT, "describing 'x'");
	assert_string_equal(
	    r.err.request_id, "00000000-0000-4000-8000-000000000000");
	arm_rig_down(&r);
}

static void
what_was_never_sent_is_in_no_doubt(void **state)
{
	struct arm_rig r;
	bool in_doubt = true;

	(void)state;
	arm_rig_up(&r, NULL, 0);
	/* Nobody listens there any more. */
	script_server_free(r.server);
	assert_int_equal(post_once(&r, &in_doubt), -1);
	assert_false(in_doubt);
	r.server = script_server_new(NULL, NULL, NULL);
	arm_rig_down(&r);
}

static void
a_token_that_is_refused_is_asked_for_again_once(void **state)
{
	static const struct arm_step steps[] = {
	    {.status = 401,
		.body =
		    "{\"error\":{\"code\":\"ExpiredAuthenticationToken\"}}"},
	    {.status = 202},
	    {.status = 401},
	    {.status = 401,
		.body = "{\"error\":{\"code\":\"ExpiredAuthenticationToken\","
			"\"message\":\"The access token expiry UTC time is "
			"earlier than now\"}}"},
	};
	struct arm_rig r;
	bool in_doubt;

	(void)state;
	ARM_RIG(&r, steps);
	/* The first was refused for sure: this is no repetition. */
	arm_rig_ok(&r, post_once(&r, &in_doubt));
	arm_rig_sent(&r, 0, "Bearer secret-token-1\r\n");
	arm_rig_sent(&r, 1, "Bearer secret-token-2\r\n");
	arm_rig_fails(&r, get(&r), ERR_AUTH, "this machine's clock");
	assert_int_equal(arm_rig_forgotten(&r), 2);
	assert_int_equal(arm_rig_tokens(&r), 4);
	arm_rig_down(&r);
}

struct fence {
	struct arm_rig *rig;
	unsigned asked, tokens, refuse_at;
};

static int
still_ours(void *arg, struct err *err)
{
	struct fence *f = arg;

	f->tokens = arm_rig_tokens(f->rig);
	if (++f->asked == f->refuse_at)
		return err_set(err, ERR_LOCKED, "the lease is about to end");
	return 0;
}

static int
post_fenced(struct arm_rig *r, struct fence *f)
{
	struct arm_request request = {
	    .method = "POST",
	    .once = true,
	    .still_ours = still_ours,
	    .still_ours_arg = f,
	};
	struct arm_answer answer;
	int rc = ask(r, &request, &answer);

	assert_false(request.in_doubt);
	if (rc == 0)
		arm_answer_release(&answer);
	return rc;
}

/* A token may take a minute, and the leave would be of before. */
static void
leave_is_asked_for_after_the_token(void **state)
{
	static const struct arm_step steps[] = {
	    {.status = 202}, {.status = 401}};
	struct arm_rig r;
	struct fence f = {.rig = &r};

	(void)state;
	ARM_RIG(&r, steps);
	arm_rig_ok(&r, post_fenced(&r, &f));
	assert_int_equal(f.tokens, 1);
	/* And before it goes with another token, anew. */
	f.refuse_at = 3;
	arm_rig_fails(&r, post_fenced(&r, &f), ERR_LOCKED, "about to end");
	assert_int_equal(f.asked, 3);
	arm_rig_down(&r);
}

static void
few_requests_left_slow_the_next(void **state)
{
	static const struct arm_step steps[] = {
	    {.status = 200,
		.headers = "x-ms-ratelimit-remaining-subscription-reads: "
			   "249\r\n",
		.body = "{}"},
	    {.status = 200,
		.headers = "x-ms-ratelimit-remaining-subscription-reads: 3\r\n",
		.body = "{}"},
	    {.status = 200,
		.headers = "x-ms-ratelimit-remaining-resource: a/b;1\r\n",
		.body = "{}"},
	    {.status = 200, .body = "{}"},
	};
	struct arm_rig r;

	(void)state;
	ARM_RIG(&r, steps);
	arm_rig_ok(&r, get(&r));
	arm_rig_ok(&r, get(&r));
	assert_int_equal(r.clock.slept_ms, 0);
	arm_rig_ok(&r, get(&r));
	assert_int_equal(r.clock.slept_ms, 1000);
	arm_rig_ok(&r, get(&r));
	assert_int_equal(r.clock.slept_ms, 1000);
	arm_rig_down(&r);
}

static void
a_success_without_json_is_told(void **state)
{
	static const struct arm_step steps[] = {
	    {.status = 200},
	    {.status = 200, .body = "<html>sign in</html>"},
	};
	struct arm_rig r;

	(void)state;
	ARM_RIG(&r, steps);
	arm_rig_fails(&r, get(&r), ERR_CORRUPT, "no JSON");
	arm_rig_fails(&r, get(&r), ERR_CORRUPT, "not JSON");
	arm_rig_down(&r);
}

static void
an_endless_answer_is_not_taken(void **state)
{
	char *big = calloc(1, 2 << 20);
	struct arm_step steps[] = {{.status = 200, .body = big}};
	struct arm_rig r;

	(void)state;
	memset(big, ' ', (2 << 20) - 1);
	ARM_RIG(&r, steps);
	arm_rig_fails(&r, get(&r), ERR_CORRUPT, "describing 'x'");
	arm_rig_down(&r);
	free(big);
}

static void
an_address_that_was_told_stays_as_it_is(void **state)
{
	static const struct arm_step steps[] = {
	    {"GET /subscriptions/S/locations/East%20US/operationresults/"
	     "1[?]api-version=2024-03-01&t=1&c=MII%2B~x",
		200, NULL, NULL, ARM_ANSWER}};
	struct arm_rig r;
	struct arm_request request = {.method = "GET"};
	struct arm_answer answer;
	char *url;

	(void)state;
	ARM_RIG(&r, steps);
	url = script_server_url(r.server,
	    "/subscriptions/S/locations/East%20US/operationresults/1"
	    "?api-version=2024-03-01&t=1&c=MII%2B~x");
	request.url = url;
	arm_rig_ok(&r, ask(&r, &request, &answer));
	assert_null(answer.body);
	arm_answer_release(&answer);
	free(url);
	arm_rig_down(&r);
}

static void
the_token_goes_to_the_endpoint_and_below_it(void **state)
{
	static const char *const yes[] = {"https://management.azure.com/x?y",
	    "https://MANAGEMENT.azure.com:443/x",
	    "https://westus2.management.azure.com/x"};
	static const char *const no[] = {"http://management.azure.com/x",
	    "https://management.azure.com:8443/x",
	    "https://management.azure.com.evil.example/x",
	    "https://evilmanagement.azure.com/x",
	    "https://.management.azure.com.evil.example/x",
	    "https://azure.com/x", "https://evil.example/management.azure.com",
	    "https://management.azure.com@evil.example/x",
	    "https://u:p@management.azure.com/x",
	    "https://management.azure.com\\@evil.example/x",
	    "https://evil.example\\.management.azure.com/x",
	    "https://management.azure.com/\r\nX: y", "management.azure.com/x",
	    "/x", "", "https:///x", "ftp://management.azure.com/x"};
	struct arm_host h;
	struct err err = {0};

	(void)state;
	assert_int_equal(
	    arm_host_init(&h, "https://management.azure.com/", &err), 0);
	for (size_t i = 0; i < sizeof(yes) / sizeof(*yes); i++)
		if (!arm_host_trusts(&h, yes[i]))
			fail_msg("'%s' is not trusted", yes[i]);
	for (size_t i = 0; i < sizeof(no) / sizeof(*no); i++)
		if (arm_host_trusts(&h, no[i]))
			fail_msg("'%s' is trusted", no[i]);
	arm_host_release(&h);
}

static void
on_loopback_only_the_endpoint_itself(void **state)
{
	struct arm_host h;
	struct err err = {0};

	(void)state;
	assert_int_equal(arm_host_init(&h, "http://127.0.0.1:8080", &err), 0);
	assert_true(arm_host_trusts(&h, "http://127.0.0.1:8080/x"));
	assert_false(arm_host_trusts(&h, "http://127.0.0.1:8081/x"));
	assert_false(arm_host_trusts(&h, "https://127.0.0.1:8080/x"));
	assert_false(arm_host_trusts(&h, "http://x.127.0.0.1:8080/x"));
	arm_host_release(&h);
}

static void
an_endpoint_in_the_clear_or_with_more_is_refused(void **state)
{
	static const char *const wrong[] = {"http://management.azure.com",
	    "https://management.azure.com/x", "https://management.azure.com?x",
	    "https://u@management.azure.com", "management.azure.com", ""};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct arm_host h;
		struct err err = {0};

		assert_int_equal(arm_host_init(&h, wrong[i], &err), -1);
		assert_int_equal(err.kind, ERR_USAGE);
		assert_non_null(strstr(err.text, "Resource Manager"));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_request_has_all_that_it_needs),
	    cmocka_unit_test(what_is_safe_twice_goes_again),
	    cmocka_unit_test(a_service_that_is_silent_is_asked_again),
	    cmocka_unit_test(what_is_not_goes_once_on_a_fresh_connection),
	    cmocka_unit_test(a_lost_answer_is_found_by_our_own_id),
	    cmocka_unit_test(what_was_never_sent_is_in_no_doubt),
	    cmocka_unit_test(a_token_that_is_refused_is_asked_for_again_once),
	    cmocka_unit_test(leave_is_asked_for_after_the_token),
	    cmocka_unit_test(few_requests_left_slow_the_next),
	    cmocka_unit_test(a_success_without_json_is_told),
	    cmocka_unit_test(an_endless_answer_is_not_taken),
	    cmocka_unit_test(an_address_that_was_told_stays_as_it_is),
	    cmocka_unit_test(the_token_goes_to_the_endpoint_and_below_it),
	    cmocka_unit_test(on_loopback_only_the_endpoint_itself),
	    cmocka_unit_test(an_endpoint_in_the_clear_or_with_more_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
