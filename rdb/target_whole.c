#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "rdb/cluster_map.h"
#include "rdb/rdb_reader.h"
#include "rdb/redis_conn.h"
#include "rdb/redis_primaries.h"
#include "rdb/redis_primary.h"
#include "rdb/redis_target.h"

#include "rdb/target_whole.h"

struct checking {
	const struct redis_primaries *primaries;
	const struct redis_opts *opts;
	const struct scope *scope;
	const struct target_dump *dump;
	struct target_whole *out;
};

/* By its slots; at least a byte of what there is any of. */
static uint64_t
share_of(uint64_t n, unsigned slots)
{
	return (n / CLUSTER_SLOTS) * slots +
	    (n % CLUSTER_SLOTS * slots + CLUSTER_SLOTS - 1) / CLUSTER_SLOTS;
}

/* The first that says no has the word. */
static void
add_no(bool *ok, char why[200], bool one_ok, const char *one_why,
    const char *name, bool several)
{
	if (!*ok || one_ok)
		return;
	*ok = false;
	if (several)
		snprintf(why, 200, "'%.60s': %.130s", name, one_why);
	else
		snprintf(why, 200, "%s", one_why);
}

static void
add_verdict(struct target_whole *out, const struct target_verdict *one,
    const char *name, bool several)
{
	struct target_verdict *v = &out->verdict;

	add_no(&v->replica_ok, v->replica_why, one->replica_ok,
	    one->replica_why, name, several && !out->info.cluster);
	add_no(&v->restore_ok, v->restore_why, one->restore_ok,
	    one->restore_why, name, several);
}

static int
take_first(struct target_whole *out, struct redis_conn *c,
    const struct redis_info *i, struct err *err)
{
	out->info = *i;
	snprintf(out->name, sizeof(out->name), "%s", redis_conn_name(c));
	return redis_conn_local_ip(c, out->local_ip, err);
}

static int
check_one(const struct checking *g, size_t i, struct err *err)
{
	const struct redis_primaries *p = g->primaries;
	struct rdb_summary rdb = *g->dump->rdb;
	struct target_dump dump = *g->dump;
	struct target_verdict v;
	struct redis_info info;
	struct redis_conn *c;
	int rc;

	c = redis_primary_connect(
	    &p->parts[i], g->opts, g->scope, &info, NULL, err);
	if (c == NULL)
		return -1;
	if (p->map != NULL) {
		unsigned slots = p->map->shards[i].nslots;

		rdb.keys = share_of(rdb.keys, slots);
		dump.rdb = &rdb;
		dump.size = share_of(dump.size, slots);
		dump.used_memory = share_of(dump.used_memory, slots);
	}
	rc = i == 0 ? take_first(g->out, c, &info, err) : 0;
	if (rc == 0)
		rc = target_check(c, g->scope, &info, &dump, &v, err);
	if (rc == 0)
		add_verdict(g->out, &v, redis_conn_name(c), p->n > 1);
	g->out->keys += info.keys;
	g->out->used_memory += info.used_memory;
	redis_conn_free(c);
	return rc;
}

int
target_whole_check(const struct redis_target *target,
    const struct redis_opts *opts, const struct scope *scope,
    const struct target_dump *dump, struct target_whole *out, struct err *err)
{
	struct redis_primaries p;
	struct checking g = {&p, opts, scope, dump, out};
	int rc = 0;

	*out = (struct target_whole){
	    .verdict = {.replica_ok = true, .restore_ok = true}};
	if (redis_primaries_find(target, opts, scope, &p, err) != 0)
		return -1;
	out->primaries = p.n;
	for (size_t i = 0; i < p.n && rc == 0; i++)
		rc = check_one(&g, i, err);
	if (p.map != NULL)
		memcpy(out->name, p.map->name, sizeof(out->name));
	if (target->master != NULL)
		target_forbid_replica(&out->verdict);
	redis_primaries_release(&p);
	return rc;
}

int
target_whole_save(const struct redis_target *target,
    const struct redis_opts *opts, const struct scope *scope,
    enum target_save *out, char why[200], struct err *err)
{
	struct redis_primaries p;
	int rc = 0;

	*out = TARGET_KEEPS_NONE;
	why[0] = '\0';
	if (redis_primaries_find(target, opts, scope, &p, err) != 0)
		return -1;
	for (size_t i = 0; i < p.n && rc == 0; i++) {
		struct redis_conn *c = redis_primary_connect(
		    &p.parts[i], opts, scope, NULL, NULL, err);
		enum target_save one = TARGET_KEEPS_NONE;
		char reason[200];

		rc = c != NULL ? target_save(c, scope, &one, reason, err) : -1;
		if (rc == 0 && one > *out) {
			*out = one;
			memcpy(why, reason, sizeof(reason));
		}
		redis_conn_free(c);
	}
	redis_primaries_release(&p);
	return rc;
}
