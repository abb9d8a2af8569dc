#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/budget.h"
#include "base/err.h"
#include "base/scope.h"
#include "base/xalloc.h"
#include "rdb/dump_payload.h"
#include "rdb/key_set.h"
#include "rdb/rdb_writer.h"
#include "rdb/redis_conn.h"
#include "rdb/redis_error.h"
#include "rdb/redis_info.h"
#include "rdb/scan_pipe.h"
#include "rdb/sync_host.h"

#include "rdb/scan_client.h"

/* Of SCAN: so many keys are asked for before the next ones are looked for. */
#define SCAN_COUNT 512

#define LATENCY_MOST_MS INT64_C(20)

struct scan {
	const struct scope *scope;
	const struct scan_opts *opts;
	struct scan_facts *facts;
	struct redis_info info;
	struct redis_conn *walk, *fetch;
	struct rdb_writer *writer;
	struct scan_pipe *pipe;
	struct key_set *seen;

	struct scan_name *names; /* of one answer, those that are new */
	size_t nnames, room;

	/* How fast. */
	size_t window;	  /* groups under way at most */
	int64_t asked_ms; /* when SCAN was sent; -1: its answer came */
	int64_t from_ms;
	uint64_t fetched; /* keys asked for since from_ms */
};

/* Redis before 7.0 tells the rest of a key's life, by its own clock. */
static int64_t
clock_offset(struct scan *s)
{
	struct err ignored = {0};
	redisReply *r = redis_command(s->walk, s->scope, &ignored, "TIME");
	int64_t ms = 0;

	if (r != NULL && r->type == REDIS_REPLY_ARRAY && r->elements == 2)
		ms = strtoll(r->element[0]->str, NULL, 10) * 1000 +
		    strtoll(r->element[1]->str, NULL, 10) / 1000 -
		    scope_wall_ms(s->scope);
	freeReplyObject(r);
	return ms;
}

static enum scan_usage
usage_told(struct scan *s)
{
	enum scan_usage usage = SCAN_USAGE_NONE;
	struct err ignored = {0};
	redisReply *r = redis_command(
	    s->walk, s->scope, &ignored, "INFO memory");
	char *policy;

	if (r == NULL)
		return usage;
	policy = r->type == REDIS_REPLY_STRING
	    ? redis_info_field(r->str, "maxmemory_policy")
	    : NULL;
	if (policy != NULL && strstr(policy, "lfu") != NULL)
		usage = SCAN_USAGE_FREQ;
	else if (policy != NULL && strstr(policy, "lru") != NULL)
		usage = SCAN_USAGE_IDLE;
	free(policy);
	freeReplyObject(r);
	return usage;
}

static int
open_conns(struct scan *s, const struct redis_target *target,
    const struct redis_opts *redis, struct err *err)
{
	struct redis_address address;
	struct err ignored = {0};
	struct sync_host host;

	if (sync_host_choose(target, redis, s->scope, &host, err) != 0)
		return -1;
	s->walk = host.conn;
	s->info = host.info;
	snprintf(s->facts->host, sizeof(s->facts->host), "%s",
	    redis_conn_name(s->walk));
	memcpy(s->facts->version, s->info.version, sizeof(s->facts->version));
	s->facts->valkey = s->info.valkey;
	memcpy(s->facts->replid, s->info.replid, sizeof(s->facts->replid));
	if (s->info.version[0] == '\0')
		return err_set(err, ERR_UNSUPPORTED,
		    "'%s' does not tell its version by INFO, which says what "
		    "its values are written in",
		    s->facts->host);
	address = target->hosts[host.index];
	address.db = 0;
	s->fetch = redis_connect(&address, target->user, redis, s->scope, err);
	if (s->fetch == NULL)
		return -1;
	/* A word of 7.2. */
	freeReplyObject(
	    redis_command(s->fetch, s->scope, &ignored, "CLIENT NO-TOUCH ON"));
	return 0;
}

static void
open_pipe(struct scan *s, struct sink *sink)
{
	struct rdb_writer_opts file = {
	    .version = redis_info_rdb_version(&s->info),
	    .valkey = s->info.valkey,
	    .budget = s->opts->budget,
	};
	struct scan_pipe_opts pipe = {
	    .rdb_version = file.version,
	    .expire_time = s->info.valkey || s->info.version_number >= 70000,
	    .usage = usage_told(s),
	    .single = s->info.cluster,
	};

	if (!pipe.expire_time)
		pipe.clock_offset_ms = clock_offset(s);
	s->facts->expiry_exact = pipe.expire_time;
	s->writer = rdb_writer_new(sink, s->scope, &file);
	s->pipe = scan_pipe_new(s->fetch, s->writer, &pipe);
}

static int
write_functions(struct scan *s, struct err *err)
{
	struct err refused = {0};
	redisReply *r;
	int rc = 0;

	if (!s->info.valkey && s->info.version_number < 70000)
		return 0;
	r = redis_command(s->fetch, s->scope, &refused, "FUNCTION DUMP");
	if (r == NULL && !redis_error_is_refusal(&refused)) {
		*err = refused;
		return -1;
	}
	if (r != NULL && r->type == REDIS_REPLY_STRING &&
	    r->len >= DUMP_FOOTER_BYTES)
		rc = rdb_writer_functions(
		    s->writer, r->str, r->len - DUMP_FOOTER_BYTES, err);
	else
		s->facts->functions_left_out = true;
	freeReplyObject(r);
	return rc;
}

static int
write_head(struct scan *s, struct err *err)
{
	char began[32];

	snprintf(began, sizeof(began), "%" PRId64, s->facts->began_ms / 1000);
	if (rdb_writer_aux(s->writer,
		s->info.valkey ? "valkey-ver" : "redis-ver", s->info.version,
		err) != 0 ||
	    rdb_writer_aux(s->writer, "ctime", began, err) != 0)
		return -1;
	return write_functions(s, err);
}

static void
tell_progress(struct scan *s)
{
	uint64_t keys = scan_pipe_facts(s->pipe).keys, all = s->info.keys;
	uint64_t done = rdb_writer_bytes(s->writer);
	uint64_t total = 0;

	if (s->opts->progress == NULL || keys == 0)
		return;
	if (keys >= all)
		total = done;
	else if (keys >= all / 100)
		total = (uint64_t)((double)done * (double)all / (double)keys);
	s->opts->progress(s->opts->progress_arg, done, total);
}

/*
 * SCAN's own answer is the probe: it stands in the queue that every client of
 * the server stands in.  One that is late halves what is under way, and leaves
 * the server alone for as long as it took.
 */
static int
note_latency(struct scan *s, struct err *err)
{
	int64_t most = s->opts->latency_most_ms > 0 ? s->opts->latency_most_ms
						    : LATENCY_MOST_MS;
	int64_t took = scope_mono_ms(s->scope) - s->asked_ms;

	s->asked_ms = -1;
	if (took <= most) {
		s->window += s->window < SCAN_PIPE_GROUPS_MAX;
		return 0;
	}
	s->window = (s->window + 1) / 2;
	return scope_sleep(s->scope, took, err);
}

/* As soon as it is there, and not when its turn has come to be read. */
static int
watch_latency(struct scan *s, struct err *err)
{
	if (s->asked_ms < 0 || !redis_conn_reply_ready(s->walk))
		return 0;
	return note_latency(s, err);
}

static int
keep_rate(struct scan *s, struct err *err)
{
	uint64_t rate = s->opts->keys_per_second;
	int64_t now = scope_mono_ms(s->scope), due;

	if (rate == 0)
		return 0;
	due = s->from_ms + (int64_t)(s->fetched * 1000 / rate);
	/* What was not used up in a pause is not made up for. */
	if (due < now - 1000) {
		s->from_ms = now;
		s->fetched = 0;
	}
	return due > now ? scope_sleep(s->scope, due - now, err) : 0;
}

static int
take_oldest(struct scan *s, struct err *err)
{
	if (scan_pipe_take(s->pipe, s->scope, err) != 0 ||
	    watch_latency(s, err) != 0)
		return -1;
	return keep_rate(s, err);
}

static int
fetch_values(struct scan *s, uint32_t db, struct err *err)
{
	for (size_t at = 0, n; at < s->nnames; at += n) {
		while (scan_pipe_asked(s->pipe) >= s->window)
			if (take_oldest(s, err) != 0)
				return -1;
		n = scan_pipe_group(s->pipe);
		n = n < s->nnames - at ? n : s->nnames - at;
		if (scan_pipe_ask(
			s->pipe, s->scope, db, s->names + at, n, err) != 0)
			return -1;
		s->fetched += n;
	}
	while (scan_pipe_asked(s->pipe) > 0)
		if (take_oldest(s, err) != 0)
			return -1;
	tell_progress(s);
	return 0;
}

/* SCAN may tell a key twice, and a dump must not hold one twice. */
static int
pick_new(struct scan *s, uint32_t db, const redisReply *keys, struct err *err)
{
	bool is_new;

	if (keys->elements > s->room) {
		s->room = keys->elements;
		s->names = xreallocarray(s->names, s->room, sizeof(*s->names));
	}
	s->nnames = 0;
	for (size_t i = 0; i < keys->elements; i++) {
		const redisReply *k = keys->element[i];

		if (k->type != REDIS_REPLY_STRING)
			return err_set(
			    err, ERR_CORRUPT, "SCAN answered what is no key");
		if (key_set_add(s->seen, db, k->str, k->len, &is_new, err) != 0)
			return -1;
		if (is_new)
			s->names[s->nnames++] = (struct scan_name){
			    k->str, k->len};
		else
			s->facts->repeated++;
	}
	return 0;
}

static int
ask_scan(struct scan *s, const char *cursor, struct err *err)
{
	char command[128];
	int n = snprintf(command, sizeof(command),
	    "*4\r\n$4\r\nSCAN\r\n$%zu\r\n%s\r\n$5\r\nCOUNT\r\n$3\r\n%d\r\n",
	    strlen(cursor), cursor, SCAN_COUNT);

	s->asked_ms = scope_mono_ms(s->scope);
	return redis_conn_write(s->walk, s->scope, command, (size_t)n, err);
}

/* The next cursor, and the keys; *out is to be freed. */
static int
take_scan(struct scan *s, char cursor[32], redisReply **out, struct err *err)
{
	redisReply *r = redis_conn_reply(s->walk, s->scope, err);

	*out = r;
	if (r == NULL)
		return -1;
	if (r->type == REDIS_REPLY_ERROR) {
		redis_error_set(err, r->str);
		return err_in(err, "'%s': SCAN", s->facts->host);
	}
	if (r->type != REDIS_REPLY_ARRAY || r->elements != 2 ||
	    r->element[0]->type != REDIS_REPLY_STRING ||
	    r->element[0]->len >= 32 ||
	    strspn(r->element[0]->str, "0123456789") != r->element[0]->len ||
	    r->element[1]->type != REDIS_REPLY_ARRAY)
		return err_set(err, ERR_CORRUPT,
		    "'%s' answered SCAN by what is no cursor and keys",
		    s->facts->host);
	memcpy(cursor, r->element[0]->str, r->element[0]->len + 1);
	return s->asked_ms >= 0 ? note_latency(s, err) : 0;
}

/* The next keys are looked for while the values of these are fetched. */
static int
scan_keys(struct scan *s, uint32_t db, struct err *err)
{
	char cursor[32] = "0";
	redisReply *r;
	int rc;

	if (ask_scan(s, cursor, err) != 0)
		return -1;
	do {
		rc = take_scan(s, cursor, &r, err);
		if (rc == 0 && strcmp(cursor, "0") != 0)
			rc = ask_scan(s, cursor, err);
		if (rc == 0)
			rc = pick_new(s, db, r->element[1], err);
		if (rc == 0)
			rc = fetch_values(s, db, err);
		freeReplyObject(r);
	} while (rc == 0 && strcmp(cursor, "0") != 0);
	return rc;
}

static int
select_db(struct scan *s, struct redis_conn *c, uint32_t db, struct err *err)
{
	redisReply *r = redis_command(
	    c, s->scope, err, "SELECT %u", (unsigned)db);

	freeReplyObject(r);
	return r != NULL ? 0 : -1;
}

static int
scan_all(struct scan *s, struct err *err)
{
	for (uint32_t db = 0; db <= s->info.db_max_used; db++) {
		if (db > 0 &&
		    (select_db(s, s->walk, db, err) != 0 ||
			select_db(s, s->fetch, db, err) != 0))
			return -1;
		if (scan_keys(s, db, err) != 0)
			return -1;
	}
	return rdb_writer_finish(s->writer, err);
}

static void
note_end(struct scan *s)
{
	struct scan_pipe_facts got = scan_pipe_facts(s->pipe);

	s->facts->ended_ms = scope_wall_ms(s->scope);
	s->facts->keys = got.keys;
	s->facts->gone = got.gone;
}

int
scan_dump(const struct redis_target *target, const struct redis_opts *redis,
    const struct scope *scope, const struct scan_opts *opts, struct sink *sink,
    struct scan_facts *facts, struct err *err)
{
	struct scan s = {
	    .scope = scope,
	    .opts = opts,
	    .facts = facts,
	    .window = 1,
	    .asked_ms = -1,
	    .from_ms = scope_mono_ms(scope),
	};
	struct budget *share = NULL;
	int rc = -1;

	*facts = (struct scan_facts){.began_ms = scope_wall_ms(scope)};
	if (open_conns(&s, target, redis, err) != 0)
		goto out;
	share = budget_carve(opts->budget, SCAN_SEEN_BYTES, err);
	if (share == NULL)
		goto out;
	s.seen = key_set_new(s.info.keys, SCAN_SEEN_BYTES, err);
	if (s.seen == NULL)
		goto out;
	open_pipe(&s, sink);
	if (write_head(&s, err) != 0 || scan_all(&s, err) != 0)
		goto out;
	note_end(&s);
	rc = 0;
out:
	scan_pipe_free(s.pipe);
	rdb_writer_free(s.writer);
	key_set_free(s.seen);
	budget_free(share);
	redis_conn_free(s.walk);
	redis_conn_free(s.fetch);
	free(s.names);
	return rc;
}
