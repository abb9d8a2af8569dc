#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "rdb/rdb_reader.h"
#include "rdb/rdb_types.h"
#include "rdb/redis_info.h"
#include "rdb/target_probe.h"
#include "rdb/value_carry.h"
#include "rdb/value_commands.h"

#include "rdb/target_check.h"

/* Of a key beside its bytes in the dump: dict entry, object, allocator. */
#define KEY_OVERHEAD 48

#define WATCHED \
	"Sentinel watches it, and would promote another server meanwhile"

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

uint64_t
target_memory_need(const struct target_dump *dump)
{
	uint64_t need = dump->size + dump->rdb->keys * KEY_OVERHEAD;

	return dump->used_memory > need ? dump->used_memory : need;
}

/*
 * Its old data go first, so their memory does not count against it; what an
 * empty server uses stays.
 */
static bool
memory_ok(const struct judging *j, char why[200])
{
	const struct redis_info *info = j->info;
	uint64_t need = target_memory_need(j->dump);
	uint64_t used = info->keys == 0 ? info->used_memory : 0;

	if (info->maxmemory > 0 && need > info->maxmemory)
		return no(why,
		    "the dump needs about %" PRIu64 " MiB, its maxmemory is "
		    "%" PRIu64 " MiB",
		    need >> 20, info->maxmemory >> 20);
	if (info->maxmemory == 0 && info->system_memory > 0 &&
	    need + used > info->system_memory)
		return no(why,
		    "the dump needs about %" PRIu64 " MiB, its machine has "
		    "%" PRIu64 " MiB",
		    need >> 20, info->system_memory >> 20);
	return true;
}

static bool
not_refused(const struct judging *j, enum target_command which, char why[200])
{
	const char *words = j->probe->refused[which];

	return words[0] == '\0' || no(why, "%s", words);
}

/* What neither way can do without. */
static bool
common_ok(const struct judging *j, char why[200])
{
	const struct rdb_summary *rdb = j->dump->rdb;
	const struct redis_info *info = j->info;

	if (info->is_replica)
		return no(why, "it is a replica of '%.100s:%d'",
		    info->master_host, info->master_port);
	if (info->cluster && rdb->keys > 0 && rdb->db_max > 0)
		return no(why,
		    "the dump uses database %u, and a cluster has database 0 "
		    "alone",
		    rdb->db_max);
	if (info->databases > 0 && rdb->keys > 0 &&
	    rdb->db_max >= (uint32_t)info->databases)
		return no(why, "the dump uses database %u, the server has %d",
		    rdb->db_max, info->databases);
	/* Where CONFIG does not tell it, SELECT does. */
	if (info->databases == 0 && !not_refused(j, TARGET_SELECT, why))
		return false;
	return memory_ok(j, why);
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
	if (j->dump->shards > 0)
		return no(why,
		    "the snapshot is of a cluster of %zu shards, and a full "
		    "sync brings one dump",
		    j->dump->shards);
	if (!rdb->complete)
		return no(why, "the dump is not proved to be whole");
	if (!redis_info_loads_rdb(j->info, rdb->version))
		return no(why,
		    "the dump is RDB version %d, the server "
		    "(%s) does not load it",
		    rdb->version, j->info->version);
	if (j->info->cluster)
		return no(why,
		    "it is in cluster mode, where a server follows none but "
		    "its own cluster's");
	if (j->probe->watched)
		return no(why, WATCHED);
	if (!j->probe->config)
		return no(why, "the server refuses CONFIG");
	return not_refused(j, TARGET_CONFIG_SET, why) &&
	    not_refused(j, TARGET_REPLICAOF, why) && modules_ok(j, true, why);
}

/* Values of types that it does not load become plain commands. */
static bool
types_ok(const struct judging *j, char why[200])
{
	const struct rdb_summary *rdb = j->dump->rdb;
	const struct value_server server = {
	    .version = j->info->version_number, .valkey = j->info->valkey};

	for (uint8_t t = 0; t < 32; t++) {
		int min = rdb_type_min_version(t);
		const char *refused;

		if ((rdb->types_seen >> t & 1) == 0 ||
		    (min != 0 && redis_info_loads_rdb(j->info, min)))
			continue;
		refused = value_carry_refuse(t, &server);
		if (refused != NULL)
			return no(why,
			    "the server (%s) does not load values of type %s, "
			    "of RDB version %d, and plain commands do not "
			    "write %s",
			    j->info->version, rdb_type_name(t, rdb->valkey),
			    min, refused);
	}
	return true;
}

bool
target_needs_plain(const struct redis_info *info,
    const struct restore_limit *limit, const struct target_dump *dump)
{
	uint64_t need = restore_limit_payload(dump->rdb->value_max);

	for (uint8_t t = 0; t < 32; t++)
		if ((dump->rdb->types_seen >> t & 1) != 0 &&
		    !redis_info_loads_rdb(info, rdb_type_min_version(t)))
			return true;
	return need > RESTORE_PAYLOAD_MAX ||
	    (limit->bytes > 0 && need > limit->bytes);
}

static bool
fits(uint64_t need, const char *what, uint64_t max, const char *setting,
    char why[200])
{
	if (need <= max)
		return true;
	return no(why,
	    "the dump's biggest %s %" PRIu64 " bytes, %" PRIu64
	    " more than the server's %s allows; raise that, or load it by way "
	    "of 'replica'",
	    what, need, need - max, setting);
}

/*
 * A value over what a RESTORE may take becomes plain commands, but not what
 * cannot be taken apart.  Where it cannot be told beforehand, the loader
 * refuses it.
 */
static bool
sizes_ok(const struct judging *j, char why[200])
{
	const struct restore_limit *limit = &j->probe->limit;
	const struct rdb_summary *rdb = j->dump->rdb;
	uint64_t need = restore_limit_payload(rdb->value_max);

	if (limit->bytes == 0 || rdb->value_max == 0 || need <= limit->bytes)
		return true;
	return fits(restore_limit_payload(rdb->sizes.whole),
		   "name, function library or module value takes", limit->bytes,
		   limit->setting, why) &&
	    fits(rdb->sizes.string, "string has", limit->bulk,
		"proto-max-bulk-len", why) &&
	    fits(rdb->sizes.element, "element has", limit->bytes,
		limit->setting, why);
}

/* FUNCTION FLUSH comes with FLUSHALL wherever there are functions, in one
 * transaction. */
static bool
restore_allowed(const struct judging *j, char why[200])
{
	const struct rdb_summary *rdb = j->dump->rdb;

	if (!not_refused(j, TARGET_SELECT, why) ||
	    !not_refused(j, TARGET_RESTORE, why))
		return false;
	if (rdb->has_functions && !not_refused(j, TARGET_FUNCTION_RESTORE, why))
		return false;
	if (target_needs_plain(j->info, &j->probe->limit, j->dump) &&
	    !not_refused(j, TARGET_PLAIN, why))
		return false;
	return j->info->keys == 0 ||
	    (not_refused(j, TARGET_FLUSHALL, why) &&
		not_refused(j, TARGET_FUNCTION_FLUSH, why) &&
		not_refused(j, TARGET_MULTI, why));
}

/* Of streams that have to go by plain commands, which of them is not known. */
static bool
streams_ok(const struct judging *j, char why[200])
{
	const struct rdb_sizes *s = &j->dump->rdb->sizes;

	if (!target_needs_plain(j->info, &j->probe->limit, j->dump))
		return true;
	if (s->label > VALUE_LABEL_MAX)
		return no(why,
		    "a stream's group or consumer has a name of %" PRIu64
		    " bytes, which no command of ours brings; load it by way "
		    "of 'replica'",
		    s->label);
	if (s->fields > VALUE_FIELDS_MAX)
		return no(why,
		    "a stream's entry has %" PRIu64
		    " fields, which no command of ours brings; load it by way "
		    "of 'replica'",
		    s->fields);
	return true;
}

static bool
restore_ok(const struct judging *j, char why[200])
{
	if (!common_ok(j, why))
		return false;
	if (j->dump->unproved)
		return no(why,
		    "the dump could not be parsed, so it can only be sent "
		    "whole, by 'replica'");
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
	return types_ok(j, why) && modules_ok(j, false, why) &&
	    sizes_ok(j, why) && streams_ok(j, why) && restore_allowed(j, why);
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

void
target_forbid_replica(struct target_verdict *v)
{
	if (v->replica_ok)
		v->replica_ok = no(v->replica_why, WATCHED);
}

int
target_check(struct redis_conn *c, const struct scope *scope,
    const struct redis_info *info, const struct target_dump *dump,
    struct target_verdict *v, struct err *err)
{
	struct target_probe probe;

	if (target_probe(c, scope, info, dump, &probe, err) != 0)
		return -1;
	target_judge(info, &probe, dump, v);
	return 0;
}
