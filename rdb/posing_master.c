/*
 * The sink's work runs on the writer's thread: nothing has to be sent while
 * no bytes come, since the target's repl-timeout is raised for the time (a
 * filler could not be sent between the dump's bytes anyway).
 *
 * The target loads from a file only once it has all bytes (repl-diskless-load
 * is disabled), so as long as one is missing its data is as it was.
 *
 * A streamed load is another matter: a target with a key in it still takes the
 * way above (on-empty-db), an empty one loads what comes, and stands still in
 * its read() while nothing does.  So it is asked nothing before the last byte
 * was sent.  Its link tells enough: who reconfigures a target closes it, and
 * while it loads nobody can.
 *
 * Facts: redis/src/replication.c, 6.0 to 7.4: readSyncBulkPayload().
 */
#include <assert.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/chunk.h"
#include "base/err.h"
#include "base/log.h"
#include "base/scope.h"
#include "base/sink.h"
#include "base/xalloc.h"
#include "rdb/posing_hold.h"
#include "rdb/posing_link.h"
#include "rdb/posing_take.h"
#include "rdb/posing_wait.h"
#include "rdb/redis_conn.h"
#include "rdb/redis_info.h"
#include "rdb/redis_primary.h"

#include "rdb/posing_master.h"

#define LOAD_TIMEOUT_MS INT64_C(3600000)
#define PUT_BACK_MS	INT64_C(15000)
/* It has to throw away what it loaded, and answers nothing meanwhile. */
#define PUT_BACK_LOADED_MS INT64_C(120000)
#define PROMOTE_MS	   INT64_C(60000)

enum phase {
	PHASE_WRITING,
	PHASE_FINISHED,	 /* all bytes are here, the last withheld */
	PHASE_RELEASING, /* the old data may be gone from here on */
	PHASE_OVER,	 /* nothing is left to put back */
};

struct posing_master {
	struct sink sink;
	struct scope scope;
	enum phase phase;
	bool streamed;
	struct posing_hold *hold;
	struct posing_link *link;

	uint64_t size, got;
	int64_t load_timeout_ms;
	bool announced; /* "$size" was sent */
	unsigned char tail[POSING_WITHHELD_BYTES];
};

static int64_t
or_default(int64_t value, int64_t fallback)
{
	return value > 0 ? value : fallback;
}

static const char *
data_is(const struct posing_master *m)
{
	if (m->phase == PHASE_RELEASING)
		return "the target may hold its old data, the dump or "
		       "nothing, or have stopped: load again";
	return m->streamed && m->announced
	    ? "the target was empty, and drops what it got"
	    : "the target's old data is untouched";
}

/*
 * Something failed: let go of the target and say how it is left.  The scope
 * may be what failed, so putting back has a time of its own, cancelled by
 * nobody.
 */
static int
abandon(struct posing_master *m, struct err *err)
{
	struct scope apart = {
	    .clock = m->scope.clock, .deadline_ms = INT64_MAX};
	struct scope brief = scope_within(&apart,
	    m->streamed && m->announced ? PUT_BACK_LOADED_MS : PUT_BACK_MS);
	struct err why = *err;
	struct err left = {0};

	posing_link_free(m->link);
	m->link = NULL;
	if (posing_hold_put_back(m->hold, &brief, &left) == 0)
		err_set(err, why.kind, "%.300s; %s", why.text, data_is(m));
	else
		err_set(err, why.kind,
		    "%.200s; %s; it is still to be put back, which the next "
		    "run does (%.120s)",
		    why.text, data_is(m), left.text);
	m->phase = PHASE_OVER;
	return -1;
}

static int
send_bytes(struct posing_master *m, const struct scope *scope, const void *data,
    size_t len, struct err *err)
{
	char line[32];

	/* It may have closed while no bytes went its way. */
	if (posing_link_listen(m->link, err) != 0)
		return err_in(err, "the target");
	if (!m->announced) {
		int n = snprintf(
		    line, sizeof(line), "$%" PRIu64 "\r\n", m->size);

		if (posing_link_send(m->link, scope, line, (size_t)n, err) != 0)
			return -1;
		m->announced = true;
	}
	return posing_link_send(m->link, scope, data, len, err);
}

static int
write_chunk(struct sink *s, struct chunk *c, struct err *err)
{
	struct posing_master *m = (struct posing_master *)s;
	uint64_t tail_at = m->size > sizeof(m->tail) ? m->size - sizeof(m->tail)
						     : 0;
	size_t now = 0;

	assert(m->phase == PHASE_WRITING);
	if (c->len > m->size - m->got) {
		err_set(err, ERR_CORRUPT,
		    "the dump is longer than the %" PRIu64 " bytes expected",
		    m->size);
		return abandon(m, err);
	}
	if (m->got < tail_at)
		now = c->len < tail_at - m->got ? c->len : tail_at - m->got;
	if (now > 0 && send_bytes(m, &m->scope, c->data, now, err) != 0)
		return abandon(m, err);
	m->got += now;
	if (now < c->len) {
		memcpy(
		    m->tail + (m->got - tail_at), c->data + now, c->len - now);
		m->got += c->len - now;
	}
	return 0;
}

static int
finish(struct sink *s, struct err *err)
{
	struct posing_master *m = (struct posing_master *)s;

	assert(m->phase == PHASE_WRITING);
	if (m->got != m->size) {
		err_set(err, ERR_CORRUPT,
		    "the dump has %" PRIu64 " bytes of %" PRIu64, m->got,
		    m->size);
		return abandon(m, err);
	}
	m->phase = PHASE_FINISHED;
	return 0;
}

static void
free_master(struct sink *s)
{
	struct posing_master *m = (struct posing_master *)s;
	struct err err = {0};

	if (m->phase != PHASE_OVER && posing_hold_taken(m->hold)) {
		struct log_line l;

		err_set(&err, ERR_CANCELLED, "the load was given up");
		abandon(m, &err);
		log_begin(&l, LOG_WARN, "target put back");
		log_err(&l, &err);
		log_end(&l);
	}
	posing_link_free(m->link);
	posing_hold_free(m->hold);
	free(m);
}

static const struct sink_ops master_ops = {
    .name = "posing master",
    .write = write_chunk,
    .finish = finish,
    .free = free_master,
};

void
posing_give_up(struct sink *s, struct err *err)
{
	struct posing_master *m = (struct posing_master *)s;

	assert(m->sink.ops == &master_ops);
	if (m->phase != PHASE_OVER)
		abandon(m, err);
}

/* It must still be ours when it gets the last bytes. */
static struct redis_conn *
connect_follower(
    struct posing_master *m, const struct scope *scope, struct err *err)
{
	struct redis_conn *c = posing_hold_connect(m->hold, scope, err);
	struct posing_progress p;

	if (c == NULL)
		return NULL;
	if (posing_hold_progress(m->hold, c, scope, &p, err) == 0) {
		if (p.follows)
			return c;
		err_set(err, ERR_CONFLICT,
		    "the target follows us no more: somebody reconfigured it");
	}
	redis_conn_free(c);
	return NULL;
}

int
posing_release(struct sink *s, const struct scope *scope, struct err *err)
{
	struct posing_master *m = (struct posing_master *)s;
	struct scope limit = scope_within(scope, m->load_timeout_ms);
	struct scope apart = {.clock = scope->clock, .deadline_ms = INT64_MAX};
	uint64_t tail_len = m->size < sizeof(m->tail) ? m->size
						      : sizeof(m->tail);
	struct redis_conn *c = NULL;
	int rc;

	assert(m->sink.ops == &master_ops && m->phase == PHASE_FINISHED);
	if (!m->streamed) {
		c = connect_follower(m, &limit, err);
		if (c == NULL)
			return abandon(m, err);
	}
	m->phase = PHASE_RELEASING;
	rc = send_bytes(m, &limit, m->tail, tail_len, err);
	if (rc == 0)
		rc = posing_wait_loaded(m->hold, m->link, &c, &limit, err);
	redis_conn_free(c);
	if (rc != 0)
		return abandon(m, err);
	/* Loaded: now even a cancel must not leave it without a master. */
	m->phase = PHASE_OVER;
	limit = scope_within(&apart, PROMOTE_MS);
	if (posing_hold_put_back(m->hold, &limit, err) != 0)
		return err_in(
		    err, "the target has loaded the dump, but is not promoted");
	posing_link_free(m->link);
	m->link = NULL;
	return 0;
}

struct sink *
posing_master_new(const struct redis_target *target,
    const struct redis_opts *redis, const struct scope *scope,
    const struct posing_opts *opts, struct err *err)
{
	struct posing_master *m = xcalloc(1, sizeof(*m));
	struct redis_conn *c;
	struct redis_info info;
	size_t host;

	m->sink.ops = &master_ops;
	m->scope = *scope;
	m->size = opts->size;
	m->streamed = opts->streamed;
	m->load_timeout_ms = or_default(opts->load_timeout_ms, LOAD_TIMEOUT_MS);
	if (posing_undo(opts->journal, target, redis, scope, err) != 0)
		goto fail_early;
	c = redis_primary_connect(target, redis, scope, &info, &host, err);
	if (c == NULL)
		goto fail_early;
	m->hold = posing_hold_new(
	    &target->hosts[host], target->user, redis, opts->journal);
	if (info.cluster) {
		err_set(err, ERR_UNSUPPORTED,
		    "'%s' is in cluster mode, which refuses REPLICAOF",
		    redis_conn_name(c));
		goto fail;
	}
	m->link = posing_take(
	    m->hold, c, target->hosts[host].tls, opts, scope, err);
	if (m->link == NULL)
		goto fail;
	redis_conn_free(c);
	return &m->sink;
fail:
	if (posing_hold_taken(m->hold))
		abandon(m, err);
	redis_conn_free(c);
fail_early:
	posing_link_free(m->link);
	posing_hold_free(m->hold);
	free(m);
	return NULL;
}

/* One host's entry, if there is one. */
static int
undo_host(struct journal *journal, const struct redis_target *target,
    size_t host, const struct redis_opts *redis, const struct scope *scope,
    struct err *err)
{
	struct posing_hold *h = posing_hold_new(
	    &target->hosts[host], target->user, redis, journal);
	int rc = posing_hold_recall(h, err);

	if (rc != 0 && err->kind == ERR_MISSING)
		rc = 0;
	else if (rc == 0)
		rc = posing_hold_put_back(h, scope, err);
	posing_hold_free(h);
	return rc;
}

int
posing_undo(struct journal *journal, const struct redis_target *target,
    const struct redis_opts *redis, const struct scope *scope, struct err *err)
{
	struct err first = {0};

	for (size_t i = 0; i < target->nhosts; i++) {
		struct err one = {0};

		if (undo_host(journal, target, i, redis, scope, &one) != 0 &&
		    first.kind == ERR_NONE)
			first = one;
	}
	if (first.kind == ERR_NONE)
		return 0;
	*err = first;
	return -1;
}
