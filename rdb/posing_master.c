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
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/chunk.h"
#include "base/err.h"
#include "base/log.h"
#include "base/scope.h"
#include "base/secret.h"
#include "base/sink.h"
#include "base/xalloc.h"
#include "rdb/posing_hold.h"
#include "rdb/posing_link.h"
#include "rdb/redis_config.h"
#include "rdb/redis_conn.h"
#include "rdb/redis_info.h"
#include "rdb/redis_primary.h"
#include "rdb/tls_stream.h"

#include "rdb/posing_master.h"

#define CONNECT_TIMEOUT_MS INT64_C(20000)
#define LOAD_TIMEOUT_MS	   INT64_C(3600000)
#define PUT_BACK_MS	   INT64_C(15000)
/* It has to throw away what it loaded, and answers nothing meanwhile. */
#define PUT_BACK_LOADED_MS INT64_C(120000)
#define PING_MS		   INT64_C(1000)
#define POLL_LEAST_MS	   INT64_C(10)
#define POLL_MOST_MS	   INT64_C(1000)
#define PROMOTE_MS	   INT64_C(60000)

/* Of one question to a target that may be busy loading. */
#define ASK_MS INT64_C(10000)

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
	struct posing_tls_opts tls;

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

/* What a load needs to be told of as over: see posing_release(). */
static bool
is_loaded(const struct posing_master *m, const struct posing_progress *p)
{
	if (!p->up)
		return false;
	return !posing_link_has_offset(m->link) ||
	    (p->offset > 0 &&
		(uint64_t)p->offset >= posing_link_offset(m->link));
}

/*
 * Asks the target.  One that loads answers late, with -LOADING or not at all:
 * that says nothing, and the connection is made anew the next time.
 */
static int
poll_target(struct posing_master *m, struct redis_conn **c,
    const struct scope *scope, bool *loaded, struct err *err)
{
	struct scope brief = scope_within(scope, ASK_MS);
	struct posing_progress p;

	*loaded = false;
	if (*c == NULL)
		*c = posing_hold_connect(m->hold, &brief, err);
	if (*c == NULL ||
	    posing_hold_progress(m->hold, *c, &brief, &p, err) != 0) {
		redis_conn_free(*c);
		*c = NULL;
		return err->kind == ERR_CANCELLED ? -1 : 0;
	}
	*loaded = is_loaded(m, &p);
	if (!p.follows)
		return err_set(err, ERR_CONFLICT,
		    "the target follows us no more: somebody reconfigured it");
	return 0;
}

/* A small part of what the load took already, so that little is lost at its
 * end, and little asked of a server that loads for an hour. */
static int64_t
pause_ms(int64_t waited_ms)
{
	int64_t ms = waited_ms / 50;

	return ms < POLL_LEAST_MS ? POLL_LEAST_MS
	    : ms > POLL_MOST_MS	  ? POLL_MOST_MS
				  : ms;
}

static int
wait_loaded(struct posing_master *m, struct redis_conn **c,
    const struct scope *scope, struct err *err)
{
	int64_t started_ms = scope_mono_ms(scope);
	int64_t next_ping_ms = started_ms;
	bool loaded = false;

	while (!loaded) {
		int64_t now_ms = scope_mono_ms(scope);
		struct err late = {0};

		if (scope_check(scope, err) != 0)
			return err_in(err, "waiting for the target to load");
		if (now_ms >= next_ping_ms) {
			next_ping_ms = now_ms + PING_MS;
			if (posing_link_ping(m->link, scope, err) != 0)
				return -1;
		}
		if (posing_link_listen(m->link, err) != 0)
			return err_in(err, "the target, while loading");
		if (poll_target(m, c, scope, &loaded, err) != 0)
			return -1;
		/* What ends the pause early, the next round tells. */
		if (!loaded)
			(void)scope_sleep(
			    scope, pause_ms(now_ms - started_ms), &late);
	}
	return 0;
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
		rc = wait_loaded(m, &c, &limit, err);
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

/* Files given, or not, and whether the target's replication is TLS, too. */
static int
judge_tls(struct posing_master *m, struct redis_conn *c, bool tls_control,
    const struct posing_opts *o, struct err *err)
{
	int given = (o->tls_cert != NULL) + (o->tls_key != NULL) +
	    (o->tls_ca != NULL);
	struct tls_stream *probe;
	char *value;
	bool yes;

	if (given != 0 && given != 3)
		return err_set(err, ERR_USAGE,
		    "mutual TLS needs a certificate, its key and a CA file");
	if (redis_config_get(c, &m->scope, "tls-replication", &value, err) !=
	    0) {
		err->kind = err->kind == ERR_CANCELLED ? err->kind
						       : ERR_UNSUPPORTED;
		return -1;
	}
	yes = value != NULL && strcmp(value, "yes") == 0;
	free(value);
	if (given == 3 && !yes)
		return err_set(err, ERR_UNSUPPORTED,
		    "the target's tls-replication is not 'yes'");
	if (given == 0 && yes)
		return err_set(err, ERR_UNSUPPORTED,
		    "the target replicates over TLS, and no certificate for "
		    "it is configured");
	if (given == 0 && tls_control)
		return err_set(err, ERR_UNSUPPORTED,
		    "the target is reached over TLS, but its tls-replication "
		    "is not 'yes': the dump would travel in clear");
	if (given == 0)
		return 0;
	m->tls = (struct posing_tls_opts){.cert_file = o->tls_cert,
	    .key_file = o->tls_key,
	    .ca_file = o->tls_ca};
	probe = posing_tls_new(-1, &m->tls, err);
	tls_stream_free(probe);
	return probe != NULL ? 0 : -1;
}

static bool
is_wildcard(const char *address)
{
	return strcmp(address, "0.0.0.0") == 0 || strcmp(address, "::") == 0;
}

/* Listens; advertise gets the host that the target is told. */
static int
open_link(struct posing_master *m, const struct redis_conn *c,
    const struct posing_opts *o, char advertise[256], struct err *err)
{
	char local[64], peer[64];
	struct posing_link_opts lo = {
	    .port = o->port,
	    .bind = o->bind,
	    .peer = peer,
	    .tls = m->tls.cert_file != NULL ? &m->tls : NULL,
	};
	const char *host = o->advertise;

	if (redis_conn_local_ip(c, local, err) != 0 ||
	    redis_conn_peer_ip(c, peer, err) != 0)
		return -1;
	/* Reached by a unix socket, the target is on this machine. */
	if (local[0] == '\0') {
		strcpy(local, "127.0.0.1");
		strcpy(peer, "127.0.0.1");
	}
	lo.bind = lo.bind != NULL ? lo.bind : local;
	if (host == NULL)
		host = is_wildcard(lo.bind) ? local : lo.bind;
	if (snprintf(advertise, 256, "%s", host) >= 256)
		return err_set(
		    err, ERR_USAGE, "the advertised host is too long");
	m->link = posing_link_open(&lo, err);
	return m->link != NULL ? 0 : -1;
}

/* From the first change to the answered PSYNC. */
static int
take_target(struct posing_master *m, struct redis_conn *c,
    const struct posing_opts *o, struct err *err)
{
	struct scope brief;
	struct secret password = {0};
	struct err why;
	bool plain = m->tls.cert_file == NULL;
	char advertise[256];
	struct posing_way way = {advertise, 0, m->streamed};
	int rc;

	if (open_link(m, c, o, advertise, err) != 0)
		return -1;
	way.port = posing_link_port(m->link);
	rc = posing_hold_take(
	    m->hold, c, &m->scope, &way, plain ? &password : NULL, err);
	if (rc == 0 && plain)
		posing_link_set_password(m->link, &password);
	secret_release(&password);
	if (rc != 0 || posing_hold_follow(m->hold, c, &m->scope, err) != 0)
		return -1;
	brief = scope_within(
	    &m->scope, or_default(o->connect_timeout_ms, CONNECT_TIMEOUT_MS));
	if (posing_link_accept(m->link, &brief, err) == 0)
		return 0;
	if (err->kind != ERR_UNREACHABLE || scope_left_ms(&m->scope) == 0)
		return -1;
	why = *err;
	return err_set(err, ERR_UNSUPPORTED,
	    "%.200s, as its master at '%.100s': use 'restore', or set the "
	    "advertised address",
	    why.text, advertise);
}

/*
 * As a replica it takes no more writes: what came between the caller's last
 * look at it and that shows now, and would be flushed.
 */
static int
is_still_empty(struct posing_master *m, struct redis_conn *c, struct err *err)
{
	struct redis_info info;
	redisReply *memory;
	char *libraries;
	bool empty;

	if (!m->streamed)
		return 0;
	if (redis_info_get(c, &m->scope, &info, err) != 0)
		return -1;
	memory = redis_command(c, &m->scope, err, "INFO memory");
	if (memory == NULL)
		return -1;
	/* A field of 7.0; before, there were no libraries. */
	libraries = memory->type == REDIS_REPLY_STRING
	    ? redis_info_field(memory->str, "number_of_libraries")
	    : NULL;
	empty = info.keys == 0 &&
	    (libraries == NULL || strcmp(libraries, "0") == 0);
	free(libraries);
	freeReplyObject(memory);
	return empty ? 0
		     : err_set(err, ERR_REFUSED,
			   "the target was written to just now, and keeps "
			   "that; run it again");
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
	if (judge_tls(m, c, target->hosts[host].tls, opts, err) != 0 ||
	    take_target(m, c, opts, err) != 0 || is_still_empty(m, c, err) != 0)
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
