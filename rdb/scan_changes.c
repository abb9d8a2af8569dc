#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/scope.h"
#include "base/xalloc.h"
#include "rdb/key_filter.h"
#include "rdb/key_set.h"
#include "rdb/redis_config.h"
#include "rdb/redis_conn.h"
#include "rdb/redis_error.h"
#include "rdb/redis_info.h"
#include "rdb/scan_pipe.h"

#include "rdb/scan_changes.h"

/* Of SCAN_CHANGED_BYTES; the set takes half as much more while it grows, and
 * goes on in a file. */
#define NAMES_BYTES ((size_t)4 << 20)
#define SET_BYTES   ((size_t)1 << 20)

#define FLAGS_NAME "notify-keyspace-events"

/* How a name lies in the list, before its bytes. */
struct entry {
	uint32_t db, len;
};

/* Of what must have stood still, or gone on as it should. */
struct witness {
	char *text;
	uint64_t commands;     /* that were processed */
	uint64_t config_calls; /* of CONFIG: before 7.0 of any word of it */
};

struct scan_changes {
	struct redis_conn *events; /* NULL: settled */
	bool by_key; /* the channel has the key, and not the event */
	const struct key_filter *filter;
	struct witness witness;
	struct key_set *set;
	struct buf names;
	uint32_t db_max;
	struct err lost; /* kind is ERR_NONE while nothing was */
};

/* What would be another if the dataset had become another one in silence. */
static const char *const witnesses[] = {
    "run_id",
    "role",
    "master_replid",
    "cmdstat_flushall",
    "cmdstat_flushdb",
    "cmdstat_swapdb",
    "cmdstat_debug",
    "cmdstat_config|set",
    "cmdstat_config|resetstat",
};

static uint64_t
number_in(const char *info, const char *field, const char *before)
{
	char value[128];
	const char *at;

	redis_info_text(info, field, value, sizeof(value));
	at = strstr(value, before);
	return at != NULL ? strtoull(at + strlen(before), NULL, 10) : 0;
}

static void
witness_init(struct witness *w, const char *info, const char *flags)
{
	struct buf b;
	char value[128];

	buf_init(&b, 4096);
	buf_addf(&b, "%s", flags);
	for (size_t i = 0; i < sizeof(witnesses) / sizeof(*witnesses); i++) {
		redis_info_text(info, witnesses[i], value, sizeof(value));
		buf_addf(&b, " %s=%s", witnesses[i], value);
	}
	w->text = buf_take(&b);
	w->commands = number_in(info, "total_commands_processed", "");
	w->config_calls = number_in(info, "cmdstat_config", "calls=");
}

/*
 * CONFIG RESETSTAT makes the number of commands begin anew; one that came
 * before may hide the next one's entry.  Before 7.0 CONFIG SET is told with
 * CONFIG GET alone, of which each look is one.
 */
static bool
witness_agrees(const struct witness *now, const struct witness *then)
{
	return strcmp(now->text, then->text) == 0 &&
	    now->commands >= then->commands &&
	    now->config_calls == then->config_calls + (then->config_calls > 0);
}

/* All classes of events, in one of the two ways of telling them. */
static int
check_flags(const char *flags, struct err *err)
{
	if (flags != NULL && strchr(flags, 'A') != NULL &&
	    strpbrk(flags, "EK") != NULL)
		return 0;
	return err_set(err, ERR_UNSUPPORTED,
	    "the source's '" FLAGS_NAME "' is '%s', and not 'AE'",
	    flags != NULL ? flags : "");
}

static int
check_info(const char *info, struct err *err)
{
	char role[16], executable[8];

	redis_info_text(info, "role", role, sizeof(role));
	if (strcmp(role, "master") != 0)
		return err_set(err, ERR_UNSUPPORTED,
		    "a replica does not tell what it loads anew");
	/*
	 * Behind a proxy that serves several processes, an answer may overtake
	 * events.  Redis Enterprise leaves this field out (by what its users
	 * show of INFO; nobody here has looked).
	 */
	redis_info_text(info, "executable", executable, sizeof(executable));
	if (executable[0] == '\0')
		return err_set(err, ERR_UNSUPPORTED,
		    "the source may be a proxy, which keeps no order");
	if (strstr(info, "\ncmdstat_") == NULL)
		return err_set(err, ERR_UNSUPPORTED,
		    "the source does not tell of FLUSHALL by INFO");
	return 0;
}

/* flags, unless NULL, tells what is configured. */
static int
take_witness(struct redis_conn *ask, const struct scope *scope,
    struct witness *witness, char **flags_out, struct err *err)
{
	char *flags = NULL;
	redisReply *r = NULL;
	int rc = -1;

	if (redis_config_get(ask, scope, FLAGS_NAME, &flags, err) != 0 ||
	    check_flags(flags, err) != 0)
		goto out;
	r = redis_command(ask, scope, err, "INFO all");
	if (r == NULL)
		goto out;
	if (r->type != REDIS_REPLY_STRING) {
		err_set(err, ERR_CORRUPT, "INFO is answered by no text");
		goto out;
	}
	if (check_info(r->str, err) != 0)
		goto out;
	witness_init(witness, r->str, flags);
	if (flags_out != NULL) {
		*flags_out = flags;
		flags = NULL;
	}
	rc = 0;
out:
	freeReplyObject(r);
	free(flags);
	return rc;
}

static int
subscribe(struct scan_changes *c, const struct scope *scope, struct err *err)
{
	redisReply *r = redis_command(c->events, scope, err, "PSUBSCRIBE %s",
	    c->by_key ? "__keyspace@*__:*" : "__keyevent@*__:*");

	freeReplyObject(r);
	return r != NULL ? 0 : -1;
}

struct scan_changes *
scan_changes_new(struct redis_conn *ask, struct redis_conn *events,
    const struct key_filter *filter, const struct scope *scope, struct err *err)
{
	struct scan_changes *c = xcalloc(1, sizeof(*c));
	char *flags = NULL;

	c->events = events;
	c->filter = filter;
	buf_init(&c->names, NAMES_BYTES);
	if (take_witness(ask, scope, &c->witness, &flags, err) != 0)
		goto fail;
	c->by_key = strchr(flags, 'E') == NULL;
	free(flags);
	c->set = key_set_new(0, SET_BYTES, err);
	if (c->set == NULL || subscribe(c, scope, err) != 0)
		goto fail;
	return c;
fail:
	scan_changes_free(c);
	return NULL;
}

void
scan_changes_free(struct scan_changes *c)
{
	if (c == NULL)
		return;
	redis_conn_free(c->events);
	key_set_free(c->set);
	buf_release(&c->names);
	free(c->witness.text);
	free(c);
}

static bool
is_wanted(
    const struct scan_changes *c, uint32_t db, const void *name, size_t len)
{
	return c->filter == NULL ||
	    (key_filter_may_take_db(c->filter, db) &&
		key_filter_may_take_name(c->filter, name, len));
}

void
scan_changes_note(
    struct scan_changes *c, uint32_t db, const void *name, size_t len)
{
	struct entry e = {db, (uint32_t)len};
	bool is_new;

	if (c->lost.kind != ERR_NONE || !is_wanted(c, db, name, len) ||
	    key_set_add(c->set, db, name, len, &is_new, &c->lost) != 0 ||
	    !is_new)
		return;
	if (len > NAMES_BYTES - sizeof(e) ||
	    c->names.len > NAMES_BYTES - sizeof(e) - len) {
		err_set(&c->lost, ERR_UNSUPPORTED, "too many keys changed");
		return;
	}
	buf_add(&c->names, &e, sizeof(e));
	buf_add(&c->names, name, len);
	if (db > c->db_max)
		c->db_max = db;
}

static bool
is_string(const redisReply *r)
{
	return r->type == REDIS_REPLY_STRING;
}

/* "__keyevent@3__:set" and the key, or "__keyspace@3__:key" and the event. */
static int
take_event(struct scan_changes *c, const redisReply *channel,
    const redisReply *payload, struct err *err)
{
	const char *at = strchr(channel->str, '@'), *rest;
	unsigned long db;
	char *end;

	db = at != NULL ? strtoul(at + 1, &end, 10) : REDIS_DBS_MAX;
	if (db >= REDIS_DBS_MAX || end == at + 1 || strncmp(end, "__:", 3) != 0)
		return err_set(err, ERR_CORRUPT,
		    "'%.60s' is no channel of keyspace events", channel->str);
	rest = end + 3;
	if (c->by_key)
		scan_changes_note(c, (uint32_t)db, rest,
		    (size_t)channel->len - (size_t)(rest - channel->str));
	else
		scan_changes_note(
		    c, (uint32_t)db, payload->str, (size_t)payload->len);
	return 0;
}

/* 1 for the answer to PING, 0 for an event. */
static int
take_message(struct scan_changes *c, const redisReply *r, struct err *err)
{
	if (r->type == REDIS_REPLY_ERROR) {
		redis_error_set(err, r->str);
		return -1;
	}
	if (r->type == REDIS_REPLY_ARRAY && r->elements == 2 &&
	    is_string(r->element[0]) && strcmp(r->element[0]->str, "pong") == 0)
		return 1;
	if (r->type != REDIS_REPLY_ARRAY || r->elements != 4 ||
	    !is_string(r->element[0]) || !is_string(r->element[2]) ||
	    !is_string(r->element[3]) ||
	    strcmp(r->element[0]->str, "pmessage") != 0)
		return err_set(err, ERR_CORRUPT, "what came is no event");
	return take_event(c, r->element[2], r->element[3], err);
}

static int
take_next(struct scan_changes *c, const struct scope *scope, struct err *err)
{
	redisReply *r = redis_conn_reply(c->events, scope, err);
	int rc = r != NULL ? take_message(c, r, err) : -1;

	freeReplyObject(r);
	return rc;
}

void
scan_changes_drain(struct scan_changes *c)
{
	const struct scope ready = {0}; /* nothing is waited for */

	while (c->events != NULL && c->lost.kind == ERR_NONE &&
	    redis_conn_reply_ready(c->events))
		take_next(c, &ready, &c->lost);
}

/* The answer stands behind all events before the question. */
static int
take_rest(struct scan_changes *c, const struct scope *scope, struct err *err)
{
	static const char ping[] = "*1\r\n$4\r\nPING\r\n";
	int rc;

	if (redis_conn_write(c->events, scope, ping, sizeof(ping) - 1, err) !=
	    0)
		return -1;
	do {
		rc = take_next(c, scope, err);
	} while (rc == 0 && c->lost.kind == ERR_NONE);
	return rc < 0 ? -1 : 0;
}

int
scan_changes_settle(struct scan_changes *c, struct redis_conn *ask,
    const struct scope *scope, struct err *err)
{
	struct witness now;
	bool same;

	if (c->lost.kind == ERR_NONE && take_rest(c, scope, &c->lost) == 0 &&
	    c->lost.kind == ERR_NONE &&
	    take_witness(ask, scope, &now, NULL, &c->lost) == 0) {
		same = witness_agrees(&now, &c->witness);
		free(now.text);
		if (!same)
			err_set(&c->lost, ERR_UNSUPPORTED,
			    "the source was flushed, swapped or configured "
			    "meanwhile");
	}
	redis_conn_free(c->events);
	c->events = NULL;
	if (c->lost.kind == ERR_NONE)
		return 0;
	*err = c->lost;
	return -1;
}

int
scan_changes_has(struct scan_changes *c, uint32_t db, const void *name,
    size_t len, bool *has, struct err *err)
{
	return key_set_has(c->set, db, name, len, has, err);
}

uint64_t
scan_changes_count(const struct scan_changes *c)
{
	return key_set_count(c->set);
}

uint32_t
scan_changes_db_max(const struct scan_changes *c)
{
	return c->db_max;
}

size_t
scan_changes_next(const struct scan_changes *c, uint32_t db, size_t *at,
    struct scan_name *names, size_t max)
{
	size_t n = 0;

	while (n < max && *at < c->names.len) {
		const char *p = c->names.data + *at;
		struct entry e;

		memcpy(&e, p, sizeof(e));
		if (e.db == db)
			names[n++] = (struct scan_name){p + sizeof(e), e.len};
		*at += sizeof(e) + e.len;
	}
	return n;
}
