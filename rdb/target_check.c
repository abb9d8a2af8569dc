#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "rdb/rdb_reader.h"
#include "rdb/rdb_types.h"
#include "rdb/redis_config.h"
#include "rdb/redis_conn.h"
#include "rdb/redis_info.h"

#include "rdb/target_check.h"

/* Of a key beside its bytes in the dump: dict entry, object, allocator. */
#define KEY_OVERHEAD 48

/* Valkey takes 12 to 79 for another family's and refuses them. */
#define RDB_FOREIGN_MIN 12

/*
 * A question that may be refused: 1 with *r, 0 when it was, -1 when the
 * connection broke.
 */
static int
ask(struct redis_conn *c, const struct scope *scope, const char *command,
    redisReply **r, struct err *err)
{
	*err = (struct err){0};
	*r = redis_command(c, scope, err, command);
	if (*r != NULL)
		return 1;
	/* An error reply has a code, a broken connection has none. */
	return err->code[0] != '\0' ? 0 : -1;
}

static int
probe_config(struct redis_conn *c, const struct scope *scope,
    struct target_probe *p, struct err *err)
{
	redisReply *r;
	int rc = ask(c, scope, "CONFIG GET repl-diskless-load", &r, err);

	p->config = rc == 1;
	if (rc == 1)
		freeReplyObject(r);
	return rc < 0 ? -1 : 0;
}

/* COMMAND INFO of a renamed or removed command is nil. */
static int
probe_replicaof(struct redis_conn *c, const struct scope *scope,
    struct target_probe *p, struct err *err)
{
	bool known = true;
	redisReply *r;
	int rc = ask(c, scope, "COMMAND INFO replicaof slaveof", &r, err);

	if (rc == 1) {
		if (r->type == REDIS_REPLY_ARRAY && r->elements == 2)
			known = r->element[0]->type == REDIS_REPLY_ARRAY ||
			    r->element[1]->type == REDIS_REPLY_ARRAY;
		freeReplyObject(r);
	}
	if (!known)
		snprintf(p->replicaof, sizeof(p->replicaof),
		    "the server has no REPLICAOF (renamed or disabled)");
	return rc < 0 ? -1 : 0;
}

/* ACL DRYRUN: since 7.0. */
static int
probe_acl(struct redis_conn *c, const struct scope *scope,
    struct target_probe *p, struct err *err)
{
	redisReply *who, *r;
	int rc = ask(c, scope, "ACL WHOAMI", &who, err);

	if (rc != 1)
		return rc;
	r = NULL;
	if (who->type == REDIS_REPLY_STRING) {
		*err = (struct err){0};
		r = redis_command(
		    c, scope, err, "ACL DRYRUN %s REPLICAOF NO ONE", who->str);
		rc = r != NULL || err->code[0] != '\0' ? 0 : -1;
	}
	if (r != NULL && r->type == REDIS_REPLY_STRING)
		snprintf(p->replicaof, sizeof(p->replicaof),
		    "user '%.40s' may not run REPLICAOF", who->str);
	if (r != NULL)
		freeReplyObject(r);
	freeReplyObject(who);
	return rc < 0 ? -1 : 0;
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
probe_modules(struct redis_conn *c, const struct scope *scope,
    struct target_probe *p, struct err *err)
{
	redisReply *r;
	int rc = ask(c, scope, "MODULE LIST", &r, err);

	if (rc != 1)
		return rc;
	p->modules_known = r->type == REDIS_REPLY_ARRAY;
	for (size_t i = 0; p->modules_known && i < r->elements; i++)
		note_module(p, r->element[i]);
	freeReplyObject(r);
	return 0;
}

int
target_probe(struct redis_conn *c, const struct scope *scope,
    struct target_probe *p, struct err *err)
{
	*p = (struct target_probe){0};
	if (probe_config(c, scope, p, err) != 0 ||
	    probe_replicaof(c, scope, p, err) != 0 ||
	    probe_acl(c, scope, p, err) != 0 ||
	    probe_modules(c, scope, p, err) != 0)
		return err_in(err, "asking what the target can load");
	*err = (struct err){0};
	return 0;
}

struct judging {
	const struct redis_info *info;
	const struct target_probe *probe;
	const struct target_dump *dump;
};

static bool no(char why[200], const char *fmt, ...) ERR_FMT(2, 3);

static bool
no(char why[200], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, 200, fmt, ap);
	va_end(ap);
	return false;
}

/* Whether the server reads what an RDB version brought. */
static bool
owns_version(const struct redis_info *info, int version)
{
	if (version > redis_info_rdb_version(info))
		return false;
	if (version >= RDB_VERSION_VALKEY_MAX)
		return info->valkey;
	return !info->valkey || version < RDB_FOREIGN_MIN;
}

/* What neither way can do without. */
static bool
common_ok(const struct judging *j, char why[200])
{
	const struct rdb_summary *rdb = j->dump->rdb;
	const struct redis_info *info = j->info;
	uint64_t need = j->dump->size + rdb->keys * KEY_OVERHEAD;

	if (info->is_replica)
		return no(why, "it is a replica of '%.100s:%d'",
		    info->master_host, info->master_port);
	if (info->cluster)
		return no(why, "it is in cluster mode");
	if (info->databases > 0 && rdb->keys > 0 &&
	    rdb->db_max >= (uint32_t)info->databases)
		return no(why, "the dump uses database %u, the server has %d",
		    rdb->db_max, info->databases);
	/* Its old data go first, so used_memory does not count against it. */
	if (j->dump->used_memory > need)
		need = j->dump->used_memory;
	if (info->maxmemory > 0 && need > info->maxmemory)
		return no(why,
		    "the dump needs about %" PRIu64 " MiB, its maxmemory is "
		    "%" PRIu64 " MiB",
		    need >> 20, info->maxmemory >> 20);
	return true;
}

static const char *
missing_module(const struct judging *j)
{
	for (size_t i = 0; i < j->dump->nmodules; i++) {
		size_t k = 0;

		while (k < j->probe->nmodules &&
		    strcmp(j->dump->modules[i], j->probe->modules[k]) != 0)
			k++;
		if (k == j->probe->nmodules)
			return j->dump->modules[i];
	}
	return NULL;
}

static bool
modules_ok(const struct judging *j, bool strictly, char why[200])
{
	const char *missing = missing_module(j);

	if (!j->dump->rdb->has_modules)
		return true;
	if (j->probe->modules_known && missing != NULL)
		return no(why,
		    "the dump holds data of module '%.60s', which the server "
		    "has not loaded",
		    missing);
	if (j->probe->modules_known && j->probe->nmodules == 0)
		return no(why,
		    "the dump holds data of modules, and the server has none");
	if (strictly && (!j->probe->modules_known || j->dump->nmodules == 0))
		return no(why,
		    "whether the server has the modules of the dump is not "
		    "known, and without one it would end");
	return true;
}

static bool
replica_ok(const struct judging *j, char why[200])
{
	const struct rdb_summary *rdb = j->dump->rdb;

	if (!common_ok(j, why))
		return false;
	if (!rdb->complete)
		return no(why, "the dump is not proved to be whole");
	if (!owns_version(j->info, rdb->version))
		return no(why,
		    "the dump is RDB version %d, the server "
		    "(%s) does not load it",
		    rdb->version, j->info->version);
	if (!j->probe->config)
		return no(why, "the server refuses CONFIG");
	if (j->probe->replicaof[0] != '\0')
		return no(why, "%s", j->probe->replicaof);
	return modules_ok(j, true, why);
}

static bool
types_ok(const struct judging *j, char why[200])
{
	const struct rdb_summary *rdb = j->dump->rdb;

	for (uint8_t t = 0; t < 32; t++) {
		int min = rdb_type_min_version(t);

		if ((rdb->types_seen >> t & 1) == 0)
			continue;
		if (min == 0 || !owns_version(j->info, min))
			return no(why,
			    "the dump holds values of type %s, which came "
			    "with RDB version %d; the server (%s) does not "
			    "know it",
			    rdb_type_name(t, rdb->valkey), min,
			    j->info->version);
	}
	return true;
}

static bool
restore_ok(const struct judging *j, char why[200])
{
	if (!common_ok(j, why))
		return false;
	if (j->info->version_number < 30000)
		return no(why,
		    "RESTORE knows REPLACE since Redis 3.0, the "
		    "server is %s",
		    j->info->version);
	if (j->dump->rdb->has_functions && j->info->version_number < 70000)
		return no(why,
		    "the dump holds functions, which came with "
		    "Redis 7.0; the server is %s",
		    j->info->version);
	return types_ok(j, why) && modules_ok(j, false, why);
}

void
target_judge(const struct redis_info *info, const struct target_probe *probe,
    const struct target_dump *dump, struct target_verdict *v)
{
	const struct judging j = {info, probe, dump};

	*v = (struct target_verdict){0};
	v->replica_ok = replica_ok(&j, v->replica_why);
	v->restore_ok = restore_ok(&j, v->restore_why);
}

int
target_check(struct redis_conn *c, const struct scope *scope,
    const struct redis_info *info, const struct target_dump *dump,
    struct target_verdict *v, struct err *err)
{
	struct target_probe probe;

	if (target_probe(c, scope, &probe, err) != 0)
		return -1;
	target_judge(info, &probe, dump, v);
	return 0;
}
