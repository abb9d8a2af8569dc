#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "rdb/cluster_slot.h"
#include "rdb/dump_payload.h"
#include "rdb/key_show.h"
#include "rdb/rdb_reader.h"
#include "rdb/redis_error.h"

#include "rdb/restore_command.h"

#define VERSION_ABSTTL 50000

/* A name has at most what a bulk of the protocol may have. */
#define HEAD_MAX ((size_t)1 << 32)
#define TAIL_MAX 256

void
restore_command_init(struct restore_command *c, struct dump_payload *payload)
{
	memset(&c->subject, 0, sizeof(c->subject));
	c->payload = payload;
	c->slot = 0;
	buf_init(&c->head, HEAD_MAX);
	buf_init(&c->tail, TAIL_MAX);
}

void
restore_command_release(struct restore_command *c)
{
	buf_release(&c->head);
	buf_release(&c->tail);
}

static void
add_number(struct buf *b, int64_t n)
{
	char text[24];
	int len = snprintf(text, sizeof(text), "%" PRId64, n);

	buf_addf(b, "$%d\r\n%s\r\n", len, text);
}

void
restore_subject_key(
    struct restore_subject *s, enum restore_what what, const struct rdb_key *k)
{
	size_t len = k != NULL ? k->name_len : 0;

	s->what = what;
	s->db = k != NULL ? k->db : 0;
	s->name_len = (uint16_t)(len < RESTORE_NAME_KEPT ? len
							 : RESTORE_NAME_KEPT);
	if (s->name_len > 0)
		memcpy(s->name, k->name, s->name_len);
}

static void
add_head(struct restore_command *c, const struct rdb_key *k, unsigned words,
    int64_t ttl)
{
	buf_truncate(&c->head, 0);
	buf_addf(
	    &c->head, "*%u\r\n$7\r\nRESTORE\r\n$%zu\r\n", words, k->name_len);
	buf_add(&c->head, k->name, k->name_len);
	buf_adds(&c->head, "\r\n");
	add_number(&c->head, ttl);
}

/* A server takes one of idle time and frequency, and ignores the one that its
 * policy has no use for. */
static void
add_tail(struct restore_command *c, const struct rdb_key *k, bool absttl)
{
	buf_truncate(&c->tail, 0);
	buf_adds(&c->tail, "\r\n$7\r\nREPLACE\r\n");
	if (!absttl)
		return;
	buf_adds(&c->tail, "$6\r\nABSTTL\r\n");
	if (k->idle_s >= 0) {
		buf_adds(&c->tail, "$8\r\nIDLETIME\r\n");
		add_number(&c->tail, k->idle_s);
	} else if (k->lfu >= 0) {
		buf_adds(&c->tail, "$4\r\nFREQ\r\n");
		add_number(&c->tail, k->lfu);
	}
}

void
restore_command_key(struct restore_command *c, const struct rdb_key *k,
    int version, int64_t now_ms, bool *expired)
{
	bool absttl = version >= VERSION_ABSTTL;
	bool lru = absttl && (k->idle_s >= 0 || k->lfu >= 0);
	int64_t ttl = 0;

	*expired = false;
	if (k->expires_ms != RDB_NO_EXPIRY) {
		*expired = k->expires_ms <= now_ms;
		ttl = absttl ? k->expires_ms : k->expires_ms - now_ms;
		/* 0 means never, and less is an error: long past instead. */
		ttl = ttl > 0 ? ttl : 1;
	}
	restore_subject_key(&c->subject, RESTORE_KEY, k);
	c->slot = cluster_slot(k->name, k->name_len);
	add_head(c, k, 5U + absttl + 2U * lru, ttl);
	add_tail(c, k, absttl);
}

void
restore_command_function(struct restore_command *c)
{
	restore_subject_key(&c->subject, RESTORE_FUNCTION, NULL);
	buf_truncate(&c->head, 0);
	buf_adds(&c->head, "*4\r\n$8\r\nFUNCTION\r\n$7\r\nRESTORE\r\n");
	buf_truncate(&c->tail, 0);
	buf_adds(&c->tail, "\r\n$7\r\nREPLACE\r\n");
}

static int
length_text(const struct restore_command *c, char out[32])
{
	return snprintf(
	    out, 32, "$%" PRIu64 "\r\n", dump_payload_size(c->payload));
}

uint64_t
restore_command_bytes(const struct restore_command *c)
{
	char text[32];

	return c->head.len + (uint64_t)length_text(c, text) +
	    dump_payload_size(c->payload) + c->tail.len;
}

int
restore_command_write(const struct restore_command *c,
    int (*put)(void *arg, const void *, size_t, struct err *), void *arg,
    struct err *err)
{
	char text[32];
	int n = length_text(c, text);

	if (buf_check(&c->head, "a command", err) != 0 ||
	    put(arg, c->head.data, c->head.len, err) != 0 ||
	    put(arg, text, (size_t)n, err) != 0 ||
	    dump_payload_each(c->payload, put, arg, err) != 0)
		return -1;
	return put(arg, c->tail.data, c->tail.len, err);
}

int
restore_subject_in(const struct restore_subject *s, struct err *err)
{
	struct buf shown;

	switch (s->what) {
	case RESTORE_SELECT:
		return err_in(err, "selecting database %u", (unsigned)s->db);
	case RESTORE_PING:
		return err_in(err, "keeping a connection");
	case RESTORE_FUNCTION:
		return err_in(err, "restoring functions");
	case RESTORE_KEY:
	case RESTORE_VALUE:
	case RESTORE_CLAIM:
	case RESTORE_SHOW:
	case RESTORE_SHOW_EXPIRING:
	case RESTORE_BATCH:
	case RESTORE_REMOVE:
		break;
	}
	buf_init(&shown, 1024);
	key_show(&shown, s->name, s->name_len);
	err_in(err, "%s key '%.200s%s' of database %u",
	    s->what == RESTORE_REMOVE ? "removing" : "restoring", shown.data,
	    s->name_len == RESTORE_NAME_KEPT ? "..." : "", (unsigned)s->db);
	buf_release(&shown);
	return -1;
}

int
restore_subject_refused(
    const struct restore_subject *s, const char *reply, struct err *err)
{
	redis_error_set(err, reply);
	if (strcmp(err->code, "MOVED") == 0 || strcmp(err->code, "ASK") == 0 ||
	    strstr(err->text, "Bad data format") != NULL ||
	    strstr(err->text, "DUMP payload version") != NULL)
		err->kind = ERR_UNSUPPORTED;
	return restore_subject_in(s, err);
}
