#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/relay.h"
#include "base/scope.h"
#include "base/sink.h"
#include "rdb/keystats.h"
#include "rdb/mem_estimate.h"
#include "rdb/mem_size.h"

#include "agent/cmd/cmd.h"
#include "agent/cmd/option_sets.h"
#include "agent/cmd/show.h"
#include "agent/cmd/store_arg.h"
#include "agent/job/agent.h"
#include "agent/snapshot/manifest.h"
#include "agent/snapshot/snapshot_read.h"
#include "agent/snapshot/source.h"

#define TOLD	 20
#define TOLD_MAX 1000

static const struct cmd_flag flags[] = {
    STORE_ARG_FLAG,
    {"top", "N", "how many keys and prefixes to tell (default: 20)"},
    {"separator", "CHAR", "where the prefix of a key ends (default: ':')"},
    {NULL, NULL, NULL},
};

static const enum option takes[] = {SOURCE_STORE_OPTIONS, DR_STORE_OPTIONS,
    OPT_CIPHER_KEY, OPT_IN_FLIGHT, OPT_TIMEOUT, OPTIONS};

/* The estimate comes first: the counts ask it at the end of each key. */
struct inspection {
	struct mem_estimate *memory;
	struct keystats *stats;
};

static int
read_snapshot(struct cmd_call *c, const struct snapshot_env *env,
    const struct inspection *in, struct err *err)
{
	struct snapshot_read_opts opts = {
	    .step = STEP_VERIFY,
	    .visitors = {mem_estimate_visitor(in->memory),
		keystats_visitor(in->stats)},
	};
	struct store *store;
	struct manifest *m = snapshot_arg(c, &store, err);
	int rc;

	if (m == NULL)
		return -1;
	if (m->verified)
		rc = snapshot_read(store, m, c->scope, env, &opts, err);
	else
		rc = err_set(err, ERR_UNSUPPORTED,
		    "its RDB version %d is newer than this drsync reads",
		    m->rdb_version);
	manifest_free(m);
	return rc;
}

static int
read_file(struct cmd_call *c, const struct snapshot_env *env,
    const struct inspection *in, struct err *err)
{
	struct source *source = source_file_new(c->args[0]);
	struct rdb_reader *reader = rdb_reader_new();
	struct source_facts facts = {.offset = -1};
	struct sink *nowhere = null_sink_new();
	struct source_call call = {.env = env, .reader = reader};
	int rc;

	rdb_reader_add(reader, mem_estimate_visitor(in->memory));
	rdb_reader_add(reader, keystats_visitor(in->stats));
	rc = source->ops->dump(source, c->scope, &call, nowhere, &facts, err);
	if (rc == 0 && facts.unverified)
		rc = err_set(err, ERR_UNSUPPORTED,
		    "its RDB version is newer than this drsync reads");
	if (rc != 0)
		err_in(err, "reading '%s' as a dump", c->args[0]);
	sink_free(nowhere);
	rdb_reader_free(reader);
	source_free(source);
	return rc;
}

static void
show_share(uint64_t part, uint64_t all, char out[32])
{
	uint64_t percent = all == 0
	    ? 0
	    : (uint64_t)(100 * (double)part / (double)all + 0.5);

	if (part == 0)
		snprintf(out, 32, "-");
	else if (percent == 0)
		snprintf(out, 32, "<1%%");
	else
		snprintf(out, 32, "%" PRIu64 "%%", percent);
}

/* The name stands last: a prefix may be long, or wide on the screen. */
static void
table_head(const char *what)
{
	printf("%13s %4s %10s %11s %4s %12s  %s\n", "MEMORY, ABOUT", "",
	    "IN FILE", "KEYS", "TTL", "ELEMENTS", what);
}

static void
table_row(const char *name, const struct keystats_count *c, uint64_t all)
{
	char memory[32], share[32], bytes[32], keys[32], ttl[32], elements[32];

	show_share(c->memory, all, share);
	show_share(c->expiring, c->keys, ttl);
	printf("%13s %4s %10s %11s %4s %12s  %s\n",
	    show_bytes(c->memory, memory), share, show_bytes(c->bytes, bytes),
	    show_count(c->keys, keys), ttl, show_count(c->elements, elements),
	    name);
}

static void
show_counts(struct keystats *stats)
{
	const struct keystats_count *db;
	struct keystats_count all, count;
	char name[32];
	uint32_t n;

	keystats_total(stats, &all);
	table_head("TYPE");
	for (int k = 0; k < RDB_KINDS; k++) {
		keystats_kind(stats, (enum rdb_kind)k, &count);
		if (count.keys > 0)
			table_row(rdb_kind_name((enum rdb_kind)k), &count,
			    all.memory);
	}
	table_row("all", &all, all.memory);
	printf("\n");
	table_head("DATABASE");
	for (size_t i = 0; (db = keystats_db(stats, i, &n)) != NULL; i++) {
		snprintf(name, sizeof(name), "%" PRIu32, n);
		table_row(name, db, all.memory);
	}
}

static void
show_prefixes(struct keystats *stats)
{
	const struct keystats_prefix *prefixes;
	struct keystats_count all;
	size_t n;

	keystats_total(stats, &all);
	prefixes = keystats_prefixes(stats, &n);
	if (n == 0)
		return;
	printf("\n");
	table_head("PREFIX");
	for (size_t i = 0; i < n; i++)
		table_row(prefixes[i].prefix[0] != '\0' ? prefixes[i].prefix
							: "(no prefix)",
		    &prefixes[i].count, all.memory);
}

static void
show_ttl(int64_t expires_ms, int64_t now_ms, char out[32])
{
	if (expires_ms == RDB_NO_EXPIRY)
		snprintf(out, 32, "-");
	else if (expires_ms <= now_ms)
		snprintf(out, 32, "expired");
	else
		show_ms(expires_ms - now_ms, out);
}

static void
show_biggest(struct keystats *stats, int64_t now_ms)
{
	const struct big_key *big;
	size_t n;

	big = keystats_biggest(stats, &n);
	if (n > 0)
		printf("\n%13s %10s %12s %12s  %-6s %2s  %s\n", "MEMORY, ABOUT",
		    "IN FILE", "ELEMENTS", "TTL", "TYPE", "DB", "BIGGEST KEYS");
	for (size_t i = 0; i < n; i++) {
		char memory[32], bytes[32], elements[32], ttl[32];

		show_ttl(big[i].expires_ms, now_ms, ttl);
		printf("%13s %10s %12s %12s  %-6s %2" PRIu32 "  %s\n",
		    show_bytes(big[i].memory, memory),
		    show_bytes(big[i].bytes, bytes),
		    show_count(big[i].elements, elements), ttl,
		    rdb_kind_name(big[i].kind), big[i].db, big[i].name);
	}
}

static void
show_text(struct keystats *stats, int64_t now_ms)
{
	uint64_t functions = keystats_functions(stats);

	if (keystats_version(stats)[0] != '\0')
		printf("made by version %s\n", keystats_version(stats));
	if (functions > 0)
		printf("%" PRIu64 " function librar%s\n", functions,
		    functions == 1 ? "y" : "ies");
	if (keystats_version(stats)[0] != '\0' || functions > 0)
		printf("\n");
	show_counts(stats);
	show_prefixes(stats);
	show_biggest(stats, now_ms);
}

static cJSON *
json_count(cJSON *o, const struct keystats_count *c)
{
	json_add_int(o, "keys", (int64_t)c->keys);
	json_add_int(o, "expiring", (int64_t)c->expiring);
	json_add_int(o, "elements", (int64_t)c->elements);
	json_add_int(o, "memory_estimate_bytes", (int64_t)c->memory);
	json_add_int(o, "file_bytes", (int64_t)c->bytes);
	return o;
}

static void
json_counts(cJSON *doc, struct keystats *stats)
{
	const struct keystats_count *db;
	struct keystats_count count;
	cJSON *kinds, *dbs, *o;
	uint32_t n;

	cJSON_AddStringToObject(doc, "version", keystats_version(stats));
	keystats_total(stats, &count);
	json_count(cJSON_AddObjectToObject(doc, "all"), &count);
	kinds = cJSON_AddObjectToObject(doc, "kinds");
	for (int k = 0; k < RDB_KINDS; k++) {
		const char *name = rdb_kind_name((enum rdb_kind)k);

		keystats_kind(stats, (enum rdb_kind)k, &count);
		if (count.keys > 0)
			json_count(
			    cJSON_AddObjectToObject(kinds, name), &count);
	}
	dbs = cJSON_AddArrayToObject(doc, "dbs");
	for (size_t i = 0; (db = keystats_db(stats, i, &n)) != NULL; i++) {
		o = json_count(cJSON_CreateObject(), db);
		json_add_int(o, "db", n);
		cJSON_AddItemToArray(dbs, o);
	}
	json_add_int(doc, "functions", (int64_t)keystats_functions(stats));
}

static void
show_document(struct keystats *stats)
{
	cJSON *doc = cJSON_CreateObject();
	const struct keystats_prefix *prefixes;
	const struct big_key *big;
	cJSON *list, *o;
	size_t n;

	json_counts(doc, stats);
	list = cJSON_AddArrayToObject(doc, "prefixes");
	prefixes = keystats_prefixes(stats, &n);
	for (size_t i = 0; i < n; i++) {
		o = json_count(cJSON_CreateObject(), &prefixes[i].count);
		cJSON_AddStringToObject(o, "prefix", prefixes[i].prefix);
		cJSON_AddItemToArray(list, o);
	}
	list = cJSON_AddArrayToObject(doc, "biggest");
	big = keystats_biggest(stats, &n);
	for (size_t i = 0; i < n; i++) {
		o = cJSON_CreateObject();
		cJSON_AddStringToObject(o, "key", big[i].name);
		json_add_int(o, "db", big[i].db);
		cJSON_AddStringToObject(o, "type", rdb_kind_name(big[i].kind));
		json_add_int(o, "elements", (int64_t)big[i].elements);
		json_add_int(
		    o, "memory_estimate_bytes", (int64_t)big[i].memory);
		json_add_int(o, "file_bytes", (int64_t)big[i].bytes);
		if (big[i].expires_ms != RDB_NO_EXPIRY)
			json_add_int(o, "expires_ms", big[i].expires_ms);
		cJSON_AddItemToArray(list, o);
	}
	show_json(doc);
}

static int
parse_flags(struct cmd_call *c, struct keystats_opts *opts, struct err *err)
{
	const char *top = cmd_flag(c, "top");
	const char *separator = cmd_flag(c, "separator");
	long n = TOLD;
	char *end;

	if (top != NULL) {
		n = strtol(top, &end, 10);
		if (end == top || *end != '\0' || n < 0 || n > TOLD_MAX)
			return err_set(err, ERR_USAGE,
			    "--top is a number up to %d", TOLD_MAX);
	}
	if (separator != NULL && strlen(separator) != 1)
		return err_set(err, ERR_USAGE, "--separator is one character");
	opts->biggest = opts->prefixes = (size_t)n;
	opts->separator = separator != NULL ? separator[0] : ':';
	return 0;
}

static int
run(struct cmd_call *c, struct err *err)
{
	struct keystats_opts opts = {0};
	const struct snapshot_env *env;
	struct inspection in;
	int rc;

	if (parse_flags(c, &opts, err) != 0)
		return -1;
	env = agent_env(c->agent, err);
	if (env == NULL)
		return -1;
	opts.memory = in.memory = mem_estimate_new(MEM_QUANTUM_REDIS);
	in.stats = keystats_new(&opts);
	if (c->nargs > 0 && arg_is_file(c->args[0]))
		rc = read_file(c, env, &in, err);
	else
		rc = read_snapshot(c, env, &in, err);
	progress_line_clear(c->line);
	if (rc == 0 && c->json)
		show_document(in.stats);
	else if (rc == 0)
		show_text(in.stats, scope_wall_ms(c->scope));
	keystats_free(in.stats);
	mem_estimate_free(in.memory);
	return rc;
}

const struct cmd cmd_inspect = {
    .name = "inspect",
    .args = "[FILE|SNAPSHOT]",
    .most_args = 1,
    .summary = "keys, types, TTLs, memory by prefix, and the biggest keys",
    .text = "Reads an RDB file (plain, gzip or zstd) or a snapshot of a "
	    "store, and tells what it holds: by type, database and prefix, and "
	    "the biggest keys. Memory is an estimate of what a Redis 7.0 takes "
	    "that has just loaded it (64 bit, the jemalloc it brings, default "
	    "thresholds of encodings; keys, their entries and expiries "
	    "included). Another allocator or version takes some percent more "
	    "or less, and a server that was written to for long takes more. A "
	    "module's values count as their bytes in the file. What names a "
	    "file that exists, or has a '/', is a file.",
    .flags = flags,
    .options = takes,
    .run = run,
};
