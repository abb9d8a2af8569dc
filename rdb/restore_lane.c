#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/xalloc.h"
#include "rdb/redis_conn.h"
#include "rdb/redis_info.h"

#include "rdb/restore_lane.h"

struct restore_lane {
	struct redis_address address;
	const char *user;
	const struct redis_opts *opts;
	struct redis_conn *conn;
	struct redis_info info;

	struct restore_sent *first, **end; /* unanswered, oldest first */
	size_t unanswered;
	uint64_t unsent;
	uint32_t answered; /* replies of the first, ASKING's among them, */
	redisReply *kept;  /* and the one that counts */
};

static int
copy(void *arg, const void *data, size_t len, struct err *err)
{
	struct restore_sent *s = arg;

	(void)err;
	memcpy(s->bytes + s->len, data, len);
	s->len += len;
	return 0;
}

struct restore_sent *
restore_sent_new(const struct restore_command *c, size_t max)
{
	uint64_t bytes = restore_command_bytes(c);
	bool large = bytes > max;
	struct restore_sent *s = xcalloc(
	    1, sizeof(*s) + (large ? 0 : (size_t)bytes));
	struct err none;

	s->subject = c->subject;
	s->slot = c->slot;
	s->replies = 1;
	/* What cannot be copied, because a temporary file fails, is told when
	 * it is sent from there. */
	if (large || restore_command_write(c, copy, s, &none) != 0) {
		s->large = c;
		s->len = 0;
	}
	return s;
}

struct restore_sent *
restore_sent_batch(const struct restore_batch *b)
{
	struct restore_sent *s = xcalloc(1, sizeof(*s) + b->len);

	s->subject = b->subject;
	s->slot = b->slot;
	s->replies = b->replies;
	s->len = b->len;
	memcpy(s->bytes, b->bytes, b->len);
	return s;
}

/* To the same process, a primary still: else what was answered may be lost. */
static int
ask(const struct restore_lane *l, struct redis_conn *c,
    const struct scope *scope, struct redis_info *info, struct err *err)
{
	bool known = l->info.run_id[0] != '\0';

	if (redis_info_get(c, scope, info, err) != 0)
		return -1;
	if (known && strcmp(l->info.run_id, info->run_id) != 0)
		return err_set(err, ERR_CONFLICT, "'%s' was started anew",
		    redis_conn_name(c));
	/* A promotion leaves the history before it in the second id, which a
	 * server that has lost its last replica long ago has not. */
	if (known && info->replid2[0] != '\0' &&
	    strcmp(l->info.replid, info->replid) != 0)
		return err_set(err, ERR_CONFLICT,
		    "'%s' was no primary for a while", redis_conn_name(c));
	if (info->is_replica)
		return err_set(err, known ? ERR_CONFLICT : ERR_TRANSIENT,
		    "'%s' is no primary any more", redis_conn_name(c));
	return 0;
}

static int
connect_to(struct restore_lane *l, const struct scope *scope, struct err *err)
{
	struct redis_info info;
	struct redis_conn *c = redis_connect(
	    &l->address, l->user, l->opts, scope, err);

	/* Its cluster knows it, so it is gone for a while, or for good. */
	if (c == NULL && err->kind == ERR_UNREACHABLE)
		err->kind = ERR_TRANSIENT;
	if (c == NULL)
		return -1;
	if (ask(l, c, scope, &info, err) != 0) {
		redis_conn_free(c);
		return -1;
	}
	l->conn = c;
	l->info = info;
	return 0;
}

struct restore_lane *
restore_lane_open(const struct redis_address *a, const char *user,
    const struct redis_opts *opts, const struct scope *scope, struct err *err)
{
	struct restore_lane *l = xcalloc(1, sizeof(*l));

	l->address = *a;
	l->address.host = xstrdup(a->host);
	l->user = user;
	l->opts = opts;
	l->end = &l->first;
	if (connect_to(l, scope, err) == 0)
		return l;
	restore_lane_free(l);
	return NULL;
}

void
restore_lane_free(struct restore_lane *l)
{
	struct restore_sent *s, *next;

	if (l == NULL)
		return;
	for (s = l->first; s != NULL; s = next) {
		next = s->next;
		free(s);
	}
	freeReplyObject(l->kept);
	redis_conn_free(l->conn);
	free(l->address.host);
	free(l);
}

const struct redis_address *
restore_lane_address(const struct restore_lane *l)
{
	return &l->address;
}

const struct redis_info *
restore_lane_info(const struct restore_lane *l)
{
	return &l->info;
}

struct redis_conn *
restore_lane_conn(struct restore_lane *l)
{
	return l->conn;
}

size_t
restore_lane_unanswered(const struct restore_lane *l)
{
	return l->unanswered;
}

uint64_t
restore_lane_unsent(const struct restore_lane *l)
{
	return l->unsent;
}

/* Where restore_command_write() writes to. */
struct outlet {
	struct redis_conn *conn;
	const struct scope *scope;
};

static int
put(void *arg, const void *data, size_t len, struct err *err)
{
	const struct outlet *o = arg;

	return redis_conn_queue(o->conn, o->scope, data, len, err);
}

static int
queue(struct restore_lane *l, const struct scope *scope,
    const struct restore_sent *s, struct err *err)
{
	static const char asking[] = "*1\r\n$6\r\nASKING\r\n";
	struct outlet o = {l->conn, scope};

	l->unsent += s->large != NULL ? restore_command_bytes(s->large)
				      : s->len;
	if (s->asking &&
	    redis_conn_queue(l->conn, scope, asking, sizeof(asking) - 1, err) !=
		0)
		return -1;
	return s->large != NULL
	    ? restore_command_write(s->large, put, &o, err)
	    : redis_conn_queue(l->conn, scope, s->bytes, s->len, err);
}

int
restore_lane_send(struct restore_lane *l, const struct scope *scope,
    struct restore_sent *s, struct err *err)
{
	s->next = NULL;
	*l->end = s;
	l->end = &s->next;
	l->unanswered += sizeof(*s) + s->len;
	return queue(l, scope, s, err);
}

int
restore_lane_flush(
    struct restore_lane *l, const struct scope *scope, struct err *err)
{
	l->unsent = 0;
	return redis_conn_flush(l->conn, scope, err);
}

/* One of several; what ASKING is answered by says nothing, since the command's
 * own does. */
static int
take_reply(struct restore_lane *l, const struct scope *scope, struct err *err)
{
	redisReply *r = redis_conn_reply(l->conn, scope, err);

	if (r == NULL)
		return -1;
	if ((l->first->asking && l->answered == 0) ||
	    (l->kept != NULL && l->kept->type == REDIS_REPLY_ERROR)) {
		freeReplyObject(r);
	} else {
		freeReplyObject(l->kept);
		l->kept = r;
	}
	l->answered++;
	return 0;
}

int
restore_lane_answer(struct restore_lane *l, const struct scope *scope,
    struct restore_sent **out, redisReply **reply, struct err *err)
{
	struct restore_sent *s = l->first;

	while (l->answered < s->replies + s->asking)
		if (take_reply(l, scope, err) != 0)
			return -1;
	*reply = l->kept;
	l->kept = NULL;
	l->answered = 0;
	l->first = s->next;
	if (l->first == NULL)
		l->end = &l->first;
	l->unanswered -= sizeof(*s) + s->len;
	*out = s;
	return 0;
}

int
restore_lane_again(
    struct restore_lane *l, const struct scope *scope, struct err *err)
{
	redis_conn_free(l->conn);
	l->conn = NULL;
	freeReplyObject(l->kept);
	l->kept = NULL;
	l->answered = 0;
	if (connect_to(l, scope, err) != 0)
		return -1;
	for (struct restore_sent *s = l->first; s != NULL; s = s->next)
		if (queue(l, scope, s, err) != 0)
			return -1;
	return restore_lane_flush(l, scope, err);
}

int
restore_lane_still(
    struct restore_lane *l, const struct scope *scope, struct err *err)
{
	struct redis_info info;

	assert(l->first == NULL);
	return ask(l, l->conn, scope, &info, err);
}
