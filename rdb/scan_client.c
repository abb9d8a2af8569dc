#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/budget.h"
#include "base/err.h"
#include "base/scope.h"
#include "rdb/dump_payload.h"
#include "rdb/key_filter.h"
#include "rdb/key_set.h"
#include "rdb/rdb_writer.h"
#include "rdb/redis_conn.h"
#include "rdb/redis_error.h"
#include "rdb/redis_info.h"
#include "rdb/scan_again.h"
#include "rdb/scan_changes.h"
#include "rdb/scan_hold.h"
#include "rdb/scan_pace.h"
#include "rdb/scan_pipe.h"
#include "rdb/scan_server.h"
#include "rdb/scan_walk.h"

#include "rdb/scan_client.h"

/* Keys whose values are asked for before the next ones are looked for. */
#define CHANGED_BATCH 512

/* Servers close connections that idle for minutes, some sooner. */
#define IDLE_MS 10000

struct scan {
	const struct scope *scope;
	const struct scan_opts *opts;
	struct scan_facts *facts;
	struct scan_server server;
	struct rdb_writer *writer;
	struct scan_pipe *pipe;
	struct key_set *seen;
	struct scan_pace pace; /* of groups under way in pipe */
	struct scan_walk *names;
	struct scan_again *again; /* NULL: there is no second pass */
	bool second;
	const char *type; /* the one that SCAN is to tell of; or NULL */
	uint64_t untold;  /* keys that it did not tell of, since none of their
			    * database or type is wanted */
	int64_t asked_ms; /* when the last was asked of fetch */
};

static void
tell_once(struct scan *s, const struct err *why)
{
	snprintf(s->facts->once, sizeof(s->facts->once), "%.159s", why->text);
}

/* Without it the dump is as good as one pass makes it. */
static void
prepare_again(struct scan *s, const struct redis_opts *redis, struct sink *sink)
{
	struct scan_again_opts opts = {
	    .hold = {.dir = s->opts->hold_dir,
		.max_bytes = s->opts->hold_max,
		.budget = s->opts->budget},
	    .changes = {.filter = s->opts->filter,
		.trust = s->opts->trust,
		.cluster = s->server.info.cluster,
		.dir = s->opts->hold_dir},
	};
	struct redis_conn *events;
	struct err why = {0};

	if (opts.hold.max_bytes == 0)
		return;
	events = scan_server_connect(&s->server, redis, s->scope, &why);
	if (events != NULL)
		s->again = scan_again_new(s->server.walk, events,
		    &s->server.info, sink, s->scope, &opts, &why);
	if (s->again == NULL)
		tell_once(s, &why);
}

static int
open_server(struct scan *s, const struct redis_target *target,
    const struct redis_opts *redis, struct err *err)
{
	const struct redis_info *info = &s->server.info;
	struct scan_facts *f = s->facts;

	if (scan_server_open(&s->server, target, redis, s->scope, err) != 0)
		return -1;
	snprintf(
	    f->host, sizeof(f->host), "%s", redis_conn_name(s->server.walk));
	memcpy(f->version, info->version, sizeof(f->version));
	f->valkey = info->valkey;
	memcpy(f->replid, info->replid, sizeof(f->replid));
	return 0;
}

static void
open_pipe(struct scan *s, struct sink *sink)
{
	struct rdb_writer_opts file = {
	    .version = redis_info_rdb_version(&s->server.info),
	    .valkey = s->server.info.valkey,
	    .budget = s->opts->budget,
	};
	struct scan_pipe_opts pipe = {
	    .rdb_version = file.version,
	    .expire_time = s->server.info.valkey ||
		s->server.info.version_number >= 70000,
	    .usage = scan_server_usage(&s->server, s->scope),
	    .single = s->server.info.cluster,
	};

	/* What changes in the second pass stays as it is read. */
	if (s->again != NULL && !s->second) {
		pipe.changes = scan_again_changes(s->again);
		sink = scan_again_sink(s->again);
	}
	/* Redis before 7.0 tells the rest of a key's life. */
	if (!pipe.expire_time)
		pipe.server_time = scan_server_tells_time(&s->server, s->scope);
	s->facts->expiry_exact = pipe.expire_time;
	s->writer = rdb_writer_new(sink, s->scope, &file);
	s->pipe = scan_pipe_new(s->server.fetch, s->writer, &pipe);
}

static int
write_functions(struct scan *s, struct err *err)
{
	struct err refused = {0};
	redisReply *r;
	int rc = 0;

	if ((!s->server.info.valkey && s->server.info.version_number < 70000) ||
	    (s->opts->filter != NULL &&
		!key_filter_takes_functions(s->opts->filter)))
		return 0;
	r = redis_command(s->server.fetch, s->scope, &refused, "FUNCTION DUMP");
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
		s->server.info.valkey ? "valkey-ver" : "redis-ver",
		s->server.info.version, err) != 0 ||
	    rdb_writer_aux(s->writer, "ctime", began, err) != 0)
		return -1;
	return write_functions(s, err);
}

static uint64_t
unwanted(const struct scan *s)
{
	return s->untold + scan_walk_unwanted(s->names);
}

static void
tell_progress(struct scan *s)
{
	uint64_t keys = scan_pipe_facts(s->pipe).keys + unwanted(s);
	uint64_t all = s->server.info.keys;
	uint64_t done = rdb_writer_bytes(s->writer);
	uint64_t total = 0;

	/* The second pass begins the dump anew. */
	if (s->opts->progress == NULL || keys == 0 || s->second)
		return;
	if (keys >= all)
		total = done;
	else if (keys >= all / 100)
		total = (uint64_t)((double)done * (double)all / (double)keys);
	s->opts->progress(s->opts->progress_arg, done, total);
}

static int
take_oldest(struct scan *s, struct err *err)
{
	if (scan_pipe_take(s->pipe, s->scope, err) != 0 ||
	    scan_walk_watch(s->names, err) != 0)
		return -1;
	if (s->again != NULL)
		scan_changes_drain(scan_again_changes(s->again));
	return scan_pace_keep(&s->pace, err);
}

/* A connection that nothing is asked of may be closed. */
static int
keep_alive(struct scan *s, struct err *err)
{
	redisReply *r;

	if (scope_mono_ms(s->scope) - s->asked_ms < IDLE_MS)
		return 0;
	s->asked_ms = scope_mono_ms(s->scope);
	r = redis_command(s->server.fetch, s->scope, err, "PING");
	freeReplyObject(r);
	return r != NULL ? 0 : -1;
}

static int
fetch_values(struct scan *s, uint32_t db, const struct scan_name *names,
    size_t total, struct err *err)
{
	for (size_t at = 0, n; at < total; at += n) {
		while (scan_pipe_asked(s->pipe) >= s->pace.window)
			if (take_oldest(s, err) != 0)
				return -1;
		n = scan_pipe_group(s->pipe);
		n = n < total - at ? n : total - at;
		if (scan_pipe_ask(s->pipe, s->scope, db, names + at, n, err) !=
		    0)
			return -1;
		scan_pace_fetch(&s->pace, n);
		s->asked_ms = scope_mono_ms(s->scope);
	}
	while (scan_pipe_asked(s->pipe) > 0)
		if (take_oldest(s, err) != 0)
			return -1;
	tell_progress(s);
	return redis_conn_renew(s->server.fetch, s->scope, err);
}

static int
scan_keys(struct scan *s, uint32_t db, struct err *err)
{
	const struct scan_name *names;
	size_t n;

	if (scan_walk_begin(s->names, s->scope, db, err) != 0)
		return -1;
	do {
		if (scan_walk_next(s->names, s->scope, &names, &n, err) != 0 ||
		    fetch_values(s, db, names, n, err) != 0 ||
		    keep_alive(s, err) != 0)
			return -1;
		/* It may be that no value was asked for. */
		if (s->again != NULL)
			scan_changes_drain(scan_again_changes(s->again));
	} while (scan_walk_more(s->names));
	return 0;
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
count_keys(struct scan *s, uint64_t *n, struct err *err)
{
	redisReply *r = redis_command(s->server.walk, s->scope, err, "DBSIZE");

	if (r == NULL)
		return -1;
	*n = r->type == REDIS_REPLY_INTEGER && r->integer > 0
	    ? (uint64_t)r->integer
	    : 0;
	freeReplyObject(r);
	return 0;
}

/* Of what SCAN does not tell, the number is known all the same. */
static int
scan_part(struct scan *s, uint32_t db, struct err *err)
{
	bool wanted = key_filter_may_take_db(s->opts->filter, db);
	uint64_t before = key_set_count(s->seen), told, all;

	if (wanted && s->type == NULL)
		return scan_keys(s, db, err);
	if (count_keys(s, &all, err) != 0 ||
	    (wanted && scan_keys(s, db, err) != 0))
		return -1;
	told = key_set_count(s->seen) - before;
	s->untold += told < all ? all - told : 0;
	return 0;
}

static int
scan_all(struct scan *s, struct err *err)
{
	for (uint32_t db = 0; db <= s->server.info.db_max_used; db++) {
		int rc;

		if (db > 0 &&
		    (select_db(s, s->server.walk, db, err) != 0 ||
			select_db(s, s->server.fetch, db, err) != 0))
			return -1;
		rc = s->opts->filter != NULL ? scan_part(s, db, err)
					     : scan_keys(s, db, err);
		if (rc != 0)
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
	s->facts->repeated = scan_walk_repeated(s->names);
	s->facts->unwanted = unwanted(s);
}

static int
fetch_changed(struct scan *s, struct err *err)
{
	struct scan_changes *changes = scan_again_changes(s->again);
	struct scan_name names[CHANGED_BATCH];

	for (uint32_t db = 0; db <= scan_changes_db_max(changes); db++) {
		size_t at = 0, n;

		if (select_db(s, s->server.fetch, db, err) != 0)
			return -1;
		while ((n = scan_changes_next(
			    changes, db, &at, names, CHANGED_BATCH)) > 0)
			if (fetch_values(s, db, names, n, err) != 0)
				return -1;
	}
	return 0;
}

/* Read what changed, then take all else from the first pass: only the reading
 * is of the window. */
static int
second_pass(struct scan *s, struct sink *sink, struct err *err)
{
	uint64_t kept = 0;

	s->facts->changed = scan_changes_count(scan_again_changes(s->again));
	scan_pipe_free(s->pipe);
	rdb_writer_free(s->writer);
	open_pipe(s, sink);
	if (write_head(s, err) != 0 || fetch_changed(s, err) != 0)
		return -1;
	note_end(s);
	if (scan_again_copy(s->again, s->writer, &kept, err) != 0)
		return -1;
	s->facts->keys += kept;
	s->facts->again = true;
	s->facts->known = scan_changes_known(scan_again_changes(s->again));
	return rdb_writer_finish(s->writer, err);
}

static int
end_dump(struct scan *s, struct sink *sink, struct err *err)
{
	int64_t now_ms = scope_wall_ms(s->scope);
	struct err why = {0};

	note_end(s);
	if (s->again == NULL)
		return 0;
	if (scan_again_begin(s->again, s->server.walk, s->scope, &why) != 0) {
		tell_once(s, &why);
		if (scope_check(s->scope, err) != 0)
			return -1;
		return scan_again_give_up(s->again, err);
	}
	s->second = true;
	s->facts->began_ms = now_ms;
	return second_pass(s, sink, err);
}

/* A word of SCAN since 6.0. */
static const char *
type_wanted(const struct scan *s)
{
	if (s->opts->filter == NULL ||
	    (!s->server.info.valkey && s->server.info.version_number < 60000))
		return NULL;
	return key_filter_only_type(s->opts->filter);
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
	};
	struct budget *share = NULL;
	int rc = -1;

	scan_pace_init(&s.pace, scope, opts->quota, opts->latency_most_ms,
	    SCAN_PIPE_GROUPS_MAX);
	*facts = (struct scan_facts){.began_ms = scope_wall_ms(scope)};
	facts->first_ms = facts->began_ms;
	if (open_server(&s, target, redis, err) != 0)
		goto out;
	prepare_again(&s, redis, sink);
	share = budget_carve(opts->budget,
	    SCAN_SEEN_BYTES + (opts->hold_max > 0 ? SCAN_CHANGED_BYTES : 0),
	    err);
	if (share == NULL)
		goto out;
	s.seen = key_set_new(
	    s.server.info.keys, SCAN_SEEN_BYTES, opts->hold_dir, err);
	if (s.seen == NULL)
		goto out;
	s.type = type_wanted(&s);
	s.asked_ms = scope_mono_ms(scope);
	s.names = scan_walk_new(
	    s.server.walk, s.seen, &s.pace, opts->filter, s.type);
	open_pipe(&s, sink);
	if (write_head(&s, err) != 0 || scan_all(&s, err) != 0)
		goto out;
	rc = end_dump(&s, sink, err);
out:
	scan_walk_free(s.names);
	scan_pipe_free(s.pipe);
	rdb_writer_free(s.writer);
	scan_again_free(s.again);
	key_set_free(s.seen);
	budget_free(share);
	scan_server_close(&s.server);
	return rc;
}
