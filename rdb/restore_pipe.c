#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/xalloc.h"
#include "rdb/redis_conn.h"
#include "rdb/restore_command.h"

#include "rdb/restore_pipe.h"

#define REPLY_LINE 512
#define NO_DB	   UINT32_MAX

/* In the queue, its name's bytes follow it. */
struct pending {
	uint64_t bytes;
	uint32_t db;
	uint16_t name_len;
	uint8_t what;
};

struct restore_pipe {
	struct redis_conn *conn;
	uint32_t db; /* selected; NO_DB: not known */

	size_t unsent;
	uint64_t unanswered;
	uint64_t keys, gone, unclaimed;
	uint64_t at_hand; /* bytes of the command that goes piece by piece */

	/* Commands without a reply, packed, oldest first. */
	unsigned char *queue;
	size_t head, tail, size;
	size_t last; /* where the newest one stands */

	char line[REPLY_LINE]; /* of a reply, as far as it came */
	size_t line_len;
	uint64_t parts; /* of the reply that are still to come */
	bool in_bulk;
};

struct restore_pipe *
restore_pipe_new(struct redis_conn *take)
{
	struct restore_pipe *p = xcalloc(1, sizeof(*p));

	p->conn = take;
	p->db = NO_DB;
	return p;
}

struct redis_conn *
restore_pipe_close(struct restore_pipe *p)
{
	struct redis_conn *conn = p->conn;

	free(p->queue);
	free(p);
	return conn;
}

void
restore_pipe_free(struct restore_pipe *p)
{
	if (p != NULL)
		redis_conn_free(restore_pipe_close(p));
}

static void
make_room(struct restore_pipe *p, size_t need)
{
	if (p->size - p->tail >= need)
		return;
	if (p->head > 0) {
		memmove(p->queue, p->queue + p->head, p->tail - p->head);
		p->tail -= p->head;
		p->head = 0;
	}
	/* A quarter free at least, so that moving stays cheap. */
	while (p->size - p->tail < need + p->size / 4) {
		p->size = p->size > 0 ? 2 * p->size : 4096;
		p->queue = xreallocarray(p->queue, p->size, 1);
	}
}

/* As one that waits for its reply; how long it is comes behind. */
static void
begin(struct restore_pipe *p, const struct restore_subject *s)
{
	struct pending c = {
	    .db = s->db, .what = (uint8_t)s->what, .name_len = s->name_len};

	make_room(p, sizeof(c) + c.name_len);
	p->last = p->tail;
	memcpy(p->queue + p->tail, &c, sizeof(c));
	memcpy(p->queue + p->tail + sizeof(c), s->name, c.name_len);
	p->tail += sizeof(c) + c.name_len;
}

static void
end(struct restore_pipe *p, uint64_t bytes)
{
	memcpy(p->queue + p->last + offsetof(struct pending, bytes), &bytes,
	    sizeof(bytes));
	p->unsent += bytes;
	p->unanswered += bytes;
}

void
restore_pipe_begin(struct restore_pipe *p, const struct restore_subject *s)
{
	begin(p, s);
	p->at_hand = 0;
}

int
restore_pipe_add(struct restore_pipe *p, const struct scope *scope,
    const void *data, size_t len, struct err *err)
{
	p->at_hand += len;
	return redis_conn_queue(p->conn, scope, data, len, err);
}

void
restore_pipe_end(struct restore_pipe *p, enum restore_what what)
{
	p->queue[p->last + offsetof(struct pending, what)] = (uint8_t)what;
	end(p, p->at_hand);
}

/* Where restore_command_write() writes to. */
struct outlet {
	struct restore_pipe *pipe;
	const struct scope *scope;
};

static int
put(void *arg, const void *data, size_t len, struct err *err)
{
	const struct outlet *o = arg;

	return redis_conn_queue(o->pipe->conn, o->scope, data, len, err);
}

int
restore_pipe_put(struct restore_pipe *p, const struct scope *scope,
    const struct restore_command *c, struct err *err)
{
	struct outlet o = {p, scope};

	begin(p, &c->subject);
	if (restore_command_write(c, put, &o, err) != 0)
		return -1;
	end(p, restore_command_bytes(c));
	return 0;
}

int
restore_pipe_select(struct restore_pipe *p, const struct scope *scope,
    uint32_t db, struct err *err)
{
	const struct restore_subject subject = {
	    .what = RESTORE_SELECT, .db = db};
	char number[16], command[64];
	int n;

	if (p->db == db)
		return 0;
	n = snprintf(number, sizeof(number), "%u", (unsigned)db);
	n = snprintf(command, sizeof(command),
	    "*2\r\n$6\r\nSELECT\r\n$%d\r\n%s\r\n", n, number);
	begin(p, &subject);
	if (redis_conn_queue(p->conn, scope, command, (size_t)n, err) != 0)
		return -1;
	end(p, (uint64_t)n);
	p->db = NO_DB;
	if (restore_pipe_flush(p, scope, err) != 0 ||
	    restore_pipe_settle(p, scope, 0, err) != 0)
		return -1;
	p->db = db;
	return 0;
}

int
restore_pipe_flush(
    struct restore_pipe *p, const struct scope *scope, struct err *err)
{
	p->unsent = 0;
	return redis_conn_flush(p->conn, scope, err);
}

int
restore_pipe_ping(
    struct restore_pipe *p, const struct scope *scope, struct err *err)
{
	static const struct restore_subject subject = {.what = RESTORE_PING};
	static const char ping[] = "*1\r\n$4\r\nPING\r\n";

	if (restore_pipe_flush(p, scope, err) != 0 ||
	    restore_pipe_settle(p, scope, 0, err) != 0)
		return -1;
	restore_pipe_begin(p, &subject);
	if (restore_pipe_add(p, scope, ping, sizeof(ping) - 1, err) != 0)
		return -1;
	restore_pipe_end(p, RESTORE_PING);
	return restore_pipe_flush(p, scope, err);
}

uint64_t
restore_pipe_keys(const struct restore_pipe *p)
{
	return p->keys;
}

uint64_t
restore_pipe_gone(const struct restore_pipe *p)
{
	return p->gone;
}

uint64_t
restore_pipe_unclaimed(const struct restore_pipe *p)
{
	return p->unclaimed;
}

size_t
restore_pipe_unsent(const struct restore_pipe *p)
{
	return p->unsent;
}

uint64_t
restore_pipe_unanswered(const struct restore_pipe *p)
{
	return p->unanswered;
}

static int
refused(const struct restore_pipe *p, const struct pending *c, struct err *err)
{
	struct restore_subject s = {
	    .what = (enum restore_what)c->what,
	    .db = c->db,
	    .name_len = c->name_len,
	};

	memcpy(s.name, p->queue + p->head + sizeof(*c), c->name_len);
	return restore_subject_refused(&s, p->line + 1, err);
}

/* Numbers, ids and lists of them: a line each, with one before an id and one
 * before a list.  What they say does not matter. */
static int
pass_over(struct restore_pipe *p, struct err *err)
{
	long n = strtol(p->line + 1, NULL, 10);

	if (p->in_bulk) {
		p->in_bulk = false;
		p->parts--;
		return 0;
	}
	switch (p->line[0]) {
	case '*':
		p->parts += (n > 0 ? (uint64_t)n : 0) - 1;
		return 0;
	case '$':
		p->in_bulk = n >= 0;
		p->parts -= n < 0;
		return 0;
	case '+':
	case ':':
		p->parts--;
		return 0;
	default:
		return err_set(err, ERR_CORRUPT, "'%s': a reply that is none",
		    redis_conn_name(p->conn));
	}
}

static int
want_ok(struct restore_pipe *p, const struct pending *c, struct err *err)
{
	if (c->what == RESTORE_SHOW_EXPIRING &&
	    strcmp(p->line, "-ERR no such key") == 0) {
		p->gone++;
		return 0;
	}
	if (p->line[0] == '-')
		return refused(p, c, err);
	if (strcmp(p->line, "+OK") != 0)
		return err_set(err, ERR_CORRUPT,
		    "'%s': a reply that is neither OK nor an error",
		    redis_conn_name(p->conn));
	p->keys += c->what != RESTORE_SELECT && c->what != RESTORE_FUNCTION;
	return 0;
}

/* The first line of a reply, or, of a value's commands, one more. */
static int
judge_line(struct restore_pipe *p, const struct pending *c, struct err *err)
{
	if (c->what != RESTORE_VALUE && c->what != RESTORE_CLAIM &&
	    c->what != RESTORE_PING)
		return want_ok(p, c, err);
	if (p->parts == 0) {
		if (p->line[0] == '-')
			return refused(p, c, err);
		p->unclaimed += c->what == RESTORE_CLAIM &&
		    strcmp(p->line, "*0") == 0;
		p->parts = 1;
	}
	return pass_over(p, err);
}

/* A reply line without its end. */
static int
take_line(struct restore_pipe *p, struct err *err)
{
	struct pending c;

	if (p->head == p->tail)
		return err_set(err, ERR_CORRUPT,
		    "'%s': a reply that nothing asked for",
		    redis_conn_name(p->conn));
	memcpy(&c, p->queue + p->head, sizeof(c));
	p->line[p->line_len] = '\0';
	if (judge_line(p, &c, err) != 0)
		return -1;
	p->line_len = 0;
	if (p->parts > 0)
		return 0;
	p->head += sizeof(c) + c.name_len;
	p->unanswered -= c.bytes;
	return 0;
}

static int
take_bytes(struct restore_pipe *p, const char *in, size_t len, struct err *err)
{
	while (len > 0) {
		const char *nl = memchr(in, '\n', len);
		size_t n = nl != NULL ? (size_t)(nl - in) : len;

		if (p->line_len + n >= sizeof(p->line))
			return err_set(err, ERR_CORRUPT,
			    "'%s': a reply of over %zu bytes",
			    redis_conn_name(p->conn), sizeof(p->line));
		memcpy(p->line + p->line_len, in, n);
		p->line_len += n;
		if (nl == NULL)
			return 0;
		if (p->line_len > 0 && p->line[p->line_len - 1] == '\r')
			p->line_len--;
		if (take_line(p, err) != 0)
			return -1;
		in += n + 1;
		len -= n + 1;
	}
	return 0;
}

int
restore_pipe_settle(struct restore_pipe *p, const struct scope *scope,
    uint64_t unanswered_max, struct err *err)
{
	char in[16384];
	size_t got;

	while (p->unanswered > unanswered_max) {
		if (redis_conn_read(
			p->conn, scope, in, sizeof(in), &got, err) != 0)
			return -1;
		if (got == 0)
			return err_set(err, ERR_TRANSIENT,
			    "'%s': the server closed the connection",
			    redis_conn_name(p->conn));
		if (take_bytes(p, in, got, err) != 0)
			return -1;
	}
	return 0;
}

int
restore_pipe_keep(struct restore_pipe *p, const struct scope *scope,
    uint64_t unanswered_max, struct err *err)
{
	if (!redis_conn_renew_due(p->conn, scope))
		return restore_pipe_settle(p, scope, unanswered_max, err);
	if (restore_pipe_settle(p, scope, 0, err) != 0)
		return -1;
	return redis_conn_renew(p->conn, scope, err);
}
