#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "rdb/rdb_reader.h"
#include "rdb/redis_conn.h"
#include "rdb/redis_error.h"

#include "rdb/redis_info.h"

/* Valkey takes 12 to 79 for another family's and refuses them. */
#define RDB_FOREIGN_MIN 12

static uint64_t
field_number(const char *info, const char *name)
{
	char *value = redis_info_field(info, name);
	uint64_t n = value != NULL ? strtoull(value, NULL, 10) : 0;

	free(value);
	return n;
}

static bool
field_is(const char *info, const char *name, const char *wanted)
{
	char *value = redis_info_field(info, name);
	bool is = value != NULL && strcmp(value, wanted) == 0;

	free(value);
	return is;
}

/* "7.0.15" is 70015, as Redis' own REDIS_VERSION_NUM counts in decimal. */
static int
version_number(const char *text)
{
	int part[3] = {0};
	int n = 0;

	for (; *text != '\0' && n < 3; text++) {
		if (*text == '.')
			n++;
		else if (!isdigit((unsigned char)*text))
			break;
		else if (part[n] < 100)
			part[n] = part[n] * 10 + (*text - '0');
	}
	return part[0] * 10000 + part[1] % 100 * 100 + part[2] % 100;
}

static uint64_t
volatile_items(const char *line)
{
	static const char name[] = ",keys_with_volatile_items=";
	const char *at = strstr(line, name);
	const char *end = strchr(line, '\n');

	if (at == NULL || (end != NULL && at > end))
		return 0;
	return strtoull(at + strlen(name), NULL, 10);
}

/* Lines such as "db0:keys=4,expires=1,avg_ttl=0". */
static void
parse_keyspace(const char *info, struct redis_info *out)
{
	for (const char *p = info; p != NULL; p = strchr(p, '\n')) {
		unsigned long long keys, expires;
		unsigned db;

		p += *p == '\n';
		if (strncmp(p, "db", 2) != 0 ||
		    sscanf(p, "db%9u:keys=%19llu,expires=%19llu", &db, &keys,
			&expires) != 3)
			continue;
		out->keys += keys;
		out->expires += expires;
		out->fields_expire += volatile_items(p);
		if (keys > 0 && db > out->db_max_used)
			out->db_max_used = db;
	}
}

static void
parse_replication(const char *info, struct redis_info *out)
{
	out->is_replica = field_is(info, "role", "slave");
	out->link_up = field_is(info, "master_link_status", "up");
	redis_info_text(
	    info, "master_host", out->master_host, sizeof(out->master_host));
	out->master_port = (int)field_number(info, "master_port");
	redis_info_text(
	    info, "master_replid", out->replid, sizeof(out->replid));
	redis_info_text(
	    info, "master_replid2", out->replid2, sizeof(out->replid2));
	if (out->replid2[strspn(out->replid2, "0")] == '\0')
		out->replid2[0] = '\0';
	/* A replica's master_repl_offset is what it would pass on; what it
	 * has processed is its own. */
	out->offset = field_number(
	    info, out->is_replica ? "slave_repl_offset" : "master_repl_offset");
}

static void
parse_server(const char *info, struct redis_info *out)
{
	char *valkey = redis_info_field(info, "valkey_version");

	out->valkey = valkey != NULL;
	free(valkey);
	redis_info_text(info, out->valkey ? "valkey_version" : "redis_version",
	    out->version, sizeof(out->version));
	out->version_number = version_number(out->version);
	redis_info_text(info, "run_id", out->run_id, sizeof(out->run_id));
	out->cluster = field_is(info, "cluster_enabled", "1") ||
	    field_is(info, "redis_mode", "cluster");
	out->loading = field_is(info, "loading", "1");
	out->used_memory = field_number(info, "used_memory");
	out->used_memory_rss = field_number(info, "used_memory_rss");
	out->maxmemory = field_number(info, "maxmemory");
	out->system_memory = field_number(info, "total_system_memory");
}

static void
parse_children(const char *info, struct redis_info *out)
{
	char *forks = redis_info_field(info, "total_forks");

	out->tells_forks = forks != NULL;
	out->forks = forks != NULL ? strtoull(forks, NULL, 10) : 0;
	free(forks);
	out->bgsave_running = field_is(info, "rdb_bgsave_in_progress", "1");
	out->aof_rewrite_running = field_is(
	    info, "aof_rewrite_in_progress", "1");
	out->module_fork_running = field_is(
	    info, "module_fork_in_progress", "1");
	out->save_failed = field_is(info, "rdb_last_bgsave_status", "err");
	out->last_cow = field_number(info, "rdb_last_cow_size");
	out->fork_us = field_number(info, "latest_fork_usec");
}

/* Managed services hide CONFIG: then the number stays unknown. */
static int
get_databases(struct redis_conn *c, const struct scope *scope,
    struct redis_info *out, struct err *err)
{
	redisReply *r = redis_command(c, scope, err, "CONFIG GET databases");

	if (r == NULL)
		return redis_error_is_refusal(err) ? 0 : -1;
	if (r->type == REDIS_REPLY_ARRAY && r->elements == 2 &&
	    r->element[1]->type == REDIS_REPLY_STRING)
		out->databases = atoi(r->element[1]->str);
	freeReplyObject(r);
	return 0;
}

int
redis_info_get(struct redis_conn *c, const struct scope *scope,
    struct redis_info *out, struct err *err)
{
	redisReply *r = redis_command(c, scope, err, "INFO");

	*out = (struct redis_info){0};
	if (r == NULL)
		return -1;
	if (r->type != REDIS_REPLY_STRING) {
		freeReplyObject(r);
		return err_set(err, ERR_CORRUPT,
		    "'%s': INFO was not answered by text", redis_conn_name(c));
	}
	parse_server(r->str, out);
	parse_children(r->str, out);
	parse_replication(r->str, out);
	parse_keyspace(r->str, out);
	freeReplyObject(r);
	return get_databases(c, scope, out, err);
}

int
redis_info_rdb_version(const struct redis_info *info)
{
	/* First server version of each RDB version; redis/src/rdb.h. */
	static const int redis[][2] = {
	    {81000, 15},
	    {80800, 14},
	    {80600, 13},
	    {70400, 12},
	    {70200, 11},
	    {70000, 10},
	    {50000, 9},
	    {40000, 8},
	    {30200, 7},
	    {20600, 6},
	};

	if (info->valkey)
		return info->version_number >= 90200 ? 81
		    : info->version_number >= 90000  ? 80
						     : 11;
	for (size_t i = 0; i < sizeof(redis) / sizeof(redis[0]); i++)
		if (info->version_number >= redis[i][0])
			return redis[i][1];
	return 5;
}

bool
redis_info_loads_rdb(const struct redis_info *info, int version)
{
	if (version > redis_info_rdb_version(info))
		return false;
	if (version >= RDB_VERSION_VALKEY_MAX)
		return info->valkey;
	return !info->valkey || version < RDB_FOREIGN_MIN;
}
