#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/xalloc.h"
#include "rdb/key_filter.h"
#include "rdb/key_set.h"
#include "rdb/redis_conn.h"
#include "rdb/redis_error.h"
#include "rdb/scan_pace.h"
#include "rdb/scan_pipe.h"

#include "rdb/scan_walk.h"

/* So many keys are asked for before the next ones are looked for. */
#define SCAN_COUNT 512

#define CURSOR_SIZE 32

struct scan_walk {
	struct redis_conn *conn;
	struct key_set *seen;
	struct scan_pace *pace;
	const struct key_filter *filter;
	const char *type;

	uint32_t db;
	char cursor[CURSOR_SIZE]; /* "0": at the end */
	redisReply *answer;	  /* whose keys were told last */
	struct scan_name *names;  /* of it, those that are new */
	size_t n, room;
	uint64_t repeated, unwanted;
};

struct scan_walk *
scan_walk_new(struct redis_conn *conn, struct key_set *seen,
    struct scan_pace *pace, const struct key_filter *filter, const char *type)
{
	struct scan_walk *w = xcalloc(1, sizeof(*w));

	w->conn = conn;
	w->seen = seen;
	w->pace = pace;
	w->filter = filter;
	w->type = type;
	return w;
}

void
scan_walk_free(struct scan_walk *w)
{
	if (w == NULL)
		return;
	freeReplyObject(w->answer);
	free(w->names);
	free(w);
}

static int
ask(struct scan_walk *w, const struct scope *scope, struct err *err)
{
	struct buf b;
	int rc;

	buf_init(&b, 256);
	buf_addf(&b,
	    "*%d\r\n$4\r\nSCAN\r\n$%zu\r\n%s\r\n$5\r\nCOUNT\r\n$3\r\n%d\r\n",
	    w->type != NULL ? 6 : 4, strlen(w->cursor), w->cursor, SCAN_COUNT);
	if (w->type != NULL)
		buf_addf(&b, "$4\r\nTYPE\r\n$%zu\r\n%s\r\n", strlen(w->type),
		    w->type);
	scan_pace_probe(w->pace);
	rc = redis_conn_write(w->conn, scope, b.data, b.len, err);
	buf_release(&b);
	return rc;
}

int
scan_walk_begin(struct scan_walk *w, const struct scope *scope, uint32_t db,
    struct err *err)
{
	w->db = db;
	memcpy(w->cursor, "0", sizeof("0"));
	return ask(w, scope, err);
}

static int
take(struct scan_walk *w, const struct scope *scope, struct err *err)
{
	const char *host = redis_conn_name(w->conn);
	const redisReply *r, *cursor;

	freeReplyObject(w->answer);
	w->answer = redis_conn_reply(w->conn, scope, err);
	r = w->answer;
	if (r == NULL)
		return -1;
	if (r->type == REDIS_REPLY_ERROR) {
		redis_error_set(err, r->str);
		return err_in(err, "'%s': SCAN", host);
	}
	cursor = r->type == REDIS_REPLY_ARRAY && r->elements == 2
	    ? r->element[0]
	    : NULL;
	if (cursor == NULL || cursor->type != REDIS_REPLY_STRING ||
	    cursor->len >= CURSOR_SIZE ||
	    strspn(cursor->str, "0123456789") != cursor->len ||
	    r->element[1]->type != REDIS_REPLY_ARRAY)
		return err_set(err, ERR_CORRUPT,
		    "'%s' answered SCAN by what is no cursor and keys", host);
	memcpy(w->cursor, cursor->str, cursor->len + 1);
	return 0;
}

static bool
is_wanted(const struct scan_walk *w, const redisReply *k)
{
	return w->filter == NULL ||
	    key_filter_may_take_name(w->filter, k->str, k->len);
}

/* SCAN may tell a key twice, and a dump must not hold one twice. */
static int
pick_new(struct scan_walk *w, const redisReply *keys, struct err *err)
{
	bool is_new;

	if (keys->elements > w->room) {
		w->room = keys->elements;
		w->names = xreallocarray(w->names, w->room, sizeof(*w->names));
	}
	w->n = 0;
	for (size_t i = 0; i < keys->elements; i++) {
		const redisReply *k = keys->element[i];

		if (k->type != REDIS_REPLY_STRING)
			return err_set(
			    err, ERR_CORRUPT, "SCAN answered what is no key");
		if (key_set_add(w->seen, w->db, k->str, k->len, &is_new, err) !=
		    0)
			return -1;
		if (!is_new)
			w->repeated++;
		else if (!is_wanted(w, k))
			w->unwanted++;
		else
			w->names[w->n++] = (struct scan_name){k->str, k->len};
	}
	return 0;
}

int
scan_walk_next(struct scan_walk *w, const struct scope *scope,
    const struct scan_name **names, size_t *n, struct err *err)
{
	if (take(w, scope, err) != 0)
		return -1;
	if (scan_pace_probing(w->pace) && scan_pace_answered(w->pace, err) != 0)
		return -1;
	if (scan_walk_more(w) &&
	    (redis_conn_renew(w->conn, scope, err) != 0 ||
		ask(w, scope, err) != 0))
		return -1;
	if (pick_new(w, w->answer->element[1], err) != 0)
		return -1;
	*names = w->names;
	*n = w->n;
	return 0;
}

bool
scan_walk_more(const struct scan_walk *w)
{
	return strcmp(w->cursor, "0") != 0;
}

int
scan_walk_watch(struct scan_walk *w, struct err *err)
{
	if (!scan_pace_probing(w->pace) || !redis_conn_reply_ready(w->conn))
		return 0;
	return scan_pace_answered(w->pace, err);
}

uint64_t
scan_walk_repeated(const struct scan_walk *w)
{
	return w->repeated;
}

uint64_t
scan_walk_unwanted(const struct scan_walk *w)
{
	return w->unwanted;
}
