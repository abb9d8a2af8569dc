#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/xalloc.h"
#include "rdb/arg_spool.h"
#include "rdb/cluster_slot.h"
#include "rdb/rdb_reader.h"
#include "rdb/slot_tags.h"
#include "rdb/value_carry.h"
#include "rdb/value_stream.h"
#include "rdb/value_writer.h"

#include "rdb/value_commands.h"

/* A command is sent when it has so much; one element may be more. */
#define BATCH_BYTES ((size_t)256 << 10)
#define BATCH_ARGS  1024

#define VERSION_HSET_MANY 40000 /* HMSET does it before */

struct value_commands {
	struct rdb_visitor visitor;
	struct value_writer w;
	struct slot_tags *tags;
	struct value_stream *stream;
	const char *prefix; /* NULL: the key itself is written */
	char temp[VALUE_TEMP_MAX];

	enum rdb_kind kind;
	struct buf name;
	int64_t expires_ms;
	/* When all fields of a hash expire, the last one takes the key. */
	uint64_t fields, expiring;
	uint64_t sent; /* bytes of a string */
};

static struct value_commands *
commands_of(struct rdb_visitor *v)
{
	return (struct value_commands *)v;
}

static void
choose_key(struct value_commands *c)
{
	char tag[SLOT_TAG_MAX];

	c->w.key = c->name.data;
	c->w.key_len = c->name.len;
	if (c->prefix == NULL)
		return;
	slot_tag(c->tags, cluster_slot(c->name.data, c->name.len), tag);
	snprintf(c->temp, sizeof(c->temp), "%.*s%s", VALUE_PREFIX_MAX,
	    c->prefix, tag);
	c->w.key = c->temp;
	c->w.key_len = strlen(c->temp);
}

/* Of both names: while their slot is on its way this is refused, as RENAME would
 * be at the end. */
static int
clear_names(struct value_commands *c, struct err *err)
{
	bool two = c->prefix != NULL;

	value_begin(&c->w, two ? 3 : 2, "DEL");
	if (two)
		value_arg(&c->w, c->name.data, c->name.len);
	return value_send(&c->w, VALUE_WRITE, err);
}

static int
on_key(struct rdb_visitor *v, const struct rdb_key *k, struct err *err)
{
	struct value_commands *c = commands_of(v);
	const char *why = value_carry_refuse(k->type, &c->w.server);

	if (why != NULL)
		return err_set(
		    err, ERR_UNSUPPORTED, "commands do not write %s", why);
	buf_truncate(&c->name, 0);
	buf_add(&c->name, k->name, k->name_len);
	c->kind = k->kind;
	c->expires_ms = k->expires_ms;
	c->fields = c->expiring = 0;
	c->sent = 0;
	if (k->idle_s >= 0 || k->lfu >= 0)
		c->w.lost |= 1U << VALUE_LOST_ACCESS;
	choose_key(c);
	if (k->kind == RDB_STREAM)
		value_stream_begin(c->stream);
	if (clear_names(c, err) != 0)
		return -1;
	c->w.commands = 0;
	return arg_spool_clear(c->w.args, err);
}

static const char *
verb_of(const struct value_commands *c)
{
	switch (c->kind) {
	case RDB_LIST:
		return "RPUSH";
	case RDB_SET:
		return "SADD";
	case RDB_ZSET:
		return "ZADD";
	default:
		return c->w.server.version >= VERSION_HSET_MANY ? "HSET"
								: "HMSET";
	}
}

/* The elements that are gathered; the spool keeps them. */
static int
send_batch(struct value_commands *c, struct err *err)
{
	size_t n = arg_spool_count(c->w.args);
	/* A member is known before its score, which stands before it. */
	size_t swap = c->kind == RDB_ZSET;

	if (n == 0)
		return 0;
	value_begin(&c->w, 2 + n, verb_of(c));
	for (size_t i = 0; i < n; i++)
		if (value_put_spooled(&c->w, i ^ swap, err) != 0)
			return -1;
	return value_send(&c->w, VALUE_WRITE, err);
}

static int
flush_batch(struct value_commands *c, struct err *err)
{
	if (send_batch(c, err) != 0)
		return -1;
	return arg_spool_clear(c->w.args, err);
}

static int
send_string(struct value_commands *c, struct err *err)
{
	uint64_t n = arg_spool_at_hand(c->w.args);

	if (c->sent + n > c->w.server.string_max)
		return err_set(err, ERR_UNSUPPORTED,
		    "a string of over %" PRIu64
		    " bytes, which the server does not hold (by its "
		    "proto-max-bulk-len): load it by way of 'replica'",
		    c->w.server.string_max);
	if (arg_spool_end(c->w.args, err) != 0)
		return -1;
	value_begin(&c->w, 3, c->sent == 0 ? "SET" : "APPEND");
	c->sent += n;
	if (value_put_spooled(&c->w, 0, err) != 0 ||
	    value_send(&c->w, VALUE_WRITE, err) != 0)
		return -1;
	return arg_spool_clear(c->w.args, err);
}

static int
string_piece(struct value_commands *c, const unsigned char *p, size_t len,
    bool last, struct err *err)
{
	while (len > 0) {
		size_t n = BATCH_BYTES - (size_t)arg_spool_at_hand(c->w.args);

		n = n < len ? n : len;
		if (arg_spool_add(c->w.args, p, n, err) != 0)
			return -1;
		p += n;
		len -= n;
		if (arg_spool_at_hand(c->w.args) == BATCH_BYTES &&
		    send_string(c, err) != 0)
			return -1;
	}
	if (last && (c->sent == 0 || arg_spool_at_hand(c->w.args) > 0))
		return send_string(c, err);
	return 0;
}

/* Fields and values, members and scores stay together. */
static bool
begins_element(const struct value_commands *c, enum rdb_part part)
{
	return part != RDB_PART_VALUE && arg_spool_at_hand(c->w.args) == 0;
}

static int
on_piece(struct rdb_visitor *v, enum rdb_part part, const unsigned char *p,
    size_t len, bool last, struct err *err)
{
	struct value_commands *c = commands_of(v);
	struct arg_spool *args = c->w.args;

	if (part == RDB_PART_STRING)
		return string_piece(c, p, len, last, err);
	if (c->kind == RDB_STREAM)
		return value_stream_piece(c->stream, part, p, len, last, err);
	if (begins_element(c, part) &&
	    (arg_spool_bytes(args) >= BATCH_BYTES ||
		arg_spool_count(args) >= BATCH_ARGS) &&
	    flush_batch(c, err) != 0)
		return -1;
	c->fields += last && part == RDB_PART_FIELD;
	return value_gather(&c->w, p, len, last, err);
}

static int
on_score(struct rdb_visitor *v, double score, struct err *err)
{
	struct value_commands *c = commands_of(v);
	char text[32];
	int n = snprintf(text, sizeof(text), "%.17g", score);

	return value_gather(&c->w, (unsigned char *)text, (size_t)n, true, err);
}

/* Of the field that was gathered last; the hash must have it first. */
static int
on_field_expiry(struct rdb_visitor *v, int64_t expires_ms, struct err *err)
{
	struct value_commands *c = commands_of(v);

	c->expiring++;
	if (send_batch(c, err) != 0)
		return -1;
	value_begin(&c->w, 6, "HPEXPIREAT");
	value_number(&c->w, expires_ms);
	value_word(&c->w, "FIELDS");
	value_word(&c->w, "1");
	if (value_put_spooled(&c->w, arg_spool_count(c->w.args) - 2, err) !=
		0 ||
	    value_send(&c->w, VALUE_WRITE, err) != 0)
		return -1;
	return arg_spool_clear(c->w.args, err);
}

static int
on_entry(struct rdb_visitor *v, struct rdb_stream_id id, uint64_t fields,
    struct err *err)
{
	struct value_commands *c = commands_of(v);

	return value_stream_entry(c->stream, id, fields, err);
}

static int
on_fact(struct rdb_visitor *v, enum rdb_stream_fact fact,
    struct rdb_stream_id id, uint64_t n, int64_t ms, struct err *err)
{
	struct value_commands *c = commands_of(v);

	return value_stream_fact(c->stream, fact, id, n, ms, err);
}

/*
 * What was written becomes the key.  One command wrote all of it or nothing,
 * and then there is no temp to rename; of several one may have failed.
 */
static int
show(struct value_commands *c, struct err *err)
{
	bool expires = c->expires_ms != RDB_NO_EXPIRY;
	bool several = c->w.commands > 1;
	bool may_empty = c->expiring > 0 && c->expiring == c->fields;

	if (expires) {
		value_begin(&c->w, 3, "PEXPIREAT");
		value_number(&c->w, c->expires_ms);
		if (value_send(&c->w, VALUE_WRITE, err) != 0)
			return -1;
	}
	if (c->prefix == NULL)
		return 0;
	if (several && c->w.out.hold(c->w.out.arg, err) != 0)
		return -1;
	value_begin(&c->w, 3, "RENAME");
	value_arg(&c->w, c->name.data, c->name.len);
	return value_send(&c->w,
	    expires || may_empty ? VALUE_SHOW_EXPIRING : VALUE_SHOW, err);
}

static int
on_key_end(struct rdb_visitor *v, uint64_t raw_bytes, uint64_t elements,
    struct err *err)
{
	struct value_commands *c = commands_of(v);

	(void)raw_bytes;
	(void)elements;
	if (c->kind == RDB_STREAM && value_stream_end(c->stream, err) != 0)
		return -1;
	if (c->kind != RDB_STREAM && c->kind != RDB_STRING &&
	    flush_batch(c, err) != 0)
		return -1;
	return show(c, err);
}

static const struct rdb_visitor_ops visitor_ops = {
    .key_begin = on_key,
    .piece = on_piece,
    .score = on_score,
    .field_expiry = on_field_expiry,
    .stream_entry = on_entry,
    .stream_fact = on_fact,
    .key_end = on_key_end,
};

struct value_commands *
value_commands_new(
    const struct value_out *out, const struct value_server *server)
{
	struct value_commands *c = xcalloc(1, sizeof(*c));

	c->visitor.ops = &visitor_ops;
	value_writer_init(&c->w, out, server, 2 * BATCH_BYTES);
	c->tags = slot_tags_new();
	c->stream = value_stream_new(&c->w);
	buf_init(&c->name, SIZE_MAX / 2);
	return c;
}

void
value_commands_free(struct value_commands *c)
{
	if (c == NULL)
		return;
	value_stream_free(c->stream);
	slot_tags_free(c->tags);
	value_writer_release(&c->w);
	buf_release(&c->name);
	free(c);
}

struct rdb_visitor *
value_commands_visitor(struct value_commands *c)
{
	return &c->visitor;
}

void
value_commands_next(struct value_commands *c, const char *prefix)
{
	c->prefix = prefix;
}

const char *
value_commands_temp(const struct value_commands *c)
{
	return c->temp;
}

uint32_t
value_commands_lost(const struct value_commands *c)
{
	return c->w.lost;
}
