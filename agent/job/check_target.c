/*
 * The DR Redis: which ways would load what there is to be loaded, and whether
 * it could reach us.  Nothing is changed there.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "rdb/posing_hold.h"
#include "rdb/posing_link.h"
#include "rdb/posing_tls.h"
#include "rdb/redis_conn.h"
#include "rdb/redis_primary.h"
#include "rdb/restore_loader.h"
#include "rdb/target_whole.h"
#include "rdb/tls_stream.h"

#include "agent/job/agent.h"
#include "agent/job/check_private.h"
#include "agent/job/settings.h"
#include "agent/job/snapshot_find.h"
#include "agent/snapshot/env.h"
#include "agent/snapshot/manifest.h"
#include "agent/snapshot/manifest_target.h"
#include "agent/snapshot/snapshot_load.h"

/* What is to be loaded, from the best that tells of it. */
struct described {
	struct manifest_target to;
	struct manifest *m; /* owns the modules' names; or NULL */
	const char *by;
};

/* The newest snapshot at the DR side; NULL when it has, or tells of, none. */
static struct manifest *
newest(struct checking *c)
{
	struct err ignored = {0};
	struct store *store;

	if (settings_str(c->settings, OPT_DR_STORE) == NULL)
		return NULL;
	store = agent_store(c->agent, REGION_DR, &ignored);
	return store != NULL ? snapshot_find(store, &c->scope, c->settings,
				   c->job, NULL, &ignored)
			     : NULL;
}

static void
describe_dump(struct checking *c, struct described *d)
{
	*d = (struct described){.m = newest(c)};
	d->to.dump.rdb = &d->to.rdb;
	d->to.dump.modules = d->to.modules;
	if (d->m != NULL) {
		d->by = d->m->id;
		manifest_target(d->m, &d->to);
	} else if (c->source.version[0] != '\0') {
		d->by = "the source as it is";
		d->to.rdb.version = redis_info_rdb_version(&c->source);
		d->to.rdb.valkey = c->source.valkey;
		d->to.rdb.keys = c->source.keys;
		d->to.rdb.db_max = c->source.db_max_used;
		d->to.dump.used_memory = c->source.used_memory;
		d->to.dump.shards = c->shards;
	} else if (c->file.version > 0) {
		d->by = "the source file's beginning";
		d->to.rdb = c->file;
		d->to.dump.unproved = c->file_newer;
	} else {
		d->by = "an empty dump";
	}
	d->to.rdb.complete = true; /* an incomplete one is never loaded */
}

/* Whether one of the hosts follows drsync, as the journal has it. */
static int
look_for_leftover(struct checking *c, const struct redis_target *target,
    const struct redis_opts *redis, bool *follows, struct err *err)
{
	const struct snapshot_env *env = agent_env(c->agent, err);

	*follows = false;
	if (env == NULL)
		return -1;
	for (size_t i = 0; i < target->nhosts && !*follows; i++) {
		struct posing_progress now = {0};
		struct redis_conn *conn = NULL;
		struct posing_hold *hold;
		struct err ignored = {0};

		hold = posing_hold_new(
		    &target->hosts[i], target->user, redis, env->journal);
		if (posing_hold_recall(hold, &ignored) == 0)
			conn = posing_hold_connect(hold, &c->scope, &ignored);
		if (conn != NULL &&
		    posing_hold_progress(
			hold, conn, &c->scope, &now, &ignored) == 0)
			*follows = now.follows;
		redis_conn_free(conn);
		posing_hold_free(hold);
	}
	return 0;
}

static int
judge(struct checking *c, const struct target_whole *t, const char *by,
    struct err *err)
{
	const struct target_verdict *v = &t->verdict;
	const char *want = settings_str(c->settings, OPT_RESTORER);
	bool replica = v->replica_ok && strcmp(want, "restore") != 0;
	bool restore = v->restore_ok && strcmp(want, "replica") != 0;
	char of[60] = "";

	if (t->info.cluster)
		snprintf(
		    of, sizeof(of), "cluster of %zu primaries, ", t->primaries);
	snprintf(c->detail, sizeof(c->detail),
	    "%s: %s%s %s, %" PRIu64 " keys, %" PRIu64
	    " MiB used; of %s: replica: "
	    "%s%s, restore: %s%s",
	    t->name, of, t->info.valkey ? "valkey" : "redis", t->info.version,
	    t->keys, t->used_memory >> 20, by,
	    v->replica_ok ? "yes" : "no: ", v->replica_why,
	    v->restore_ok ? "yes" : "no: ", v->restore_why);
	c->dr_by_restore_only = !replica;
	if (replica || restore)
		return 0;
	return err_set(err, ERR_UNSUPPORTED,
	    "it cannot be loaded ('restorer' is '%s'): replica: %s%s, "
	    "restore: %s%s",
	    want, v->replica_ok ? "yes" : "no: ", v->replica_why,
	    v->restore_ok ? "yes" : "no: ", v->restore_why);
}

/* As a run would, by 'restore': with its memory and its connections. */
static int
try_loader(struct checking *c, const struct redis_target *pinned,
    const struct redis_opts *redis, struct err *err)
{
	const struct snapshot_env *env = agent_env(c->agent, err);
	struct restore_opts opts = {
	    .connections = (unsigned)settings_int(c->settings, OPT_CONNECTIONS),
	};
	struct restore_loader *loader;

	if (env == NULL)
		return -1;
	opts.budget = env->budget;
	loader = restore_loader_new(pinned, redis, &c->scope, &opts, err);
	restore_loader_free(loader);
	return loader != NULL ? 0 : -1;
}

static int
judge_target(struct checking *c, const struct redis_target *target,
    const struct redis_opts *redis, struct err *err)
{
	struct redis_target pinned;
	struct target_whole whole;
	struct described d;
	int rc;

	if (redis_primary_pin(target, redis, &c->scope, &pinned, err) != 0)
		return -1;
	describe_dump(c, &d);
	rc = target_whole_check(
	    &pinned, redis, &c->scope, &d.to.dump, &whole, err);
	if (rc == 0) {
		memcpy(c->dr_local_ip, whole.local_ip, sizeof(whole.local_ip));
		c->dr_reached = true;
		rc = judge(c, &whole, d.by, err);
		if (rc == 0 && c->dr_by_restore_only)
			rc = try_loader(c, &pinned, redis, err);
		if (rc != 0)
			err_in(err, "'%s'", whole.name);
	}
	manifest_free(d.m);
	redis_target_release(&pinned);
	return rc;
}

/* Azure loads it: it is looked at before, and compared afterwards. */
static int
reach_target(struct checking *c, const struct redis_target *target,
    const struct redis_opts *redis, struct err *err)
{
	struct redis_target pinned;

	if (redis_primary_pin(target, redis, &c->scope, &pinned, err) != 0)
		return -1;
	snprintf(c->detail, sizeof(c->detail),
	    "%.300s can be read; Azure loads it", pinned.shown);
	redis_target_release(&pinned);
	return 0;
}

int
check_dr_redis(struct checking *c, struct err *err)
{
	const struct redis_opts *redis;
	const struct redis_target *target;
	bool follows;

	if (settings_str(c->settings, OPT_DR_REDIS) == NULL)
		return check_skip(c, "not set");
	if (c->no_token && agent_redis_by_identity(c->agent, REGION_DR))
		return check_skip(c, CHECK_NO_TOKEN);
	target = agent_redis(c->agent, REGION_DR, &c->scope, &redis, err);
	if (target != NULL && settings_dr_by_arm(c->settings))
		return reach_target(c, target, redis, err);
	if (target == NULL ||
	    look_for_leftover(c, target, redis, &follows, err) != 0)
		return -1;
	if (!follows)
		return judge_target(c, target, redis, err);
	snprintf(c->detail, sizeof(c->detail),
	    "%s: a crashed run left it as a replica; the next run undoes that "
	    "(unless a run is loading it right now)",
	    target->shown);
	return 0;
}

static int
load_tls(const struct settings *s, struct err *err)
{
	const struct posing_tls_opts opts = {
	    .cert_file = settings_str(s, OPT_REPLICATION_CERT),
	    .key_file = settings_str(s, OPT_REPLICATION_KEY),
	    .ca_file = settings_str(s, OPT_REPLICATION_CA),
	};
	struct tls_stream *probe;

	/* That one without the others is wrong, the settings' check tells. */
	if (opts.cert_file == NULL || opts.key_file == NULL ||
	    opts.ca_file == NULL)
		return 0;
	probe = posing_tls_new(-1, &opts, err);
	tls_stream_free(probe);
	return probe != NULL ? 0 : -1;
}

/* Listens where 'replica' would, for a moment. */
int
check_replication(struct checking *c, struct err *err)
{
	const struct settings *s = c->settings;
	struct posing_link_opts opts = {
	    .bind = settings_str(s, OPT_BIND),
	    .port = (int)settings_int(s, OPT_REPLICATION_PORT),
	    .peer = "",
	};
	const char *advertise = settings_str(s, OPT_ADVERTISE);
	struct posing_link *link;

	if (settings_str(s, OPT_DR_REDIS) == NULL)
		return check_skip(c, "no DR Redis is set");
	if (load_tls(s, err) != 0)
		return -1;
	if (settings_dr_by_arm(s))
		return check_skip(c, "not needed: Azure loads the DR Redis");
	if (c->dr_by_restore_only)
		return check_skip(c, "not needed: not loaded as a replica");
	if (opts.bind == NULL && !c->dr_reached)
		return check_skip(c, "not tried: see DR Redis");
	/* Reached by a unix socket, it is on this machine. */
	if (opts.bind == NULL)
		opts.bind = c->dr_local_ip[0] != '\0' ? c->dr_local_ip
						      : "127.0.0.1";
	link = posing_link_open(&opts, err);
	if (link == NULL)
		return -1;
	snprintf(c->detail, sizeof(c->detail), "can listen on %s port %d%s%s%s",
	    opts.bind, posing_link_port(link), opts.port == 0 ? " (any)" : "",
	    advertise != NULL ? ", told as " : "",
	    advertise != NULL ? advertise : "");
	posing_link_free(link);
	return 0;
}
