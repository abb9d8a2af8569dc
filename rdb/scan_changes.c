#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/scope.h"
#include "base/xalloc.h"
#include "rdb/key_filter.h"
#include "rdb/key_set.h"
#include "rdb/redis_conn.h"
#include "rdb/redis_error.h"
#include "rdb/redis_info.h"
#include "rdb/scan_pipe.h"
#include "rdb/scan_probe.h"
#include "rdb/scan_witness.h"

#include "rdb/scan_changes.h"

/* Of SCAN_CHANGED_BYTES; the set takes half as much more while it grows, and
 * goes on in a file. */
#define NAMES_BYTES ((size_t)4 << 20)
#define SET_BYTES   ((size_t)1 << 20)

#define KEYSPACE "__keyspace@"

/* How a name lies in the list, before its bytes. */
struct entry {
	uint32_t db, len;
};

struct scan_changes {
	struct redis_conn *events; /* NULL: settled */
	const struct key_filter *filter;
	struct scan_witness witness;
	enum scan_trust known; /* how it is, that all changes are told */
	struct scan_probe probe;
	bool told; /* anything at all */
	struct key_set *set;
	struct buf names;
	uint32_t db_max;
	struct err lost; /* kind is ERR_NONE while nothing was */
};

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

struct text {
	const char *data;
	size_t len;
};

/* "__keyevent@3__:set" and the key, or "__keyspace@3__:key" and the event. */
static int
take_event(struct scan_changes *c, const redisReply *channel,
    const redisReply *payload, struct err *err)
{
	const char *at = strchr(channel->str, '@'), *rest;
	struct text key = {payload->str, (size_t)payload->len}, event;
	unsigned long db;
	char *end;

	db = at != NULL ? strtoul(at + 1, &end, 10) : REDIS_DBS_MAX;
	if (db >= REDIS_DBS_MAX || end == at + 1 || strncmp(end, "__:", 3) != 0)
		return err_set(err, ERR_CORRUPT,
		    "'%.60s' is no channel of keyspace events", channel->str);
	rest = end + 3;
	event = (struct text){
	    rest, (size_t)channel->len - (size_t)(rest - channel->str)};
	if (strncmp(channel->str, KEYSPACE, sizeof(KEYSPACE) - 1) == 0) {
		struct text swap = key;

		key = event;
		event = swap;
	}
	if (scan_probe_take(
		&c->probe, key.data, key.len, event.data, event.len))
		return 0;
	c->told = true;
	scan_changes_note(c, (uint32_t)db, key.data, key.len);
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

/* Both, where it is not known which of them tell: one command, so that no
 * event comes between the two answers. */
static int
subscribe(struct scan_changes *c, const struct scope *scope, struct err *err)
{
	static const char events[] = "__keyevent@*__:*";
	static const char keys[] = "__keyspace@*__:*";
	const struct scan_witness *w = &c->witness;
	redisReply *r;

	if (!w->by_event || !w->by_key) {
		r = redis_command(c->events, scope, err, "PSUBSCRIBE %s",
		    w->by_event ? events : keys);
	} else {
		r = redis_command(
		    c->events, scope, err, "PSUBSCRIBE %s %s", events, keys);
		freeReplyObject(r);
		if (r != NULL)
			r = redis_conn_reply(c->events, scope, err);
	}
	freeReplyObject(r);
	return r != NULL ? 0 : -1;
}

/* What is told of the probe comes before the answer to what is asked next. */
static int
probe(struct scan_changes *c, struct redis_conn *ask, const struct scope *scope,
    struct err *err)
{
	if (c->known != SCAN_PROBE)
		return 0;
	if (scan_probe_send(&c->probe, ask, scope, err) != 0 ||
	    take_rest(c, scope, err) != 0 || c->lost.kind != ERR_NONE)
		return -1;
	return scan_probe_check(&c->probe, err);
}

struct scan_changes *
scan_changes_new(struct redis_conn *ask, struct redis_conn *events,
    const struct scan_changes_opts *opts, const struct scope *scope,
    struct err *err)
{
	struct scan_changes *c = xcalloc(1, sizeof(*c));

	c->events = events;
	c->filter = opts->filter;
	buf_init(&c->names, NAMES_BYTES);
	if (scan_witness_take(&c->witness, ask, opts->trust, scope, err) != 0)
		goto fail;
	c->known = c->witness.asked ? SCAN_ASK : opts->trust;
	c->set = key_set_new(0, SET_BYTES, opts->dir, err);
	if (c->set == NULL || subscribe(c, scope, err) != 0)
		goto fail;
	if (c->known == SCAN_PROBE &&
	    scan_probe_init(&c->probe, ask, opts->cluster, scope, err) != 0)
		goto fail;
	if (probe(c, ask, scope, err) == 0)
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
	scan_witness_release(&c->witness);
	free(c);
}

/* Whether what was told is all, as far as that is known. */
static int
check_all(struct scan_changes *c, struct redis_conn *ask,
    const struct scope *scope, struct err *err)
{
	struct scan_witness now;
	bool same, silent;

	if (scan_witness_take(&now, ask, c->known, scope, err) != 0)
		return -1;
	same = scan_witness_agrees(&now, &c->witness);
	silent = now.dirty > c->witness.dirty && !c->told;
	scan_witness_release(&now);
	if (!same)
		return err_set(err, ERR_UNSUPPORTED,
		    "the source was flushed, swapped or configured meanwhile");
	if (c->known == SCAN_TRUST && silent)
		return err_set(err, ERR_UNSUPPORTED,
		    "the source was written to, and told nothing of it");
	return 0;
}

static int
settle(struct scan_changes *c, struct redis_conn *ask,
    const struct scope *scope, struct err *err)
{
	if (probe(c, ask, scope, err) != 0 || take_rest(c, scope, err) != 0 ||
	    c->lost.kind != ERR_NONE)
		return -1;
	return check_all(c, ask, scope, err);
}

int
scan_changes_settle(struct scan_changes *c, struct redis_conn *ask,
    const struct scope *scope, struct err *err)
{
	int rc = -1;

	if (c->lost.kind == ERR_NONE)
		rc = settle(c, ask, scope, &c->lost);
	redis_conn_free(c->events);
	c->events = NULL;
	if (rc != 0)
		*err = c->lost;
	return rc;
}

enum scan_trust
scan_changes_known(const struct scan_changes *c)
{
	return c->known;
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
