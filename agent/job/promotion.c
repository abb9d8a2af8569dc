#include <string.h>

#include "arm/lever_set.h"
#include "base/cancel.h"
#include "base/err.h"
#include "base/http.h"
#include "base/scope.h"

#include "agent/job/agent.h"
#include "agent/job/azure_access.h"
#include "agent/job/ledger.h"
#include "agent/job/promotion.h"
#include "agent/job/promotion_probe.h"
#include "agent/job/run_locks.h"
#include "agent/job/settings.h"

struct promotion {
	struct agent *agent;
	const struct settings *settings;
	const struct promotion_opts *opts;
	struct scope scope;
	struct cancel *cancel; /* triggered when the lease is lost */
	struct run_locks locks;
	struct http *http;
	struct lever_set *set; /* NULL: none is set, or it is an undo */
	struct lever_env env;
	struct lever_work work;
	struct ledger *ledger;
	int64_t run; /* its number; -1: it is no run */
};

static int
still_ours(void *locks, struct err *err)
{
	return run_locks_still_ours(locks, err);
}

static bool
needs_azure(const struct lever_set *set)
{
	for (size_t i = 0; set != NULL && i < lever_set_count(set); i++)
		if (!lever_is_blind(lever_set_at(set, i)))
			return true;
	return false;
}

/* An undo goes by what was pulled, of which some may need no identity. */
static int
open_azure(struct promotion *p, struct err *err)
{
	struct azure_access *azure = agent_azure(p->agent, err);
	struct err why = {0};

	if (azure == NULL)
		return -1;
	p->env.cloud = azure_access_cloud(azure);
	p->env.credential = azure_access_identity(azure, &why);
	if (p->env.credential == NULL && needs_azure(p->set)) {
		*err = why;
		return -1;
	}
	return 0;
}

static int
open_levers(struct promotion *p, struct err *err)
{
	const cJSON *levers = settings_levers(p->settings);
	struct http_opts http = {
	    .ca_file = settings_str(p->settings, OPT_CA_FILE),
	};

	if (p->opts->way == LEVER_PULL && !p->opts->settle) {
		if (levers == NULL)
			return err_set(err, ERR_USAGE,
			    "job '%s' has no 'promotion.levers' in the "
			    "configuration",
			    p->opts->job);
		p->set = lever_set_parse(levers, err);
		if (p->set == NULL)
			return err_in(err, "'promotion.levers'");
	}
	p->http = http_new(&http, err);
	return p->http != NULL ? open_azure(p, err) : -1;
}

static int
begin(struct promotion *p, struct err *err)
{
	p->settings = agent_settings(p->agent);
	if (open_levers(p, err) != 0)
		return -1;
	p->ledger = agent_ledger(p->agent, err);
	if (p->ledger == NULL)
		return -1;
	p->locks = (struct run_locks){
	    .agent = p->agent,
	    .journal = ledger_journal(p->ledger),
	    .scope = &p->scope,
	    .cancel = p->cancel,
	    .job = p->opts->job,
	};
	p->env.job = p->opts->job;
	p->env.http = p->http;
	p->env.still_ours = still_ours;
	p->env.still_ours_arg = &p->locks;
	p->work = (struct lever_work){
	    .env = &p->env,
	    .journal = ledger_journal(p->ledger),
	    .wait_ms = settings_ms(p->settings, OPT_PROMOTION_WAIT),
	    .probe = promotion_probe,
	    .probe_arg = p->agent,
	    .tell = p->opts->tell,
	    .tell_arg = p->opts->tell_arg,
	};
	return 0;
}

static int
look(struct promotion *p, struct err *err)
{
	if (lever_set_look(p->set, &p->work, &p->scope, p->opts->way, err) != 0)
		return -1;
	return p->opts->rights
	    ? lever_set_try_rights(p->set, &p->work, &p->scope, err)
	    : 0;
}

static int
move(struct promotion *p, struct err *err)
{
	bool undo = p->opts->way == LEVER_UNDO;
	int lost;

	if (ledger_close_lost(p->ledger, p->opts->job, scope_wall_ms(&p->scope),
		&lost, err) != 0)
		return -1;
	p->run = ledger_run_begin(p->ledger, p->opts->job,
	    p->opts->settle ? "promote --settle"
		: undo	    ? "promote --undo"
			    : "promote",
	    scope_wall_ms(&p->scope), err);
	if (p->run < 0)
		return -1;
	if (settings_str(p->settings, OPT_DR_STORE) != NULL &&
	    run_locks_take(&p->locks, LOCK_DR, err) != 0)
		return -1;
	if (p->opts->settle)
		return lever_set_settle(&p->work, err);
	return undo ? lever_set_undo(&p->work, &p->scope, err)
		    : lever_set_pull(p->set, &p->work, &p->scope, err);
}

static int
end(struct promotion *p, int rc, struct err *err)
{
	struct err later = {0};

	if (p->locks.agent != NULL) {
		if (rc != 0)
			run_locks_blame(&p->locks, err);
		run_locks_release(&p->locks);
	}
	if (p->run >= 0 &&
	    ledger_run_end(p->ledger, p->run, NULL, rc == 0 ? NULL : err,
		scope_wall_ms(&p->scope), &later) != 0 &&
	    rc == 0) {
		*err = later;
		rc = -1;
	}
	lever_set_free(p->set);
	http_free(p->http);
	cancel_free(p->cancel);
	return rc;
}

int
promotion_run(struct agent *agent, const struct promotion_opts *opts,
    const struct scope *scope, struct err *err)
{
	struct promotion p = {
	    .agent = agent,
	    .opts = opts,
	    .cancel = cancel_new(scope->cancel),
	    .run = -1,
	};
	int rc;

	p.scope = scope_under(scope, p.cancel);
	rc = begin(&p, err);
	if (rc == 0)
		rc = opts->for_real ? move(&p, err) : look(&p, err);
	return end(&p, rc, err);
}
