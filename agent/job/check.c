#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/scope.h"
#include "rdb/redis_info.h"
#include "rdb/redis_primary.h"
#include "storage/blob_copy.h"
#include "storage/store.h"

#include "agent/job/agent.h"
#include "agent/job/check.h"
#include "agent/job/ledger.h"
#include "agent/job/settings.h"
#include "agent/snapshot/env.h"
#include "agent/snapshot/job_state.h"
#include "agent/snapshot/snapshot_id.h"

#define PROBE_TEXT "drsync check\n"
#define STEP_MS	   60000

struct checking {
	struct agent *agent;
	const struct settings *settings;
	const char *job;
	struct scope scope;
	void (*tell)(void *arg, const struct check *);
	void *arg;
	char probe[JOB_NAME_MAX + 32]; /* name of the probe's blob */
	bool probe_stands;	       /* in the source store */
	char detail[400];
	bool skipped;
};

typedef int check_fn(struct checking *, struct err *);

static int
skip(struct checking *c, const char *why)
{
	c->skipped = true;
	snprintf(c->detail, sizeof(c->detail), "%s", why);
	return 0;
}

static int
check_ledger(struct checking *c, struct err *err)
{
	if (agent_ledger(c->agent, err) == NULL)
		return -1;
	snprintf(c->detail, sizeof(c->detail), "%s",
	    settings_str(c->settings, OPT_STATE_DIR));
	return 0;
}

static int
check_cipher(struct checking *c, struct err *err)
{
	if (settings_str(c->settings, OPT_CIPHER_KEY) == NULL)
		return skip(c, "snapshots are not enciphered");
	if (agent_env(c->agent, err) == NULL)
		return -1;
	snprintf(c->detail, sizeof(c->detail), "is one, and can be read here");
	return 0;
}

/* Write, read, list and (unless it is to be copied) remove a small blob. */
static int
probe_store(struct checking *c, struct store *store, struct err *err)
{
	struct commit_opts opts = {.cond = {.if_absent = true}};
	struct list_opts list = {.prefix = c->probe, .page_size = 1};
	struct list_page page = {0};
	struct blob_props props;
	struct buf back;
	int rc = -1;

	buf_init(&back, sizeof(PROBE_TEXT));
	if (store_put(store, &c->scope, c->probe, PROBE_TEXT,
		strlen(PROBE_TEXT), &opts, &props, err) != 0) {
		err_in(err, "writing");
		goto out;
	}
	if (store_get(store, &c->scope, c->probe, sizeof(PROBE_TEXT), &back,
		&props, err) != 0) {
		err_in(err, "reading back");
		goto out;
	}
	if (strcmp(back.data, PROBE_TEXT) != 0) {
		err_set(
		    err, ERR_CORRUPT, "what is read is not what was written");
		goto out;
	}
	if (store->ops->list(store, &c->scope, &list, NULL, &page, err) != 0) {
		err_in(err, "listing");
		goto out;
	}
	list_page_release(&page);
	rc = 0;
out:
	buf_release(&back);
	return rc;
}

static int
remove_probe(struct checking *c, struct store *store, struct err *err)
{
	if (store->ops->remove(store, &c->scope, c->probe, NULL, err) != 0)
		return err_in(err, "removing");
	return 0;
}

static int
check_source_store(struct checking *c, struct err *err)
{
	struct store *store;

	if (settings_str(c->settings, OPT_SOURCE_STORE) == NULL)
		return skip(c, "not set");
	store = agent_store(c->agent, REGION_SOURCE, err);
	if (store == NULL || probe_store(c, store, err) != 0)
		return -1;
	c->probe_stands = true;
	snprintf(c->detail, sizeof(c->detail), "%s: written, read, listed",
	    store->url);
	return 0;
}

static int
check_dr_store(struct checking *c, struct err *err)
{
	struct job_state state;
	struct store *store;

	if (settings_str(c->settings, OPT_DR_STORE) == NULL)
		return skip(c, "not set");
	store = agent_store(c->agent, REGION_DR, err);
	if (store == NULL || probe_store(c, store, err) != 0 ||
	    remove_probe(c, store, err) != 0 ||
	    job_state_read(store, &c->scope, c->job, &state, err) != 0)
		return -1;
	snprintf(c->detail, sizeof(c->detail),
	    "%s: written, read, listed, removed; epoch %" PRId64 "%s",
	    store->url, state.epoch, state.promoted ? ", PROMOTED" : "");
	job_state_release(&state);
	return 0;
}

static int
copy_probe(struct checking *c, struct store *from, struct store *to,
    const struct snapshot_env *env, struct err *err)
{
	struct blob_copy_opts opts = {.budget = env->budget};
	struct blob_copy_result result = {.why = ""};
	struct blob_props props;

	if (from->ops->stat(from, &c->scope, c->probe, &props, err) != 0 ||
	    blob_copy(from, c->probe, &props, to, c->probe, &c->scope, &opts,
		&result, err) != 0 ||
	    remove_probe(c, to, err) != 0)
		return -1;
	if (result.way == COPY_WAY_SERVER)
		snprintf(c->detail, sizeof(c->detail),
		    "the service copies by itself");
	else
		snprintf(c->detail, sizeof(c->detail),
		    "bytes go through this host: %s", result.why);
	return 0;
}

static int
check_copy(struct checking *c, struct err *err)
{
	const struct snapshot_env *env;
	struct store *from, *to;
	int rc;

	if (!c->probe_stands)
		return skip(c, "there is nothing to copy");
	from = agent_store(c->agent, REGION_SOURCE, err);
	if (from == NULL)
		return -1;
	if (settings_str(c->settings, OPT_DR_STORE) == NULL) {
		rc = remove_probe(c, from, err);
		return rc == 0 ? skip(c, "no DR store is set") : -1;
	}
	to = agent_store(c->agent, REGION_DR, err);
	env = to != NULL ? agent_env(c->agent, err) : NULL;
	if (env == NULL)
		return -1;
	if (copy_probe(c, from, to, env, err) != 0) {
		struct err ignored = {0};

		remove_probe(c, from, &ignored);
		return -1;
	}
	return remove_probe(c, from, err);
}

/* Whether the user may do what a snapshot takes; Redis 7.0 on can tell. */
static int
may_replicate(struct checking *c, struct redis_conn *conn, struct err *err)
{
	redisReply *who = redis_command(conn, &c->scope, err, "ACL WHOAMI");
	redisReply *r;
	int rc = 0;

	if (who == NULL || who->type != REDIS_REPLY_STRING) {
		freeReplyObject(who);
		return 0; /* below Redis 6.0 there are no ACLs */
	}
	r = redis_command(
	    conn, &c->scope, err, "ACL DRYRUN %s PSYNC ? -1", who->str);
	if (r != NULL && r->type == REDIS_REPLY_STRING)
		rc = err_set(err, ERR_AUTH, "user '%s' may not use PSYNC: %s",
		    who->str, r->str);
	if (r != NULL)
		freeReplyObject(r);
	freeReplyObject(who);
	return rc;
}

static int
check_redis(
    struct checking *c, enum region region, bool primary, struct err *err)
{
	const struct redis_opts *redis;
	const struct redis_target *target;
	struct redis_info info;
	struct redis_conn *conn;
	size_t host = 0;
	int rc = 0;

	target = agent_redis(c->agent, region, &redis, err);
	if (target == NULL)
		return -1;
	if (primary)
		conn = redis_primary_connect(
		    target, redis, &c->scope, &info, &host, err);
	else
		conn = redis_connect(
		    &target->hosts[0], target->user, redis, &c->scope, err);
	if (conn == NULL)
		return -1;
	if (!primary)
		rc = redis_info_get(conn, &c->scope, &info, err);
	if (rc == 0)
		rc = may_replicate(c, conn, err);
	if (rc == 0)
		snprintf(c->detail, sizeof(c->detail),
		    "%s: %s %s, %s, %" PRIu64 " keys, %" PRIu64 " MiB used%s",
		    redis_conn_name(conn), info.valkey ? "valkey" : "redis",
		    info.version, info.is_replica ? "replica" : "primary",
		    info.keys, info.used_memory >> 20,
		    info.bgsave_running ? ", saving at the moment" : "");
	redis_conn_free(conn);
	return rc;
}

static int
check_source_redis(struct checking *c, struct err *err)
{
	if (settings_str(c->settings, OPT_SOURCE_REDIS) == NULL)
		return skip(c, "not set");
	return check_redis(c, REGION_SOURCE, false, err);
}

static int
check_dr_redis(struct checking *c, struct err *err)
{
	if (settings_str(c->settings, OPT_DR_REDIS) == NULL)
		return skip(c, "not set");
	return check_redis(c, REGION_DR, true, err);
}

static int
check_spool(struct checking *c, struct err *err)
{
	const char *dir = settings_str(c->settings, OPT_SPOOL_DIR);
	struct statvfs fs;

	if (dir == NULL)
		dir = secure_getenv("TMPDIR");
	if (dir == NULL)
		dir = "/var/tmp";
	if (statvfs(dir, &fs) != 0)
		return err_sys(err, "'%s'", dir);
	snprintf(c->detail, sizeof(c->detail), "%s: %" PRIu64 " MiB free", dir,
	    (uint64_t)fs.f_bavail * fs.f_frsize >> 20);
	return 0;
}

struct row {
	const char *what;
	check_fn *fn;
	const char *advice;
};

static const struct row rows[] = {
    {"ledger", check_ledger,
	"give the user of this process a state_dir that it can write"},
    {"cipher key", check_cipher,
	"make the key's file or variable readable where drsync runs"},
    {"spool", check_spool, "set spool.dir to a directory that exists"},
    {"source Redis", check_source_redis,
	"see that the address, TLS and password are right, and that the user "
	"has +psync +replconf +ping +info"},
    {"source store", check_source_store,
	"see that the container exists and that the key, SAS or role allows "
	"reading, writing, listing and deleting blobs"},
    {"DR store", check_dr_store,
	"see that the container exists and that the key, SAS or role allows "
	"reading, writing, listing and deleting blobs"},
    {"copy", check_copy, "see that both stores can be reached from here"},
    {"DR Redis", check_dr_redis,
	"see that the address, TLS and password are right, and that it is a "
	"primary"},
};

static void
check_row(struct checking *c, const struct row *row, struct err *first)
{
	struct check check = {.what = row->what, .advice = ""};
	struct scope outer = c->scope;
	struct err err = {0};

	c->skipped = false;
	c->detail[0] = '\0';
	c->scope = scope_within(&outer, STEP_MS);
	if (row->fn(c, &err) == 0) {
		check.result = c->skipped ? CHECK_SKIPPED : CHECK_GOOD;
		check.detail = c->detail;
	} else {
		check.result = CHECK_FAILED;
		check.detail = err.text;
		check.advice = row->advice;
		check.err = &err;
		if (first->kind == ERR_NONE) {
			*first = err;
			err_in(first, "%s", row->what);
		}
	}
	c->scope = outer;
	c->tell(c->arg, &check);
}

int
check_job(struct agent *agent, const char *job, const struct scope *scope,
    void (*tell)(void *arg, const struct check *), void *arg, struct err *err)
{
	struct checking c = {
	    .agent = agent,
	    .settings = agent_settings(agent),
	    .job = job,
	    .scope = *scope,
	    .tell = tell,
	    .arg = arg,
	};
	struct err first = {0};
	uint32_t random;

	scope_random(scope, &random, sizeof(random));
	snprintf(c.probe, sizeof(c.probe), "%s/check-%08" PRIx32, job, random);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (scope_check(scope, err) != 0)
			return -1;
		check_row(&c, &rows[i], &first);
	}
	if (first.kind == ERR_NONE)
		return 0;
	*err = first;
	return -1;
}
