#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/secret.h"

#include "tests/sim/operation_rig.h"

static struct operation_rig *
rig_of(struct journal *j)
{
	return (struct operation_rig *)((char *)j -
	    offsetof(struct operation_rig, journal));
}

static int
put(struct journal *j, const char *key, const char *value, struct err *err)
{
	struct operation_rig *g = rig_of(j);

	assert_string_equal(key, OPERATION_RIG_KEY);
	assert_null(strstr(value, "SECRET"));
	if (++g->puts == g->fail_put)
		return err_set(err, ERR_SYSTEM, "put %u failed", g->puts);
	return g->rig.journal->ops->put(g->rig.journal, key, value, err);
}

static int
get(struct journal *j, const char *key, struct buf *value, struct err *err)
{
	struct journal *real = rig_of(j)->rig.journal;

	return real->ops->get(real, key, value, err);
}

static int
remove_entry(struct journal *j, const char *key, struct err *err)
{
	struct operation_rig *g = rig_of(j);

	if (g->fail_remove)
		return err_set(err, ERR_SYSTEM, "remove failed");
	return g->rig.journal->ops->remove(g->rig.journal, key, err);
}

static const struct journal_ops journal_ops = {
    .put = put,
    .get = get,
    .remove = remove_entry,
};

bool
operation_rig_is_noted(struct operation_rig *g)
{
	struct err ignored = {0};
	struct buf value;
	int rc;

	buf_init(&value, 65536);
	rc = get(&g->journal, OPERATION_RIG_KEY, &value, &ignored);
	buf_release(&value);
	return rc == 0;
}

void
operation_rig_note(struct operation_rig *g, const char *value)
{
	arm_rig_ok(
	    &g->rig, put(&g->journal, OPERATION_RIG_KEY, value, &g->rig.err));
}

static int
look(void *arg, const struct scope *scope, enum resource_look *out,
    struct err *err)
{
	struct operation_rig *g = arg;

	(void)scope;
	(void)err;
	if (g->nlooks == 0)
		fail_msg("the resource was looked at");
	*out = g->looks[g->looked < g->nlooks ? g->looked : g->nlooks - 1];
	g->looked++;
	return 0;
}

static int
still_ours(void *arg, struct err *err)
{
	struct operation_rig *g = arg;

	if (!operation_rig_is_noted(g))
		g->posted_early = true;
	if (++g->asked == g->refuse)
		return err_set(err, ERR_LOCKED, "the lease is about to end");
	return 0;
}

void
operation_rig_up(
    struct operation_rig *g, const struct arm_step *steps, size_t n)
{
	*g = (struct operation_rig){.journal.ops = &journal_ops};
	arm_rig_up(&g->rig, steps, n);
}

void
operation_rig_down(struct operation_rig *g)
{
	assert_false(g->posted_early);
	arm_rig_down(&g->rig);
}

static struct operation_site
site_of(struct operation_rig *g)
{
	return (struct operation_site){
	    .client = g->rig.client,
	    .journal = &g->journal,
	    .resource = RESOURCE,
	    .shown = "cache1/default",
	    .api_version = "1",
	    .look = look,
	    .look_arg = g,
	};
}

struct operation *
operation_rig_start(struct operation_rig *g)
{
	struct operation_site site = site_of(g);
	struct operation_opts opts = {
	    .note = "{\"snapshot\":\"x\"}",
	    .still_ours = still_ours,
	    .still_ours_arg = g,
	    .timeout_ms = 3600000,
	};
	struct secret body = {0};
	struct operation *op;

	g->rig.err = (struct err){0};
	secret_set(&body, "{\"a\":\"SECRET\"}", 14);
	op = operation_start(
	    &site, "import", &body, &opts, &g->rig.scope, &g->rig.err);
	secret_release(&body);
	return op;
}

struct operation *
operation_rig_resume(struct operation_rig *g)
{
	struct operation_site site = site_of(g);

	g->rig.err = (struct err){0};
	return operation_resume(&site, "import", &g->rig.err);
}

int
operation_rig_follow(
    struct operation_rig *g, struct operation *op, struct operation_end *end)
{
	g->rig.err = (struct err){0};
	return operation_follow(op, &g->rig.scope, end, &g->rig.err);
}

struct operation_end
operation_rig_run(struct operation_rig *g)
{
	struct operation *op = operation_rig_start(g);
	struct operation_end end;

	if (op == NULL)
		fail_msg("%s", g->rig.err.text);
	arm_rig_ok(&g->rig, operation_rig_follow(g, op, &end));
	assert_true(operation_rig_is_noted(g));
	arm_rig_ok(&g->rig, operation_settle(op, &g->rig.err));
	assert_false(operation_rig_is_noted(g));
	operation_free(op);
	return end;
}

void
operation_rig_assert_ends(const struct operation_end *end,
    enum operation_outcome outcome, const char *says)
{
	if (end->outcome != outcome || strstr(end->why.text, says) == NULL)
		fail_msg("outcome %d, not %d with '%s': %s", end->outcome,
		    outcome, says, end->why.text);
}
