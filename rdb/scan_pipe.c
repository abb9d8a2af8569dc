#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/scope.h"
#include "base/xalloc.h"
#include "rdb/key_show.h"
#include "rdb/rdb_reader.h"
#include "rdb/rdb_types.h"
#include "rdb/redis_conn.h"
#include "rdb/redis_error.h"
#include "rdb/scan_changes.h"
#include "rdb/scan_value.h"

#include "rdb/scan_pipe.h"

#define GROUP_KEYS_MAX 16

/* Bytes that a group should make the server hold for us. */
#define GROUP_BYTES ((uint64_t)128 << 10)

/* Of a value, before any was seen: a careful guess. */
#define VALUE_GUESS ((uint64_t)64 << 10)

#define LINE_MAX_BYTES 1024

struct group {
	const struct scan_name *names;
	size_t n;
	uint32_t db;
	int64_t now_ms; /* what PTTL counts from: until TIME says, when it was
			 * asked for */
};

struct scan_pipe {
	struct redis_conn *conn;
	struct scan_value *value;
	struct scan_pipe_opts opts;
	struct scan_pipe_facts facts;

	struct group groups[SCAN_PIPE_GROUPS_MAX]; /* a ring */
	size_t first, ngroups;
	uint64_t value_bytes; /* of one, as they lately were */

	char line[LINE_MAX_BYTES];
};

struct scan_pipe *
scan_pipe_new(struct redis_conn *conn, struct rdb_writer *writer,
    const struct scan_pipe_opts *opts)
{
	struct scan_pipe *p = xcalloc(1, sizeof(*p));

	p->conn = conn;
	p->value = scan_value_new(conn, writer, opts->rdb_version);
	p->opts = *opts;
	p->value_bytes = VALUE_GUESS;
	return p;
}

void
scan_pipe_free(struct scan_pipe *p)
{
	if (p == NULL)
		return;
	scan_value_free(p->value);
	free(p);
}

size_t
scan_pipe_group(const struct scan_pipe *p)
{
	uint64_t n = GROUP_BYTES / (p->value_bytes + 1);

	if (p->opts.single || n < 1)
		return 1;
	return n < GROUP_KEYS_MAX ? (size_t)n : GROUP_KEYS_MAX;
}

size_t
scan_pipe_asked(const struct scan_pipe *p)
{
	return p->ngroups;
}

struct scan_pipe_facts
scan_pipe_facts(const struct scan_pipe *p)
{
	return p->facts;
}

static bool
asks_time(const struct scan_pipe *p)
{
	return !p->opts.expire_time && p->opts.server_time;
}

/* A command of one key, its words before it already counted in head. */
static int
queue_key(struct scan_pipe *p, const struct scope *scope, const char *head,
    const struct scan_name *name, struct err *err)
{
	char bulk[32];
	int n = snprintf(bulk, sizeof(bulk), "$%zu\r\n", name->len);

	if (redis_conn_queue(p->conn, scope, head, strlen(head), err) != 0 ||
	    redis_conn_queue(p->conn, scope, bulk, (size_t)n, err) != 0 ||
	    redis_conn_queue(p->conn, scope, name->data, name->len, err) != 0)
		return -1;
	return redis_conn_queue(p->conn, scope, "\r\n", 2, err);
}

/* The use of a key is asked first: DUMP counts as one. */
static int
queue_commands(struct scan_pipe *p, const struct scope *scope,
    const struct scan_name *name, struct err *err)
{
	static const char *const usages[] = {
	    [SCAN_USAGE_IDLE] = "*3\r\n$6\r\nOBJECT\r\n$8\r\nIDLETIME\r\n",
	    [SCAN_USAGE_FREQ] = "*3\r\n$6\r\nOBJECT\r\n$4\r\nFREQ\r\n",
	};
	const char *expiry = p->opts.expire_time
	    ? "*2\r\n$11\r\nPEXPIRETIME\r\n"
	    : "*2\r\n$4\r\nPTTL\r\n";

	if (p->opts.usage != SCAN_USAGE_NONE &&
	    queue_key(p, scope, usages[p->opts.usage], name, err) != 0)
		return -1;
	if (queue_key(p, scope, expiry, name, err) != 0)
		return -1;
	return queue_key(p, scope, "*2\r\n$4\r\nDUMP\r\n", name, err);
}

int
scan_pipe_ask(struct scan_pipe *p, const struct scope *scope, uint32_t db,
    const struct scan_name *names, size_t n, struct err *err)
{
	static const char multi[] = "*1\r\n$5\r\nMULTI\r\n";
	static const char exec[] = "*1\r\n$4\r\nEXEC\r\n";
	static const char time[] = "*1\r\n$4\r\nTIME\r\n";

	assert(n > 0 && p->ngroups < SCAN_PIPE_GROUPS_MAX);
	if (redis_conn_queue(p->conn, scope, multi, sizeof(multi) - 1, err) !=
	    0)
		return -1;
	if (asks_time(p) &&
	    redis_conn_queue(p->conn, scope, time, sizeof(time) - 1, err) != 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (queue_commands(p, scope, &names[i], err) != 0)
			return -1;
	if (redis_conn_queue(p->conn, scope, exec, sizeof(exec) - 1, err) !=
		0 ||
	    redis_conn_flush(p->conn, scope, err) != 0)
		return -1;
	p->groups[(p->first + p->ngroups++) % SCAN_PIPE_GROUPS_MAX] =
	    (struct group){names, n, db, scope_wall_ms(scope)};
	return 0;
}

static int
next_line(struct scan_pipe *p, const struct scope *scope, struct err *err)
{
	return redis_conn_line(p->conn, scope, p->line, sizeof(p->line), err);
}

static int
unexpected(const struct scan_pipe *p, const char *wanted, struct err *err)
{
	if (p->line[0] == '-') {
		redis_error_set(err, p->line + 1);
		return err_in(err, "'%s'", redis_conn_name(p->conn));
	}
	return err_set(err, ERR_CORRUPT, "'%s' answered '%.60s', and not %s",
	    redis_conn_name(p->conn), p->line, wanted);
}

/*
 * The answers up to EXEC's array.  What was refused, is refused when it is
 * queued: that says more than EXECABORT does.
 */
static int
take_head(struct scan_pipe *p, const struct scope *scope, const struct group *g,
    struct err *err)
{
	size_t commands = g->n * (p->opts.usage != SCAN_USAGE_NONE ? 3 : 2) +
	    asks_time(p);
	struct err refused = {0};
	char array[32];

	for (size_t i = 0; i < 1 + commands; i++) {
		const char *wanted = i == 0 ? "+OK" : "+QUEUED";

		if (next_line(p, scope, err) != 0)
			return -1;
		if (strcmp(p->line, wanted) != 0 && refused.kind == ERR_NONE)
			unexpected(p, wanted, &refused);
	}
	if (next_line(p, scope, err) != 0)
		return -1;
	if (refused.kind != ERR_NONE) {
		*err = refused;
		return -1;
	}
	snprintf(array, sizeof(array), "*%zu", commands);
	return strcmp(p->line, array) == 0 ? 0 : unexpected(p, array, err);
}

/* An integer; -1 for null and, of what is worth no failure, for an error. */
static int
take_usage(
    struct scan_pipe *p, const struct scope *scope, int64_t *n, struct err *err)
{
	*n = -1;
	if (next_line(p, scope, err) != 0)
		return -1;
	if (p->line[0] == ':')
		*n = strtoll(p->line + 1, NULL, 10);
	else if (p->line[0] != '-' && strcmp(p->line, "$-1") != 0)
		return unexpected(p, "a number", err);
	return 0;
}

static int
take_number(struct scan_pipe *p, const struct scope *scope, int64_t most,
    int64_t *n, struct err *err)
{
	char *end;

	if (next_line(p, scope, err) != 0)
		return -1;
	if (p->line[0] != '$')
		return unexpected(p, "a time", err);
	if (next_line(p, scope, err) != 0)
		return -1;
	*n = strtoll(p->line, &end, 10);
	if (end == p->line || *end != '\0' || *n < 0 || *n > most)
		return err_set(err, ERR_CORRUPT,
		    "'%s' answered '%.60s', and not a time",
		    redis_conn_name(p->conn), p->line);
	return 0;
}

/* TIME: seconds, and microseconds of the next one. */
static int
take_time(struct scan_pipe *p, const struct scope *scope, int64_t *ms,
    struct err *err)
{
	int64_t s, us;

	if (next_line(p, scope, err) != 0)
		return -1;
	if (strcmp(p->line, "*2") != 0)
		return unexpected(p, "a time", err);
	if (take_number(p, scope, INT64_MAX / 2000, &s, err) != 0 ||
	    take_number(p, scope, 999999, &us, err) != 0)
		return -1;
	*ms = s * 1000 + us / 1000;
	return 0;
}

/* An absolute time, RDB_NO_EXPIRY, or -2 for a key that is gone. */
static int
take_expiry(struct scan_pipe *p, const struct scope *scope, int64_t now_ms,
    int64_t *at_ms, struct err *err)
{
	if (next_line(p, scope, err) != 0)
		return -1;
	if (p->line[0] != ':')
		return unexpected(p, "an expiry", err);
	*at_ms = strtoll(p->line + 1, NULL, 10);
	if (*at_ms >= 0 && !p->opts.expire_time)
		*at_ms = *at_ms < INT64_MAX - now_ms ? *at_ms + now_ms
						     : INT64_MAX;
	return 0;
}

static void
note_size(struct scan_pipe *p, uint64_t len)
{
	/* Large ones count at once, and are forgotten slowly. */
	p->value_bytes = len > p->value_bytes
	    ? len
	    : p->value_bytes - (p->value_bytes - len) / 16;
}

static void
note_silent(struct scan_pipe *p, const struct rdb_key *key)
{
	enum rdb_kind kind = rdb_type_kind(key->type);

	if (p->opts.changes != NULL &&
	    (kind == RDB_STREAM || kind == RDB_MODULE ||
		scan_value_is_hyperloglog(p->value)))
		scan_changes_note(
		    p->opts.changes, key->db, key->name, key->name_len);
}

static int
take_value(struct scan_pipe *p, const struct scope *scope, struct rdb_key *key,
    struct err *err)
{
	char *end;
	uint64_t len;

	if (next_line(p, scope, err) != 0)
		return -1;
	if (strcmp(p->line, "$-1") == 0) {
		p->facts.gone++;
		return 0;
	}
	/* Asked for at one moment, it cannot be there without its expiry. */
	if (p->line[0] != '$' || key->expires_ms < RDB_NO_EXPIRY)
		return unexpected(p, "a value", err);
	len = strtoull(p->line + 1, &end, 10);
	if (*end != '\0' || len > INT64_MAX)
		return unexpected(p, "a value", err);
	if (scan_value_take(p->value, scope, key, len, err) != 0 ||
	    next_line(p, scope, err) != 0)
		return -1;
	if (p->line[0] != '\0')
		return unexpected(p, "the end of a value", err);
	note_size(p, len);
	note_silent(p, key);
	p->facts.keys++;
	return 0;
}

static int
in_key(const struct group *g, const struct scan_name *name, struct err *err)
{
	struct buf shown;

	buf_init(&shown, 1024);
	key_show(&shown, (const unsigned char *)name->data, name->len);
	err_in(err, "key '%.200s' of database %" PRIu32, shown.data, g->db);
	buf_release(&shown);
	return -1;
}

static int
take_key(struct scan_pipe *p, const struct scope *scope, const struct group *g,
    const struct scan_name *name, struct err *err)
{
	struct rdb_key key = {
	    .db = g->db,
	    .idle_s = -1,
	    .lfu = -1,
	    .name = (const unsigned char *)name->data,
	    .name_len = name->len,
	};
	int64_t usage = -1;

	if (p->opts.usage != SCAN_USAGE_NONE &&
	    take_usage(p, scope, &usage, err) != 0)
		return -1;
	if (p->opts.usage == SCAN_USAGE_IDLE)
		key.idle_s = usage;
	else if (usage >= 0 && usage <= 255)
		key.lfu = (int)usage;
	if (take_expiry(p, scope, g->now_ms, &key.expires_ms, err) != 0 ||
	    take_value(p, scope, &key, err) != 0)
		return -1;
	return 0;
}

int
scan_pipe_take(struct scan_pipe *p, const struct scope *scope, struct err *err)
{
	struct group g = p->groups[p->first];

	assert(p->ngroups > 0);
	p->first = (p->first + 1) % SCAN_PIPE_GROUPS_MAX;
	p->ngroups--;
	if (take_head(p, scope, &g, err) != 0 ||
	    (asks_time(p) && take_time(p, scope, &g.now_ms, err) != 0))
		return -1;
	for (size_t i = 0; i < g.n; i++)
		if (take_key(p, scope, &g, &g.names[i], err) != 0)
			return in_key(&g, &g.names[i], err);
	return 0;
}
