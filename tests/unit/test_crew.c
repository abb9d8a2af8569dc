#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <stdatomic.h>

#include <cmocka.h>

#include "base/cancel.h"
#include "base/err.h"
#include "base/scope.h"
#include "storage/crew.h"

struct job {
	struct crew_job base;
	atomic_uint *ran;
	bool wait; /* until the scope ends */
	bool fail;
};

static int
run(struct crew_job *base, const struct scope *scope, struct err *err)
{
	struct job *j = (struct job *)base;

	if (j->wait && scope_sleep(scope, 3600 * 1000, err) != 0)
		return -1;
	atomic_fetch_add(j->ran, 1);
	return j->fail ? err_set(err, ERR_AUTH, "the first") : 0;
}

static void
every_job_runs_once(void **state)
{
	struct scope scope = scope_root(NULL);
	struct crew *c = crew_new(&scope, 3);
	atomic_uint ran = 0;
	struct job jobs[100];
	struct err err = {0};

	(void)state;
	for (int i = 0; i < 100; i++) {
		jobs[i] = (struct job){.base.run = run, .ran = &ran};
		assert_int_equal(crew_submit(c, &jobs[i].base, &err), 0);
	}
	assert_int_equal(crew_wait(c, &jobs[50].base, &err), 0);
	assert_false(crew_busy(c, &jobs[50].base));
	assert_int_equal(crew_wait_below(c, 1, &err), 0);
	assert_int_equal(atomic_load(&ran), 100);
	assert_false(crew_failed(c, &err));
	crew_free(c);
}

static void
a_failure_is_kept_and_nothing_begins_after_it(void **state)
{
	struct scope scope = scope_root(NULL);
	struct crew *c = crew_new(&scope, 2);
	atomic_uint ran = 0;
	struct job hold = {.base.run = run, .ran = &ran, .wait = true};
	struct job bad = {.base.run = run, .ran = &ran, .fail = true};
	struct job late = {.base.run = run, .ran = &ran};
	struct err err = {0};
	struct job dropped = {.base.run = run, .ran = &ran};

	(void)state;
	assert_int_equal(crew_submit(c, &hold.base, &err), 0);
	assert_int_equal(crew_submit(c, &bad.base, &err), 0);
	crew_submit(c, &dropped.base, &err);
	assert_int_equal(crew_wait(c, &hold.base, &err), -1);
	assert_int_equal(err.kind, ERR_AUTH);
	err = (struct err){0};
	assert_int_equal(crew_submit(c, &late.base, &err), -1);
	assert_string_equal(err.text, "the first");
	crew_free(c);
	assert_int_equal(atomic_load(&ran), 1);
}

static void
freeing_it_ends_what_runs_and_drops_what_waits(void **state)
{
	struct cancel *cancel = cancel_new(NULL);
	struct scope scope = scope_root(cancel);
	struct crew *c = crew_new(&scope, 1);
	atomic_uint ran = 0;
	struct job hold = {.base.run = run, .ran = &ran, .wait = true};
	struct job next = {.base.run = run, .ran = &ran};
	struct err err = {0};

	(void)state;
	assert_int_equal(crew_submit(c, &hold.base, &err), 0);
	assert_int_equal(crew_submit(c, &next.base, &err), 0);
	crew_free(c);
	assert_int_equal(atomic_load(&ran), 0);
	assert_false(cancel_triggered(cancel));
	cancel_free(cancel);
	crew_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_job_runs_once),
	    cmocka_unit_test(a_failure_is_kept_and_nothing_begins_after_it),
	    cmocka_unit_test(freeing_it_ends_what_runs_and_drops_what_waits),
	};

	return cmocka_run_group_tests_name("crew", tests, NULL, NULL);
}
