#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/budget.h"
#include "storage/replica_memory.h"

#include "tests/sim/replicate_rig.h"

static void
keep_event(void *arg, const struct replicate_event *e)
{
	struct replicate_rig *g = arg;

	buf_addf(&g->events, "%s %s", replicate_what_name(e->what), e->name);
	if (e->err != NULL)
		buf_addf(&g->events, " (%s)", err_kind_name(e->err->kind));
	else if (e->why != NULL)
		buf_addf(&g->events, " (%s)", e->why);
	buf_adds(&g->events, "; ");
}

static void
count_progress(void *arg, const struct replicate_report *report)
{
	struct replicate_rig *g = arg;

	(void)report;
	g->progressed++;
}

void
replicate_rig_init(
    struct replicate_rig *g, unsigned from_without, unsigned to_without)
{
	memset(g, 0, sizeof(*g));
	g->scope = fake_clock_init(&g->clock);
	/* A day of 2026, at which blobs can be a while old. */
	g->clock.wall_ms = INT64_C(1782000000000);
	g->from = fake_store_new("home", from_without);
	g->to = fake_store_new("dr", to_without);
	g->book = replica_memory_new();
	g->opts.book = g->book;
	g->budget = budget_new(BUDGET_DEFAULT);
	g->opts.budget = g->budget;
	g->opts.event = keep_event;
	g->opts.event_arg = g;
	g->opts.progress = count_progress;
	g->opts.progress_arg = g;
	buf_init(&g->events, (size_t)4 << 20);
}

void
replicate_rig_release(struct replicate_rig *g)
{
	buf_release(&g->events);
	replica_memory_free(g->book);
	store_free(g->from);
	store_free(g->to);
	budget_free(g->budget);
}

int
replicate_rig_run(struct replicate_rig *g)
{
	memset(&g->err, 0, sizeof(g->err));
	buf_truncate(&g->events, 0);
	g->progressed = 0;
	return replicate(
	    g->from, g->to, &g->opts, &g->scope, &g->report, &g->err);
}

void
replicate_rig_put(struct replicate_rig *g, const char *name, const char *text)
{
	fake_store_put(g->from, name, BLOB_BLOCK, text, strlen(text), NULL);
}

bool
replicate_rig_copied(struct replicate_rig *g, const char *name)
{
	struct fake_seen s = fake_store_see(g->from, name);

	return s.there &&
	    fake_store_holds(g->to, name, s.data, (size_t)s.props.size);
}

unsigned
replicate_rig_writes(struct replicate_rig *g)
{
	static const enum fake_op writes[] = {FAKE_STAGE, FAKE_COMMIT,
	    FAKE_REMOVE, FAKE_PUT, FAKE_START, FAKE_ABORT, FAKE_STAGE_FROM,
	    FAKE_SET, FAKE_CREATE_CONTAINER, FAKE_SNAPSHOT,
	    FAKE_SNAPSHOT_REMOVE, FAKE_PROMOTE, FAKE_UNDELETE, FAKE_CREATE,
	    FAKE_WRITE, FAKE_WRITE_FROM, FAKE_SEAL};
	unsigned n = 0;

	for (size_t i = 0; i < sizeof(writes) / sizeof(*writes); i++)
		n += fake_store_calls(g->to, writes[i]);
	return n;
}

void
replicate_rig_put_some(struct replicate_rig *g, unsigned n)
{
	char name[32];

	for (unsigned i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "dir/%04u", i);
		replicate_rig_put(g, name, name);
	}
}

void
replicate_rig_assert_copied(struct replicate_rig *g, unsigned n)
{
	char name[32];

	assert_int_equal(fake_store_count(g->to), n);
	for (unsigned i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "dir/%04u", i);
		assert_true(replicate_rig_copied(g, name));
	}
}

void
replicate_rig_run_well(struct replicate_rig *g)
{
	if (replicate_rig_run(g) != 0)
		fail_msg("%s", g->err.text);
	assert_int_equal(g->report.failed, 0);
	assert_int_equal(g->report.lag_ms, 0);
}

int
replicate_rig_setup(void **state)
{
	static struct replicate_rig rig;

	replicate_rig_init(&rig, 0, 0);
	*state = &rig;
	return 0;
}

int
replicate_rig_teardown(void **state)
{
	replicate_rig_release(*state);
	return 0;
}
