#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "arm/operation.h"
#include "base/cancel.h"
#include "tests/sim/operation_rig.h"

static void
a_refusal_leaves_nothing_behind(void **state)
{
	static const struct arm_step steps[] = {
	    {POST, 409, NULL,
		"{\"error\":{\"code\":\"AnotherOperationInProgress\"}}",
		ARM_ANSWER},
	    {POST, 403, NULL, NULL, ARM_ANSWER},
	};
	struct operation_rig g;

	(void)state;
	OPERATION_RIG(&g, steps);
	assert_null(operation_rig_start(&g));
	arm_rig_fails(&g.rig, -1, ERR_CONFLICT,
	    "asking for the import of 'cache1/default'");
	assert_false(operation_rig_is_noted(&g));
	assert_null(operation_rig_start(&g));
	arm_rig_fails(&g.rig, -1, ERR_AUTH, "403");
	assert_false(operation_rig_is_noted(&g));
	/* Nothing is sent without leave. */
	g.refuse = g.asked + 1;
	assert_null(operation_rig_start(&g));
	arm_rig_fails(&g.rig, -1, ERR_LOCKED, "about to end");
	assert_false(operation_rig_is_noted(&g));
	operation_rig_down(&g);
}

static void
what_was_put_off_is_asked_for_again_with_leave(void **state)
{
	static const struct arm_step steps[] = {
	    {POST, 429, "Retry-After: 20\r\n", NULL, ARM_ANSWER},
	    OPERATION_ACCEPTED,
	    OPERATION_DONE,
	};
	struct operation_end end;
	struct operation_rig g;

	(void)state;
	OPERATION_RIG(&g, steps);
	end = operation_rig_run(&g);
	operation_rig_assert_ends(&end, OPERATION_SUCCEEDED, "");
	assert_int_equal(g.asked, 2);
	assert_int_equal(g.rig.clock.slept_ms, 20500);
	operation_rig_down(&g);
}

/* Whatever the resource says: its state may be another's doing. */
static void
a_lost_answer_is_never_success(void **state)
{
	static const struct arm_step lost[] = {
	    {.wants = POST, .how = ARM_RESET},
	    {.wants = POST, .status = 500},
	    {.wants = POST, .status = 202, .how = ARM_CUT},
	};
	static const enum resource_look looks[][3] = {
	    {LOOK_READY, LOOK_READY, LOOK_READY},
	    {LOOK_BUSY, LOOK_BUSY, LOOK_READY},
	    {LOOK_BUSY, LOOK_FAILED, LOOK_FAILED},
	};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		for (size_t k = 0; k < 3; k++) {
			struct operation_end end;
			struct operation_rig g;

			operation_rig_up(&g, &lost[i], 1);
			g.looks = looks[k];
			g.nlooks = 3;
			end = operation_rig_run(&g);
			operation_rig_assert_ends(&end, OPERATION_UNKNOWN,
			    "whether the import of 'cache1/default' was done "
			    "is not known: asking for");
			/* Ready at once is too early to say. */
			if (k == 0)
				assert_in_range(
				    g.rig.clock.slept_ms, 60000, 90000);
			operation_rig_down(&g);
		}
	}
}

/* What was looked at before is not true for ever. */
static void
what_is_put_off_for_long_is_given_up(void **state)
{
	static const struct arm_step steps[] = {
	    {POST, 429, "Retry-After: 61\r\n", NULL, ARM_ANSWER},
	};
	struct operation_rig g;

	(void)state;
	OPERATION_RIG(&g, steps);
	assert_null(operation_rig_start(&g));
	arm_rig_fails(&g.rig, -1, ERR_UNREACHABLE, "429");
	assert_false(operation_rig_is_noted(&g));
	operation_rig_down(&g);
}

/* By the moment at which it went, not by that of the first try. */
static void
what_was_put_off_and_lost_has_its_time_to_show(void **state)
{
	static const struct arm_step steps[] = {
	    {POST, 429, "Retry-After: 50\r\n", NULL, ARM_ANSWER},
	    {.wants = POST, .how = ARM_RESET},
	};
	static const enum resource_look looks[] = {LOOK_READY};
	struct operation_end end;
	struct operation_rig g;

	(void)state;
	OPERATION_RIG(&g, steps);
	g.looks = looks;
	g.nlooks = 1;
	end = operation_rig_run(&g);
	operation_rig_assert_ends(&end, OPERATION_UNKNOWN, "");
	assert_true(g.rig.clock.slept_ms >= 110000);
	operation_rig_down(&g);
}

static void
another_process_follows_on_and_never_asks_again(void **state)
{
	static const struct arm_step steps[] = {
	    OPERATION_ACCEPTED, OPERATION_ON, OPERATION_ON, OPERATION_DONE};
	struct operation_end end;
	struct operation *op;
	struct cancel *stop = cancel_new(NULL);
	struct scope stopped;
	struct operation_rig g;

	(void)state;
	OPERATION_RIG(&g, steps);
	op = operation_rig_start(&g);
	cancel_trigger(stop);
	stopped = scope_under(&g.rig.scope, stop);
	assert_int_equal(operation_follow(op, &stopped, &end, &g.rig.err), -1);
	assert_int_equal(g.rig.err.kind, ERR_CANCELLED);
	operation_free(op);
	cancel_free(stop);

	/* Nobody starts another meanwhile. */
	assert_null(operation_rig_start(&g));
	arm_rig_fails(&g.rig, -1, ERR_LOCKED, "an earlier import");

	op = operation_rig_resume(&g);
	assert_string_equal(operation_note(op), "{\"snapshot\":\"x\"}");
	arm_rig_ok(&g.rig, operation_rig_follow(&g, op, &end));
	operation_rig_assert_ends(&end, OPERATION_SUCCEEDED, "");
	operation_free(op);

	/* How it ended stays known until it is settled. */
	op = operation_rig_resume(&g);
	arm_rig_ok(&g.rig, operation_rig_follow(&g, op, &end));
	operation_rig_assert_ends(&end, OPERATION_SUCCEEDED, "");
	arm_rig_ok(&g.rig, operation_settle(op, &g.rig.err));
	operation_free(op);
	assert_null(operation_rig_resume(&g));
	assert_int_equal(g.rig.err.kind, ERR_MISSING);
	operation_rig_down(&g);
}

static void
how_it_failed_outlives_the_process(void **state)
{
	static const struct arm_step steps[] = {OPERATION_ACCEPTED,
	    {ASKED, 200, ARM_REQUEST,
		"{\"status\":\"Failed\",\"error\":{\"code\":\"C\","
		"\"message\":\"m\"}}",
		ARM_ANSWER}};
	struct operation_end end, again;
	struct operation *op;
	struct operation_rig g;

	(void)state;
	OPERATION_RIG(&g, steps);
	op = operation_rig_start(&g);
	arm_rig_ok(&g.rig, operation_rig_follow(&g, op, &end));
	operation_free(op);
	op = operation_rig_resume(&g);
	arm_rig_ok(&g.rig, operation_rig_follow(&g, op, &again));
	operation_rig_assert_ends(&again, OPERATION_FAILED, end.why.text);
	assert_string_equal(again.why.code, "C");
	assert_string_equal(again.why.request_id, end.why.request_id);
	operation_free(op);
	operation_rig_down(&g);
}

/* Killed between the intent and the answer. */
static void
an_intent_alone_is_unknown(void **state)
{
	static const char intent[] =
	    "{\"format\":1,\"note\":\"n\",\"began_ms\":1795242469000,"
	    "\"timeout_ms\":3600000,\"accepted\":false,\"seen_busy\":false}";
	static const enum resource_look looks[] = {LOOK_READY};
	struct operation_end end;
	struct operation *op;
	struct operation_rig g;

	(void)state;
	operation_rig_up(&g, NULL, 0);
	operation_rig_note(&g, intent);
	g.looks = looks;
	g.nlooks = 1;
	op = operation_rig_resume(&g);
	arm_rig_ok(&g.rig, operation_rig_follow(&g, op, &end));
	operation_rig_assert_ends(
	    &end, OPERATION_UNKNOWN, "ended before the answer");
	operation_free(op);
	/* Long after, one look is enough. */
	fake_clock_pass(&g.rig.clock, 86400000);
	g.looked = 0;
	op = operation_rig_resume(&g);
	arm_rig_ok(&g.rig, operation_rig_follow(&g, op, &end));
	operation_rig_assert_ends(&end, OPERATION_UNKNOWN, "");
	assert_int_equal(g.looked, 1);
	operation_free(op);
	operation_rig_down(&g);
}

static void
a_journal_that_was_tampered_with_leads_nowhere(void **state)
{
	static const char tampered[] =
	    "{\"format\":1,\"note\":\"n\",\"began_ms\":1,\"timeout_ms\":1,"
	    "\"accepted\":true,\"seen_busy\":false,"
	    "\"status_url\":\"http://127.0.0.2:9/\"}";
	static const char newer[] =
	    "{\"format\":2,\"note\":\"n\",\"began_ms\":1,"
	    "\"timeout_ms\":1,\"accepted\":true,\"seen_busy\":false}";
	static const char *const broken[] = {
	    "", "{}", "{\"format\":1,\"note\":7}", newer};
	static const enum resource_look looks[] = {LOOK_READY};
	struct operation_end end;
	struct operation *op;
	struct operation_rig g;

	(void)state;
	operation_rig_up(&g, NULL, 0);
	operation_rig_note(&g, tampered);
	g.looks = looks;
	g.nlooks = 1;
	op = operation_rig_resume(&g);
	arm_rig_ok(&g.rig, operation_rig_follow(&g, op, &end));
	operation_rig_assert_ends(&end, OPERATION_UNKNOWN, "");
	operation_free(op);
	for (size_t i = 0; i < sizeof(broken) / sizeof(*broken); i++) {
		operation_rig_note(&g, broken[i]);
		assert_null(operation_rig_resume(&g));
		assert_non_null(strstr(g.rig.err.text, OPERATION_RIG_KEY));
		/* What cannot be read is not taken for nothing. */
		assert_null(operation_rig_start(&g));
		assert_int_not_equal(g.rig.err.kind, ERR_NONE);
	}
	operation_rig_down(&g);
}

static void
each_failure_of_the_journal_stops_it_where_that_is_safe(void **state)
{
	static const struct arm_step one[] = {OPERATION_ACCEPTED};
	static const struct arm_step two[] = {
	    OPERATION_ACCEPTED, OPERATION_DONE};
	struct operation_end end;
	struct operation *op;
	struct operation_rig g;

	(void)state;
	/* No intent, no request. */
	operation_rig_up(&g, NULL, 0);
	g.fail_put = 1;
	assert_null(operation_rig_start(&g));
	arm_rig_fails(&g.rig, -1, ERR_SYSTEM, "noting the import");
	operation_rig_down(&g);

	/* No address in it, no asking there. */
	OPERATION_RIG(&g, one);
	g.fail_put = 2;
	op = operation_rig_start(&g);
	assert_non_null(op);
	g.fail_put = 3;
	assert_int_equal(operation_rig_follow(&g, op, &end), -1);
	assert_int_equal(g.rig.err.kind, ERR_SYSTEM);
	arm_rig_then(&g.rig, two + 1, 1);
	arm_rig_ok(&g.rig, operation_rig_follow(&g, op, &end));
	operation_rig_assert_ends(&end, OPERATION_SUCCEEDED, "");
	operation_free(op);
	operation_rig_down(&g);

	/* No end in it, none for the caller. */
	OPERATION_RIG(&g, two);
	g.fail_put = 3;
	op = operation_rig_start(&g);
	assert_int_equal(operation_rig_follow(&g, op, &end), -1);
	assert_int_equal(g.rig.err.kind, ERR_SYSTEM);
	arm_rig_ok(&g.rig, operation_rig_follow(&g, op, &end));
	operation_rig_assert_ends(&end, OPERATION_SUCCEEDED, "");
	g.fail_remove = true;
	arm_rig_fails(&g.rig, operation_settle(op, &g.rig.err), ERR_SYSTEM,
	    "remove failed");
	operation_free(op);
	operation_rig_down(&g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_refusal_leaves_nothing_behind),
	    cmocka_unit_test(what_was_put_off_is_asked_for_again_with_leave),
	    cmocka_unit_test(a_lost_answer_is_never_success),
	    cmocka_unit_test(what_is_put_off_for_long_is_given_up),
	    cmocka_unit_test(what_was_put_off_and_lost_has_its_time_to_show),
	    cmocka_unit_test(another_process_follows_on_and_never_asks_again),
	    cmocka_unit_test(how_it_failed_outlives_the_process),
	    cmocka_unit_test(an_intent_alone_is_unknown),
	    cmocka_unit_test(a_journal_that_was_tampered_with_leads_nowhere),
	    cmocka_unit_test(
		each_failure_of_the_journal_stops_it_where_that_is_safe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
