#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "arm/operation.h"
#include "tests/sim/operation_rig.h"

static void
it_is_followed_to_its_end(void **state)
{
	static const char *const dones[] = {
	    "Succeeded", "succeeded", "SUCCEEDED"};

	(void)state;
	for (size_t i = 0; i < sizeof(dones) / sizeof(*dones); i++) {
		char done[40];
		struct arm_step steps[] = {OPERATION_ACCEPTED, OPERATION_ON,
		    {ASKED, 200, NULL, "{\"status\":null}", ARM_ANSWER},
		    {ASKED, 200, NULL, "{\"status\":7}", ARM_ANSWER},
		    {ASKED, 200, NULL, "{\"status\":\"Exporting\"}",
			ARM_ANSWER},
		    {ASKED, 202, NULL, NULL, ARM_ANSWER},
		    {ASKED, 200, NULL, done, ARM_ANSWER}};
		struct operation_end end;
		struct operation_rig g;

		snprintf(done, sizeof(done), "{\"status\":\"%s\"}", dones[i]);
		OPERATION_RIG(&g, steps);
		end = operation_rig_run(&g);
		operation_rig_assert_ends(&end, OPERATION_SUCCEEDED, "");
		assert_false(end.by_state);
		/* 0.5, 1, 2, 4, 8, 16 s */
		assert_int_equal(g.rig.clock.slept_ms, 31500);
		arm_rig_sent(&g.rig, 0, "{\"a\":\"SECRET\"}");
		operation_rig_down(&g);
	}
}

static void
it_is_followed_by_location_where_that_is_all(void **state)
{
	static const struct arm_step steps[] = {
	    {POST, 202, LOCATION, NULL, ARM_ANSWER},
	    {LOCATED, 202, NULL, NULL, ARM_ANSWER},
	    {LOCATED, 200, NULL, "{\"status\":\"Running\"}", ARM_ANSWER},
	    {LOCATED, 200, NULL, "", ARM_ANSWER},
	    {POST, 202, LOCATION, NULL, ARM_ANSWER},
	    {LOCATED, 204, NULL, NULL, ARM_ANSWER},
	    {POST, 202, LOCATION, NULL, ARM_ANSWER},
	    {LOCATED, 200, NULL,
		"{\"status\":\"Failed\",\"error\":{\"code\":\"C\"}}",
		ARM_ANSWER},
	};
	struct operation_end end;
	struct operation_rig g;

	(void)state;
	OPERATION_RIG(&g, steps);
	end = operation_rig_run(&g);
	operation_rig_assert_ends(&end, OPERATION_SUCCEEDED, "");
	end = operation_rig_run(&g);
	operation_rig_assert_ends(&end, OPERATION_SUCCEEDED, "");
	end = operation_rig_run(&g);
	operation_rig_assert_ends(&end, OPERATION_FAILED, "C");
	operation_rig_down(&g);
}

static void
it_may_be_over_at_once(void **state)
{
	static const struct arm_step steps[] = {
	    {POST, 200, NULL, NULL, ARM_ANSWER},
	    {POST, 204, NULL, NULL, ARM_ANSWER},
	    {POST, 200, NULL, DONE, ARM_ANSWER},
	    {POST, 200, ARM_REQUEST,
		"{\"status\":\"Failed\",\"error\":{\"code\":\"C\"}}",
		ARM_ANSWER},
	};
	struct operation_end end;
	struct operation_rig g;

	(void)state;
	OPERATION_RIG(&g, steps);
	for (int i = 0; i < 3; i++) {
		end = operation_rig_run(&g);
		operation_rig_assert_ends(&end, OPERATION_SUCCEEDED, "");
	}
	end = operation_rig_run(&g);
	operation_rig_assert_ends(&end, OPERATION_FAILED, "C");
	assert_non_null(strstr(end.why.request_id, "c0ffee"));
	assert_int_equal(g.rig.clock.slept_ms, 0);
	operation_rig_down(&g);
}

static void
each_way_to_fail_is_told(void **state)
{
	static const struct {
		struct arm_step step;
		const char *says;
	} cases[] = {
	    {{ASKED, 200, ARM_REQUEST,
		 "{\"status\":\"Failed\",\"error\":{\"code\":\"C\","
		 "\"message\":\"m\"}}",
		 ARM_ANSWER},
		"following the import of 'cache1/default': the service says it "
		"failed: C (request id 0c0ffee0-0000-4000-8000-000000000001): "
		"m"},
	    {{ASKED, 200, NULL,
		 "{\"status\":\"failed\",\"error\":{\"error\":{\"code\":\"C\","
		 "\"message\":\"?sig=SECRET\"}}}",
		 ARM_ANSWER},
		": ?sig=[redacted]"},
	    {{ASKED, 200, NULL, "{\"status\":\"FAILED\",\"error\":null}",
		 ARM_ANSWER},
		"the service says it failed"},
	    {{ASKED, 200, NULL, "{\"status\":\"Canceled\"}", ARM_ANSWER},
		"cancelled"},
	    {{ASKED, 409, NULL, "{\"error\":{\"code\":\"Conflict\"}}",
		 ARM_ANSWER},
		"409 Conflict; it gives no reason"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct arm_step steps[] = {OPERATION_ACCEPTED, cases[i].step};
		struct operation_end end;
		struct operation_rig g;

		OPERATION_RIG(&g, steps);
		end = operation_rig_run(&g);
		operation_rig_assert_ends(
		    &end, OPERATION_FAILED, cases[i].says);
		assert_null(strstr(end.why.text, "SECRET"));
		operation_rig_down(&g);
	}
}

static void
pauses_are_as_the_service_asks_within_bounds(void **state)
{
	static const struct {
		const char *header;
		int64_t ms;
	} cases[] = {
	    {"Retry-After: 17\r\n", 17000},
	    {"Retry-After: 86400\r\n", 300000},
	    {"x-ms-retry-after-ms: 5\r\n", 1000},
	    {"Retry-After: 0\r\n", 1000},
	    {"Retry-After: soon\r\n", 1000},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct arm_step steps[] = {OPERATION_ACCEPTED,
		    {ASKED, 200, cases[i].header, ON, ARM_ANSWER},
		    OPERATION_DONE};
		struct operation_rig g;

		OPERATION_RIG(&g, steps);
		operation_rig_run(&g);
		assert_int_equal(g.rig.clock.slept_ms, 500 + cases[i].ms);
		operation_rig_down(&g);
	}
}

#define HIDDEN \
	{ \
		ASKED, 403, NULL, NULL, ARM_ANSWER \
	}
#define GONE \
	{ \
		LOCATED, 404, NULL, NULL, ARM_ANSWER \
	}

static void
the_first_look_is_not_before_it_is_wanted(void **state)
{
	static const struct arm_step steps[] = {
	    {POST, 202, STATUS "Retry-After: 17\r\n", NULL, ARM_ANSWER},
	    OPERATION_DONE};
	struct operation_rig g;

	(void)state;
	OPERATION_RIG(&g, steps);
	operation_rig_run(&g);
	assert_int_equal(g.rig.clock.slept_ms, 17000);
	operation_rig_down(&g);
}

static void
where_its_status_is_hidden_the_resource_tells(void **state)
{
	static const struct arm_step steps[] = {OPERATION_ACCEPTED, HIDDEN,
	    GONE, HIDDEN, GONE, HIDDEN, GONE, HIDDEN, GONE};
	static const struct {
		enum resource_look looks[4];
		enum operation_outcome outcome;
		const char *says;
	} cases[] = {
	    {{LOOK_READY, LOOK_BUSY, LOOK_BUSY, LOOK_READY},
		OPERATION_SUCCEEDED, ""},
	    {{LOOK_READY, LOOK_BUSY, LOOK_BUSY, LOOK_FAILED}, OPERATION_FAILED,
		"its last change failed"},
	};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct operation_end end;
		struct operation_rig g;

		OPERATION_RIG(&g, steps);
		g.looks = cases[i].looks;
		g.nlooks = 4;
		end = operation_rig_run(&g);
		operation_rig_assert_ends(
		    &end, cases[i].outcome, cases[i].says);
		assert_true(end.by_state);
		operation_rig_down(&g);
	}
}

/* That it is ready, or failed once, may be of before. */
static void
a_resource_that_was_not_seen_busy_proves_nothing(void **state)
{
	static const enum resource_look looks[] = {LOOK_READY, LOOK_FAILED};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		static const struct arm_step steps[] = {
		    {POST, 202, NULL, NULL, ARM_ANSWER}};
		struct operation_end end;
		struct operation_rig g;

		OPERATION_RIG(&g, steps);
		g.looks = &looks[i];
		g.nlooks = 1;
		end = operation_rig_run(&g);
		operation_rig_assert_ends(&end, OPERATION_UNKNOWN,
		    "how the import of 'cache1/default' ended is not known");
		operation_rig_down(&g);
	}
}

static void
that_it_was_seen_busy_outlives_the_process(void **state)
{
	static const struct arm_step steps[] = {
	    {POST, 202, NULL, NULL, ARM_ANSWER}};
	static const enum resource_look looks[] = {LOOK_BUSY, LOOK_READY};
	struct operation_end end;
	struct operation *op;
	struct scope brief;
	struct operation_rig g;

	(void)state;
	OPERATION_RIG(&g, steps);
	g.looks = looks;
	g.nlooks = 2;
	op = operation_rig_start(&g);
	brief = scope_within(&g.rig.scope, 1000);
	assert_int_equal(operation_follow(op, &brief, &end, &g.rig.err), -1);
	operation_free(op);
	op = operation_rig_resume(&g);
	arm_rig_ok(&g.rig, operation_rig_follow(&g, op, &end));
	operation_rig_assert_ends(&end, OPERATION_SUCCEEDED, "");
	operation_free(op);
	operation_rig_down(&g);
}

/* A record may come late: 404 is no last word. */
static void
a_status_that_shows_up_again_is_believed(void **state)
{
	static const struct arm_step steps[] = {OPERATION_ACCEPTED,
	    {ASKED, 404, NULL, NULL, ARM_ANSWER}, GONE, OPERATION_ON,
	    OPERATION_DONE};
	static const enum resource_look looks[] = {LOOK_READY};
	struct operation_end end;
	struct operation_rig g;

	(void)state;
	OPERATION_RIG(&g, steps);
	g.looks = looks;
	g.nlooks = 1;
	end = operation_rig_run(&g);
	operation_rig_assert_ends(&end, OPERATION_SUCCEEDED, "");
	assert_false(end.by_state);
	operation_rig_down(&g);
}

/* A gateway's word, or that the question was bad: the next address, and then
 * the resource, is asked, and what it says counts. */
static void
a_question_that_is_refused_is_no_end(void **state)
{
	static const struct {
		int status;
		const char *body;
	} cases[] = {
	    {400, NULL},
	    {400, "{\"error\":{\"code\":\"InvalidApiVersionParameter\"}}"},
	    {400, "{\"error\":{\"code\":\"NoRegisteredProviderFound\"}}"},
	    {403, "{\"error\":{\"code\":\"AuthorizationFailed\"}}"},
	    {405, NULL},
	    {409, "{\"error\":{\"code\":\"AnotherOperationInProgress\"}}"},
	    {413, NULL},
	    {414, "<html>Request-URI Too Long</html>"},
	    {431, NULL},
	};
	static const enum resource_look looks[] = {LOOK_BUSY, LOOK_FAILED};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		int status = cases[i].status;
		const char *body = cases[i].body;
		struct arm_step steps[] = {OPERATION_ACCEPTED,
		    {ASKED, status, NULL, body, ARM_ANSWER},
		    {LOCATED, status, NULL, body, ARM_ANSWER},
		    {ASKED, status, NULL, body, ARM_ANSWER},
		    {LOCATED, status, NULL, body, ARM_ANSWER}};
		struct operation_end end;
		struct operation_rig g;

		OPERATION_RIG(&g, steps);
		g.looks = looks;
		g.nlooks = 2;
		end = operation_rig_run(&g);
		operation_rig_assert_ends(
		    &end, OPERATION_FAILED, "its last change failed");
		assert_true(end.by_state);
		operation_rig_down(&g);
	}
}

/* Which Azure-AsyncOperation would tell with 200. */
static void
by_location_an_error_of_its_own_is_the_operations(void **state)
{
	static const struct arm_step steps[] = {OPERATION_ACCEPTED,
	    {ASKED, 400, NULL, "{\"error\":{\"code\":\"C\"}}", ARM_ANSWER},
	    {LOCATED, 400, NULL, "{\"error\":{\"code\":\"C\"}}", ARM_ANSWER}};
	struct operation_end end;
	struct operation_rig g;

	(void)state;
	OPERATION_RIG(&g, steps);
	end = operation_rig_run(&g);
	operation_rig_assert_ends(
	    &end, OPERATION_FAILED, "the service answered 400 C");
	assert_false(end.by_state);
	operation_rig_down(&g);
}

/* However long: time that was up, with a 4xx for the last word, is no end. */
static void
a_question_that_is_put_off_is_asked_again(void **state)
{
	static const struct arm_step steps[] = {
	    {POST, 202, LOCATION, NULL, ARM_ANSWER},
	    {LOCATED, 429, "Retry-After: 400\r\n",
		"{\"error\":{\"code\":\"OperationNotAllowed\"}}", ARM_ANSWER},
	    {LOCATED, 408, "Retry-After: 400\r\n", NULL, ARM_ANSWER},
	    {LOCATED, 409, "Retry-After: 400\r\n",
		"{\"error\":{\"code\":\"RetryableError\"}}", ARM_ANSWER},
	    {LOCATED, 200, NULL, NULL, ARM_ANSWER}};
	struct operation_end end;
	struct operation_rig g;

	(void)state;
	OPERATION_RIG(&g, steps);
	end = operation_rig_run(&g);
	operation_rig_assert_ends(&end, OPERATION_SUCCEEDED, "");
	assert_int_equal(g.looked, 0);
	operation_rig_down(&g);
}

static void
an_address_elsewhere_gets_no_token(void **state)
{
	static const struct arm_step steps[] = {
	    {POST, 202,
		"Azure-AsyncOperation: http://127.0.0.2:9/status\r\n" LOCATION,
		NULL, ARM_ANSWER},
	    {LOCATED, 200, NULL, NULL, ARM_ANSWER}};
	struct operation_end end;
	struct operation_rig g;

	(void)state;
	OPERATION_RIG(&g, steps);
	end = operation_rig_run(&g);
	operation_rig_assert_ends(&end, OPERATION_SUCCEEDED, "");
	operation_rig_down(&g);
}

/* Whatever the answer says beside it. */
static void
an_address_elsewhere_is_no_end(void **state)
{
	static const char *const elsewhere[] = {
	    "Location: http://127.0.0.2:9/x\r\n",
	    "Azure-AsyncOperation: http://127.0.0.2:9/x\r\n"};
	static const char *const bodies[] = {NULL, DONE};
	static const enum resource_look ready[] = {LOOK_READY};
	static const enum resource_look busy[] = {LOOK_BUSY, LOOK_READY};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct arm_step steps[] = {
		    {POST, 200, elsewhere[i % 2], bodies[i / 2], ARM_ANSWER},
		    {POST, 200, elsewhere[i % 2], bodies[i / 2], ARM_ANSWER}};
		struct operation_end end;
		struct operation_rig g;

		OPERATION_RIG(&g, steps);
		g.looks = ready;
		g.nlooks = 1;
		end = operation_rig_run(&g);
		operation_rig_assert_ends(&end, OPERATION_UNKNOWN,
		    "does not tell, and: nowhere that it may be asked");
		g.looks = busy;
		g.nlooks = 2;
		g.looked = 0;
		end = operation_rig_run(&g);
		operation_rig_assert_ends(&end, OPERATION_SUCCEEDED, "");
		assert_true(end.by_state);
		operation_rig_down(&g);
	}
}

static void
its_time_ends_the_waiting_and_not_the_operation(void **state)
{
	static const struct arm_step steps[] = {OPERATION_ACCEPTED,
	    {ASKED, 200, "Retry-After: 300\r\n", ON, ARM_ANSWER}};
	static const struct arm_step again[] = {OPERATION_ON, OPERATION_DONE};
	struct operation_end end;
	struct operation *op;
	struct operation_rig g;

	(void)state;
	OPERATION_RIG(&g, steps);
	op = operation_rig_start(&g);
	fake_clock_pass(&g.rig.clock, 3600000);
	assert_int_equal(operation_rig_follow(&g, op, &end), -1);
	arm_rig_fails(
	    &g.rig, -1, ERR_UNREACHABLE, "still goes on after 60 minutes");
	operation_free(op);
	/* Who comes later looks at least once. */
	ARM_THEN(&g.rig, again);
	op = operation_rig_resume(&g);
	assert_int_equal(operation_rig_follow(&g, op, &end), -1);
	arm_rig_ok(&g.rig, operation_rig_follow(&g, op, &end));
	operation_rig_assert_ends(&end, OPERATION_SUCCEEDED, "");
	operation_free(op);
	operation_rig_down(&g);
}

static void
a_service_that_is_away_is_waited_for(void **state)
{
	static const struct arm_step steps[] = {OPERATION_ACCEPTED,
	    {ASKED, 503, "Retry-After: 290\r\n", NULL, ARM_ANSWER},
	    {ASKED, 503, "Retry-After: 400\r\n", NULL, ARM_ANSWER},
	    {.wants = ASKED, .how = ARM_RESET}, OPERATION_DONE};
	struct operation_end end;
	struct operation_rig g;

	(void)state;
	OPERATION_RIG(&g, steps);
	end = operation_rig_run(&g);
	operation_rig_assert_ends(&end, OPERATION_SUCCEEDED, "");
	assert_true(g.rig.clock.slept_ms >= 590000);
	operation_rig_down(&g);
}

static void
a_token_that_is_refused_leaves_it_to_be_followed_on(void **state)
{
	static const struct arm_step steps[] = {OPERATION_ACCEPTED,
	    {ASKED, 401, NULL, NULL, ARM_ANSWER},
	    {ASKED, 401, NULL, NULL, ARM_ANSWER}, OPERATION_DONE};
	struct operation_end end;
	struct operation *op;
	struct operation_rig g;

	(void)state;
	OPERATION_RIG(&g, steps);
	op = operation_rig_start(&g);
	assert_int_equal(operation_rig_follow(&g, op, &end), -1);
	assert_int_equal(g.rig.err.kind, ERR_AUTH);
	arm_rig_ok(&g.rig, operation_rig_follow(&g, op, &end));
	operation_rig_assert_ends(&end, OPERATION_SUCCEEDED, "");
	operation_free(op);
	operation_rig_down(&g);
}

static void
an_address_of_8_kib_is_kept_and_asked(void **state)
{
	char url[8100] = "/status?c=";
	char header[8300], wants[8200];
	struct arm_step steps[] = {{POST, 202, header, NULL, ARM_ANSWER},
	    {wants, 200, NULL, DONE, ARM_ANSWER}};
	struct operation_end end;
	struct operation *op;
	struct operation_rig g;

	(void)state;
	memset(url + strlen(url), 'M', sizeof(url) - strlen(url) - 1);
	snprintf(
	    header, sizeof(header), "Azure-AsyncOperation: {host}%s\r\n", url);
	snprintf(wants, sizeof(wants), "GET /status[?]%s", strchr(url, 'c'));
	OPERATION_RIG(&g, steps);
	operation_free(operation_rig_start(&g));
	op = operation_rig_resume(&g);
	arm_rig_ok(&g.rig, operation_rig_follow(&g, op, &end));
	operation_rig_assert_ends(&end, OPERATION_SUCCEEDED, "");
	operation_free(op);
	operation_rig_down(&g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(it_is_followed_to_its_end),
	    cmocka_unit_test(it_is_followed_by_location_where_that_is_all),
	    cmocka_unit_test(it_may_be_over_at_once),
	    cmocka_unit_test(each_way_to_fail_is_told),
	    cmocka_unit_test(pauses_are_as_the_service_asks_within_bounds),
	    cmocka_unit_test(the_first_look_is_not_before_it_is_wanted),
	    cmocka_unit_test(where_its_status_is_hidden_the_resource_tells),
	    cmocka_unit_test(a_resource_that_was_not_seen_busy_proves_nothing),
	    cmocka_unit_test(that_it_was_seen_busy_outlives_the_process),
	    cmocka_unit_test(a_status_that_shows_up_again_is_believed),
	    cmocka_unit_test(a_question_that_is_refused_is_no_end),
	    cmocka_unit_test(by_location_an_error_of_its_own_is_the_operations),
	    cmocka_unit_test(a_question_that_is_put_off_is_asked_again),
	    cmocka_unit_test(an_address_elsewhere_gets_no_token),
	    cmocka_unit_test(an_address_elsewhere_is_no_end),
	    cmocka_unit_test(its_time_ends_the_waiting_and_not_the_operation),
	    cmocka_unit_test(a_service_that_is_away_is_waited_for),
	    cmocka_unit_test(
		a_token_that_is_refused_leaves_it_to_be_followed_on),
	    cmocka_unit_test(an_address_of_8_kib_is_kept_and_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
