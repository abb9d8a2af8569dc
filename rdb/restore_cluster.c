#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/scope.h"
#include "base/xalloc.h"
#include "rdb/redis_target.h"
#include "rdb/restore_cluster_private.h"
#include "rdb/restore_command.h"
#include "rdb/restore_lane.h"
#include "rdb/restore_routes.h"

#include "rdb/restore_cluster.h"

#define WINDOW_DEFAULT ((size_t)512 << 10)
#define BATCH_BYTES    ((size_t)64 << 10)

/* Larger ones are not copied, but waited for before the next key. */
#define COPY_MAX RESTORE_BATCH_MAX

#define PAUSE_MS 100
#define HASTY	 4 /* times that it is sent on without a pause */

/* For a connection that broke: as long as the process may be there. */
#define AGAIN_MS 5000

struct restore_cluster *
restore_cluster_new(const struct redis_target *target,
    const struct redis_opts *opts, const struct scope *scope, struct err *err)
{
	struct restore_cluster *c = xcalloc(1, sizeof(*c));

	assert(target->cluster != NULL);
	c->scope = *scope;
	c->again_end = &c->again;
	c->window = WINDOW_DEFAULT;
	c->routes = restore_routes_new(target, opts, &c->scope, err);
	if (c->routes != NULL)
		return c;
	restore_cluster_free(c);
	return NULL;
}

void
restore_cluster_free(struct restore_cluster *c)
{
	struct restore_sent *s, *next;

	if (c == NULL)
		return;
	for (s = c->again; s != NULL; s = next) {
		next = s->next;
		free(s);
	}
	restore_routes_free(c->routes);
	free(c);
}

int
restore_cluster_each(struct restore_cluster *c,
    int (*each)(void *arg, struct redis_conn *, const struct redis_info *,
	struct err *),
    void *arg, struct err *err)
{
	for (size_t i = 0; i < restore_routes_lanes(c->routes); i++)
		if (each(arg, restore_lane_conn(restore_cluster_lane(c, i)),
			restore_lane_info(restore_cluster_lane(c, i)),
			err) != 0)
			return -1;
	return 0;
}

size_t
restore_cluster_primaries(const struct restore_cluster *c)
{
	return restore_routes_lanes(c->routes);
}

void
restore_cluster_window(struct restore_cluster *c, size_t bytes)
{
	c->window = bytes;
}

uint64_t
restore_cluster_keys(const struct restore_cluster *c)
{
	return c->sums.keys;
}

uint64_t
restore_cluster_unclaimed(const struct restore_cluster *c)
{
	return c->sums.unclaimed;
}

static int
replaced(const struct restore_lane *l, struct err *err)
{
	const struct redis_address *a = restore_lane_address(l);

	err->kind = ERR_TRANSIENT;
	return err_in(err,
	    "the primary '%.200s:%d' was lost, and with it what no replica "
	    "had yet; the load has to begin again",
	    a->host, a->port);
}

int
restore_cluster_recover(
    struct restore_cluster *c, struct restore_lane *l, struct err *err)
{
	struct scope brief = scope_within(&c->scope, AGAIN_MS);
	struct err first = *err;

	if (err->kind == ERR_CONFLICT)
		return replaced(l, err);
	if (err->kind != ERR_TRANSIENT)
		return -1;
	if (c->redone++ > 2 * restore_routes_lanes(c->routes))
		return err_in(err, "connection after connection broke");
	while (restore_lane_again(l, &brief, err) != 0) {
		if (err->kind == ERR_CONFLICT)
			return replaced(l, err);
		if (err->kind != ERR_TRANSIENT)
			return -1;
		if (scope_sleep(&brief, PAUSE_MS, err) == 0)
			continue;
		if (scope_check(&c->scope, err) != 0)
			return -1;
		*err = first;
		return replaced(l, err);
	}
	return 0;
}

static int
send_to(struct restore_cluster *c, size_t lane, struct restore_sent *take,
    struct err *err)
{
	struct restore_lane *l = restore_cluster_lane(c, lane);

	take->lane = lane;
	if (restore_lane_send(l, &c->scope, take, err) == 0 &&
	    (restore_lane_unsent(l) < BATCH_BYTES ||
		restore_lane_flush(l, &c->scope, err) == 0))
		return 0;
	return restore_cluster_recover(c, l, err);
}

/* Not for ever. */
static int
put_off(struct restore_cluster *c, struct restore_sent *s, const char *reply,
    struct err *err)
{
	int64_t now_ms = scope_mono_ms(&c->scope);

	if (s->refusals++ == 0)
		s->refused_ms = now_ms;
	if (now_ms - s->refused_ms > RESTORE_PATIENCE_MS) {
		restore_subject_refused(&s->subject, reply, err);
		err->kind = ERR_TRANSIENT;
		return err_in(err, "for %d s", RESTORE_PATIENCE_MS / 1000);
	}
	c->pause = c->pause || s->refusals > HASTY;
	return 0;
}

static void
send_later(struct restore_cluster *c, struct restore_sent *take)
{
	take->next = NULL;
	*c->again_end = take;
	c->again_end = &take->next;
}

/* One that is for all of them has none. */
static bool
has_slot(const struct restore_sent *s)
{
	return s->subject.what != RESTORE_FUNCTION;
}

/* Where MOVED or ASK says; what has no slot has no other place. */
static int
redirect(struct restore_cluster *c, struct restore_sent *s, const char *reply,
    struct err *err)
{
	bool moved = has_slot(s) && strncmp(reply, "MOVED ", 6) == 0;
	bool ask = has_slot(s) && strncmp(reply, "ASK ", 4) == 0;
	size_t lane;

	s->asking = false;
	if (!moved && !ask)
		return restore_subject_refused(&s->subject, reply, err);
	if (restore_routes_follow(
		c->routes, s->lane, strchr(reply, ' ') + 1, &lane, err) != 0)
		return restore_subject_in(&s->subject, err);
	if (moved) {
		restore_routes_move(c->routes, s->slot, lane);
		c->moved = true;
	}
	s->asking = ask;
	s->lane = lane;
	return 0;
}

/* 0: it may be sent again. */
static int
on_refusal(struct restore_cluster *c, struct restore_sent *s, const char *reply,
    struct err *err)
{
	/* What passes, or sent on to a server that has just failed. */
	if (redirect(c, s, reply, err) != 0) {
		if (err->kind != ERR_TRANSIENT)
			return -1;
		c->pause = true;
	}
	return put_off(c, s, reply, err);
}

static int
take_answer(struct restore_cluster *c, size_t lane, struct err *err)
{
	struct restore_sent *s;
	redisReply *r;
	int rc;

	if (restore_lane_answer(
		restore_cluster_lane(c, lane), &c->scope, &s, &r, err) != 0)
		return restore_cluster_recover(
		    c, restore_cluster_lane(c, lane), err);
	if (r->type == REDIS_REPLY_ERROR) {
		rc = on_refusal(c, s, r->str, err);
		if (rc == 0) {
			send_later(c, s);
			s = NULL;
		}
	} else {
		c->redone = 0;
		rc = restore_answer_judge(s, r, &c->sums, err);
	}
	freeReplyObject(r);
	free(s);
	return rc;
}

int
restore_cluster_settle(
    struct restore_cluster *c, size_t lane, size_t most, struct err *err)
{
	struct restore_lane *l = restore_cluster_lane(c, lane);

	if (restore_lane_unsent(l) > 0 &&
	    restore_lane_flush(l, &c->scope, err) != 0 &&
	    restore_cluster_recover(c, l, err) != 0)
		return -1;
	while (restore_lane_unanswered(l) > most)
		if (take_answer(c, lane, err) != 0)
			return -1;
	return 0;
}

int
restore_cluster_none_replaced(struct restore_cluster *c, struct err *err)
{
	c->moved = false;
	for (size_t i = 0; i < restore_routes_lanes(c->routes); i++) {
		struct restore_lane *l = restore_cluster_lane(c, i);

		if (restore_cluster_settle(c, i, 0, err) != 0)
			return -1;
		if (restore_lane_still(l, &c->scope, err) != 0 &&
		    restore_cluster_recover(c, l, err) != 0)
			return -1;
	}
	return 0;
}

int
restore_cluster_pause(struct restore_cluster *c, struct err *err)
{
	c->pause = false;
	if (scope_sleep(&c->scope, PAUSE_MS, err) != 0)
		return -1;
	if (restore_routes_look(c->routes, err) != 0 &&
	    err->kind != ERR_TRANSIENT && err->kind != ERR_UNREACHABLE)
		return -1;
	return scope_check(&c->scope, err);
}

static int
send_on(struct restore_cluster *c, struct err *err)
{
	struct restore_sent *s, *next;

	if (c->pause && restore_cluster_pause(c, err) != 0)
		return -1;
	if (c->moved && restore_cluster_none_replaced(c, err) != 0)
		return -1;
	s = c->again;
	c->again = NULL;
	c->again_end = &c->again;
	for (; s != NULL; s = next) {
		bool by_slot = has_slot(s) && !s->asking;

		next = s->next;
		if (send_to(c,
			by_slot ? restore_routes_of(c->routes, s->slot)
				: s->lane,
			s, err) == 0)
			continue;
		/* The rest is not lost, but freed with the others. */
		for (s = next; s != NULL; s = next) {
			next = s->next;
			send_later(c, s);
		}
		return -1;
	}
	return 0;
}

static int
settle_all(struct restore_cluster *c, struct err *err)
{
	do {
		if (c->again != NULL && send_on(c, err) != 0)
			return -1;
		/* All are sent before one is waited for. */
		for (size_t i = 0; i < restore_routes_lanes(c->routes); i++)
			if (restore_cluster_settle(c, i, SIZE_MAX, err) != 0)
				return -1;
		for (size_t i = 0; i < restore_routes_lanes(c->routes); i++)
			if (restore_cluster_settle(c, i, 0, err) != 0)
				return -1;
	} while (c->again != NULL);
	return 0;
}

int
restore_cluster_finish(struct restore_cluster *c, struct err *err)
{
	if (settle_all(c, err) != 0)
		return -1;
	return restore_cluster_none_replaced(c, err);
}

/* Small ones are many under way, and sent on with others. */
static int
put_small(struct restore_cluster *c, size_t lane, struct restore_sent *take,
    struct err *err)
{
	if (send_to(c, lane, take, err) != 0)
		return -1;
	if (restore_lane_unanswered(restore_cluster_lane(c, lane)) >
		c->window &&
	    restore_cluster_settle(c, lane, c->window / 2, err) != 0)
		return -1;
	return c->again != NULL ? send_on(c, err) : 0;
}

static int
put_one(struct restore_cluster *c, size_t lane,
    const struct restore_command *command, struct err *err)
{
	struct restore_sent *s = restore_sent_new(command, COPY_MAX);

	if (s->large == NULL)
		return put_small(c, lane, s, err);
	if (send_to(c, lane, s, err) != 0)
		return -1;
	return settle_all(c, err);
}

int
restore_cluster_put(struct restore_cluster *c,
    const struct restore_command *command, struct err *err)
{
	size_t primaries = restore_routes_lanes(c->routes);

	if (command->subject.what == RESTORE_KEY)
		return put_one(c, restore_routes_of(c->routes, command->slot),
		    command, err);
	for (size_t i = 0; i < primaries; i++)
		if (put_one(c, i, command, err) != 0)
			return -1;
	return 0;
}

int
restore_cluster_batch(
    struct restore_cluster *c, const struct restore_batch *b, struct err *err)
{
	return put_small(c, restore_routes_of(c->routes, b->slot),
	    restore_sent_batch(b), err);
}
