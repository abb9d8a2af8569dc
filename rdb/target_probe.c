#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/scope.h"
#include "rdb/rdb_reader.h"
#include "rdb/redis_conn.h"
#include "rdb/redis_info.h"
#include "rdb/target_check.h"

#include "rdb/target_probe.h"

#define VERSION_DRYRUN	  70000
#define VERSION_FUNCTIONS 70000

/* Rights to some keys alone are left to the server to judge. */
#define PROBE_KEY "drsync:probe"

struct probing {
	struct redis_conn *c;
	const struct scope *scope;
	const struct redis_info *info;
	const struct target_dump *dump;
	struct target_probe *p;
};

struct words {
	int argc;
	const char *argv[10];
};

static const char *const names[TARGET_COMMANDS] = {
    [TARGET_REPLICAOF] = "REPLICAOF",
    [TARGET_CONFIG_SET] = "CONFIG SET",
    [TARGET_FLUSHALL] = "FLUSHALL",
    [TARGET_FUNCTION_FLUSH] = "FUNCTION FLUSH",
    [TARGET_MULTI] = "MULTI and EXEC",
    [TARGET_SELECT] = "SELECT",
    [TARGET_RESTORE] = "RESTORE",
    [TARGET_FUNCTION_RESTORE] = "FUNCTION RESTORE",
    [TARGET_PLAIN] = "plain commands",
};

/*
 * A question that may be refused: 1 with *r, 0 when it was, -1 when the
 * connection broke.
 */
static int
ask(const struct probing *g, const struct words *w, redisReply **r,
    struct err *err)
{
	*err = (struct err){0};
	*r = redis_command_argv(
	    g->c, g->scope, w->argc, (const char **)w->argv, NULL, err);
	if (*r != NULL)
		return 1;
	/* An error reply has a code, a broken connection has none. */
	return err->code[0] != '\0' ? 0 : -1;
}

static void
refuse(const struct probing *g, enum target_command which, const char *why)
{
	char *out = g->p->refused[which];

	if (out[0] == '\0')
		snprintf(out, sizeof(g->p->refused[which]),
		    "the server refuses %s: %.110s", names[which], why);
}

/* The server's own words: whose they are is known. */
static void
refuse_by(
    const struct probing *g, enum target_command which, const struct err *err)
{
	const char *name = redis_conn_name(g->c);
	const char *words = strstr(err->text, name);

	words = words != NULL ? words + strlen(name) : err->text;
	refuse(g, which, words + strspn(words, "': "));
}

static int
probe_config(const struct probing *g, struct err *err)
{
	static const struct words w = {
	    3, {"CONFIG", "GET", "repl-diskless-load"}};
	redisReply *r;
	int rc = ask(g, &w, &r, err);

	g->p->config = rc == 1;
	if (rc == 1)
		freeReplyObject(r);
	return rc < 0 ? -1 : 0;
}

/* COMMAND INFO of a renamed or removed command is nil. */
static int
probe_names(const struct probing *g, struct err *err)
{
	static const struct words w = {
	    5, {"COMMAND", "INFO", "replicaof", "slaveof", "flushall"}};
	static const char gone[] = "it is renamed or disabled";
	redisReply *r;
	int rc = ask(g, &w, &r, err);

	if (rc != 1)
		return rc;
	if (r->type == REDIS_REPLY_ARRAY && r->elements == 3) {
		if (r->element[0]->type != REDIS_REPLY_ARRAY &&
		    r->element[1]->type != REDIS_REPLY_ARRAY)
			refuse(g, TARGET_REPLICAOF, gone);
		if (r->element[2]->type != REDIS_REPLY_ARRAY)
			refuse(g, TARGET_FLUSHALL, gone);
	}
	freeReplyObject(r);
	return 0;
}

/*
 * ACL DRYRUN answers OK, or why not as a string; an error says that there was
 * no run.
 */
static int
dry_run(const struct probing *g, const char *user, enum target_command which,
    const struct words *command, struct err *err)
{
	struct words w = {3, {"ACL", "DRYRUN", user}};
	char why[80];
	redisReply *r;
	int rc;

	for (int i = 0; i < command->argc; i++)
		w.argv[w.argc++] = command->argv[i];
	rc = ask(g, &w, &r, err);
	if (rc != 1)
		return rc;
	if (r->type == REDIS_REPLY_STRING) {
		snprintf(why, sizeof(why), "user '%.40s' may not run %s", user,
		    which == TARGET_PLAIN ? command->argv[0] : "it");
		refuse(g, which, why);
	}
	freeReplyObject(r);
	return 0;
}

/* What every value needs that goes by plain commands, and what some do. */
static int
dry_run_plain(const struct probing *g, const char *user, struct err *err)
{
	static const struct words rows[] = {
	    {2, {"DEL", PROBE_KEY}},
	    {3, {"RENAME", PROBE_KEY, PROBE_KEY}},
	    {3, {"PEXPIREAT", PROBE_KEY, "1"}},
	    {3, {"SET", PROBE_KEY, "v"}},
	    {3, {"APPEND", PROBE_KEY, "v"}},
	    {3, {"RPUSH", PROBE_KEY, "v"}},
	    {3, {"SADD", PROBE_KEY, "v"}},
	    {4, {"ZADD", PROBE_KEY, "1", "v"}},
	    {4, {"HSET", PROBE_KEY, "f", "v"}},
	    {5, {"XADD", PROBE_KEY, "*", "f", "v"}},
	    {3, {"XSETID", PROBE_KEY, "1-1"}},
	    {5, {"XGROUP", "CREATE", PROBE_KEY, "g", "1"}},
	    {6, {"XCLAIM", PROBE_KEY, "g", "c", "0", "1-1"}},
	};

	/* Of a cluster, small values are transactions. */
	static const struct words multi[] = {{1, {"MULTI"}}, {1, {"EXEC"}}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (dry_run(g, user, TARGET_PLAIN, &rows[i], err) != 0)
			return -1;
	for (size_t i = 0; i < 2 && g->info->cluster; i++)
		if (dry_run(g, user, TARGET_PLAIN, &multi[i], err) != 0)
			return -1;
	return 0;
}

static int
dry_runs(const struct probing *g, const char *user, struct err *err)
{
	static const struct {
		enum target_command which;
		struct words words;
	} rows[] = {
	    {TARGET_REPLICAOF, {3, {"REPLICAOF", "NO", "ONE"}}},
	    {TARGET_CONFIG_SET, {4, {"CONFIG", "SET", "masterauth", "x"}}},
	    {TARGET_FLUSHALL, {2, {"FLUSHALL", "SYNC"}}},
	    {TARGET_FUNCTION_FLUSH, {3, {"FUNCTION", "FLUSH", "SYNC"}}},
	    {TARGET_MULTI, {1, {"MULTI"}}},
	    {TARGET_MULTI, {1, {"EXEC"}}},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (dry_run(g, user, rows[i].which, &rows[i].words, err) != 0)
			return -1;
	return target_needs_plain(g->info, &g->p->limit, g->dump)
	    ? dry_run_plain(g, user, err)
	    : 0;
}

static int
probe_acl(const struct probing *g, struct err *err)
{
	static const struct words w = {2, {"ACL", "WHOAMI"}};
	redisReply *who;
	int rc;

	if (g->info->version_number < VERSION_DRYRUN)
		return 0;
	rc = ask(g, &w, &who, err);
	if (rc != 1)
		return rc;
	rc = 0;
	if (who->type == REDIS_REPLY_STRING)
		rc = dry_runs(g, who->str, err);
	freeReplyObject(who);
	return rc;
}

static int
try_select(const struct probing *g, struct err *err)
{
	static const struct words back = {2, {"SELECT", "0"}};
	char number[16];
	struct words w = {2, {"SELECT", number}};
	redisReply *r;
	int rc;

	snprintf(number, sizeof(number), "%" PRIu32,
	    g->dump->rdb->keys > 0 ? g->dump->rdb->db_max : 0);
	rc = ask(g, &w, &r, err);
	if (rc == 0)
		refuse_by(g, TARGET_SELECT, err);
	if (rc != 1)
		return rc;
	freeReplyObject(r);
	rc = ask(g, &back, &r, err);
	if (rc == 1)
		freeReplyObject(r);
	return rc < 0 ? -1 : 0;
}

/*
 * A payload that is none is refused by a plain ERR; memory that old data fill
 * is free once they are gone; and rights were looked at before a key is sent
 * to another server of a cluster.
 */
static bool
is_no_refusal(const struct err *err)
{
	static const char *const codes[] = {"ERR", "OOM", "MOVED", "ASK"};

	if (err->kind == ERR_AUTH || err->kind == ERR_UNSUPPORTED)
		return false;
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (strcmp(err->code, codes[i]) == 0)
			return true;
	return false;
}

static int
try_payload(const struct probing *g, enum target_command which,
    const struct words *w, struct err *err)
{
	redisReply *r;
	int rc = ask(g, w, &r, err);

	if (rc == 1)
		freeReplyObject(r);
	if (rc != 0)
		return rc < 0 ? -1 : 0;
	if (!is_no_refusal(err))
		refuse_by(g, which, err);
	return 0;
}

/* A key of its own, so that rights to some keys alone do not pass. */
static int
try_restore(const struct probing *g, struct err *err)
{
	char key[40];
	struct words w = {4, {"RESTORE", key, "0", "x"}};
	uint64_t random;

	scope_random(g->scope, &random, sizeof(random));
	snprintf(key, sizeof(key), "drsync:probe:%016" PRIx64, random);
	return try_payload(g, TARGET_RESTORE, &w, err);
}

static int
try_functions(const struct probing *g, struct err *err)
{
	static const struct words w = {3, {"FUNCTION", "RESTORE", "x"}};

	if (!g->dump->rdb->has_functions ||
	    g->info->version_number < VERSION_FUNCTIONS)
		return 0;
	return try_payload(g, TARGET_FUNCTION_RESTORE, &w, err);
}

/* A replica is refused for what it is. */
static int
probe_restore(const struct probing *g, struct err *err)
{
	if (g->info->is_replica || g->dump->unproved)
		return 0;
	if (restore_limit_get(g->c, g->scope, &g->p->limit, err) != 0 ||
	    try_select(g, err) != 0 || try_restore(g, err) != 0)
		return -1;
	return try_functions(g, err);
}

/* Each module is name, NAME, ver, VERSION...; since Redis 7 also more. */
static void
note_module(struct target_probe *p, const redisReply *m)
{
	if (m->type != REDIS_REPLY_ARRAY || p->nmodules == TARGET_MODULES_MAX)
		return;
	for (size_t i = 0; i + 1 < m->elements; i += 2)
		if (m->element[i]->str != NULL &&
		    m->element[i + 1]->str != NULL &&
		    strcmp(m->element[i]->str, "name") == 0)
			snprintf(p->modules[p->nmodules++],
			    sizeof(p->modules[0]), "%s",
			    m->element[i + 1]->str);
}

static int
probe_modules(const struct probing *g, struct err *err)
{
	static const struct words w = {2, {"MODULE", "LIST"}};
	redisReply *r;
	int rc = ask(g, &w, &r, err);

	if (rc != 1)
		return rc;
	g->p->modules_known = r->type == REDIS_REPLY_ARRAY;
	for (size_t i = 0; g->p->modules_known && i < r->elements; i++)
		note_module(g->p, r->element[i]);
	freeReplyObject(r);
	return 0;
}

/* Every Sentinel subscribes there, to hear of the others. */
static int
probe_sentinels(const struct probing *g, struct err *err)
{
	static const struct words w = {
	    3, {"PUBSUB", "NUMSUB", "__sentinel__:hello"}};
	redisReply *r;
	int rc = ask(g, &w, &r, err);

	if (rc != 1)
		return rc;
	g->p->watched = r->type == REDIS_REPLY_ARRAY && r->elements == 2 &&
	    r->element[1]->type == REDIS_REPLY_INTEGER &&
	    r->element[1]->integer > 0;
	freeReplyObject(r);
	return 0;
}

int
target_probe(struct redis_conn *c, const struct scope *scope,
    const struct redis_info *info, const struct target_dump *dump,
    struct target_probe *p, struct err *err)
{
	const struct probing g = {c, scope, info, dump, p};

	*p = (struct target_probe){0};
	if (probe_config(&g, err) != 0 || probe_names(&g, err) != 0 ||
	    probe_restore(&g, err) != 0 || probe_acl(&g, err) != 0 ||
	    probe_modules(&g, err) != 0 || probe_sentinels(&g, err) != 0)
		return err_in(err, "asking what the target can load");
	*err = (struct err){0};
	return 0;
}
