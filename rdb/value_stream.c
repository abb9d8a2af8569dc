#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/xalloc.h"
#include "rdb/arg_spool.h"
#include "rdb/pending_list.h"
#include "rdb/value_writer.h"

#include "rdb/value_stream.h"

#define VERSION_CREATECONSUMER 60200
#define VERSION_COUNTERS       70000 /* ENTRIESADDED, ENTRIESREAD and more */

/* Of a group or a consumer; it stands in a command of each pending entry. */

struct value_stream {
	struct value_writer *w;

	struct rdb_stream_id entry; /* under way */
	uint64_t args_to_come;
	bool empty;

	bool head_due; /* what stands behind the entries is not sent yet */
	struct rdb_stream_id last_id, max_deleted;
	uint64_t added;
	bool counted; /* added and max_deleted are known */

	struct buf group, consumer;
	bool group_due; /* not created yet, for its facts come behind */
	struct rdb_stream_id group_last;
	int64_t entries_read;
	bool has_read;
	struct pending_list *pending; /* of the group */

	bool naming; /* a group's or consumer's name is under way */
	bool consumer_open;
	uint64_t owned;
};

struct value_stream *
value_stream_new(struct value_writer *w)
{
	struct value_stream *s = xcalloc(1, sizeof(*s));

	s->w = w;
	s->pending = pending_list_new();
	buf_init(&s->group, VALUE_LABEL_MAX);
	buf_init(&s->consumer, VALUE_LABEL_MAX);
	return s;
}

void
value_stream_free(struct value_stream *s)
{
	if (s == NULL)
		return;
	pending_list_free(s->pending);
	buf_release(&s->group);
	buf_release(&s->consumer);
	free(s);
}

void
value_stream_begin(struct value_stream *s)
{
	s->args_to_come = 0;
	s->empty = s->head_due = true;
	s->counted = s->group_due = s->naming = s->consumer_open = false;
}

int
value_stream_entry(struct value_stream *s, struct rdb_stream_id id,
    uint64_t fields, struct err *err)
{
	if (fields == 0)
		return err_set(err, ERR_CORRUPT, "a stream entry of 0 fields");
	if (fields > VALUE_FIELDS_MAX)
		return err_set(err, ERR_UNSUPPORTED,
		    "a stream entry of %" PRIu64
		    " fields, which no command of ours brings: load it by way "
		    "of 'replica'",
		    fields);
	s->entry = id;
	s->args_to_come = 2 * fields;
	s->empty = false;
	return arg_spool_clear(s->w->args, err);
}

static int
send_entry(struct value_stream *s, struct err *err)
{
	size_t n = arg_spool_count(s->w->args);

	value_begin(s->w, 3 + n, "XADD");
	value_id(s->w, s->entry);
	for (size_t i = 0; i < n; i++)
		if (value_put_spooled(s->w, i, err) != 0)
			return -1;
	return value_send(s->w, VALUE_WRITE, err);
}

/* A stream without entries is one whose only entry was trimmed. */
static int
make_empty(struct value_stream *s, struct err *err)
{
	value_begin(s->w, 7, "XADD");
	value_word(s->w, "MAXLEN");
	value_word(s->w, "0");
	value_word(s->w, "0-1");
	value_word(s->w, "x");
	value_word(s->w, "y");
	return value_send(s->w, VALUE_WRITE, err);
}

/* That it is too long is no fault of the dump. */
static int
check_name(const struct buf *name, const char *whose, struct err *err)
{
	if (!name->overflowed)
		return 0;
	return err_set(err, ERR_UNSUPPORTED,
	    "a %s's name of over %zu bytes, which no command of ours brings: "
	    "load it by way of 'replica'",
	    whose, VALUE_LABEL_MAX);
}

static int
settle_head(struct value_stream *s, struct err *err)
{
	bool counters = s->counted && s->w->server.version >= VERSION_COUNTERS;

	if (!s->head_due)
		return 0;
	s->head_due = false;
	if (s->empty && make_empty(s, err) != 0)
		return -1;
	if (s->counted && !counters)
		s->w->lost |= 1U << VALUE_LOST_COUNTERS;
	value_begin(s->w, counters ? 7 : 3, "XSETID");
	value_id(s->w, s->last_id);
	if (counters) {
		value_word(s->w, "ENTRIESADDED");
		value_number(s->w, (int64_t)s->added);
		value_word(s->w, "MAXDELETEDID");
		value_id(s->w, s->max_deleted);
	}
	return value_send(s->w, VALUE_WRITE, err);
}

static int
settle_group(struct value_stream *s, struct err *err)
{
	bool read = s->has_read && s->w->server.version >= VERSION_COUNTERS;

	if (!s->group_due)
		return 0;
	s->group_due = false;
	value_begin_sub(s->w, read ? 7 : 5, "XGROUP", "CREATE");
	value_arg(s->w, s->group.data, s->group.len);
	value_id(s->w, s->group_last);
	if (read) {
		value_word(s->w, "ENTRIESREAD");
		value_number(s->w, s->entries_read);
	}
	return value_send(s->w, VALUE_WRITE, err);
}

/* An old server makes a consumer only with an entry that it gets. */
static void
close_consumer(struct value_stream *s)
{
	if (s->consumer_open && s->owned == 0 &&
	    s->w->server.version < VERSION_CREATECONSUMER)
		s->w->lost |= 1U << VALUE_LOST_CONSUMER;
	s->consumer_open = false;
}

static int
open_consumer(struct value_stream *s, struct err *err)
{
	if (check_name(&s->consumer, "consumer", err) != 0)
		return -1;
	s->consumer_open = true;
	s->owned = 0;
	s->w->lost |= 1U << VALUE_LOST_SEEN;
	if (s->w->server.version < VERSION_CREATECONSUMER)
		return 0;
	value_begin_sub(s->w, 5, "XGROUP", "CREATECONSUMER");
	value_arg(s->w, s->group.data, s->group.len);
	value_arg(s->w, s->consumer.data, s->consumer.len);
	return value_send(s->w, VALUE_WRITE, err);
}

static int
claim(struct value_stream *s, struct rdb_stream_id id, struct err *err)
{
	struct pending_entry e;

	if (pending_list_find(s->pending, id, &e, err) != 0)
		return -1;
	s->owned++;
	value_begin(s->w, 12, "XCLAIM");
	value_arg(s->w, s->group.data, s->group.len);
	value_arg(s->w, s->consumer.data, s->consumer.len);
	value_word(s->w, "0");
	value_id(s->w, id);
	value_word(s->w, "TIME");
	value_number(s->w, e.ms);
	value_word(s->w, "RETRYCOUNT");
	value_number(s->w, (int64_t)e.count);
	value_word(s->w, "JUSTID");
	value_word(s->w, "FORCE");
	return value_send(s->w, VALUE_CLAIM, err);
}

static int
begin_group(struct value_stream *s, struct err *err)
{
	close_consumer(s);
	if (settle_head(s, err) != 0 || settle_group(s, err) != 0)
		return -1;
	pending_list_clear(s->pending);
	buf_truncate(&s->group, 0);
	s->group_due = true;
	s->has_read = false;
	return 0;
}

static int
group_piece(struct value_stream *s, const unsigned char *p, size_t len,
    bool last, struct err *err)
{
	if (!s->naming && begin_group(s, err) != 0)
		return -1;
	s->naming = !last;
	buf_add(&s->group, p, len);
	return last ? check_name(&s->group, "group", err) : 0;
}

static int
consumer_piece(struct value_stream *s, const unsigned char *p, size_t len,
    bool last, struct err *err)
{
	if (!s->naming) {
		close_consumer(s);
		if (settle_group(s, err) != 0)
			return -1;
		buf_truncate(&s->consumer, 0);
	}
	s->naming = !last;
	buf_add(&s->consumer, p, len);
	return last ? open_consumer(s, err) : 0;
}

int
value_stream_piece(struct value_stream *s, enum rdb_part part,
    const unsigned char *p, size_t len, bool last, struct err *err)
{
	if (part == RDB_PART_GROUP)
		return group_piece(s, p, len, last, err);
	if (part == RDB_PART_CONSUMER)
		return consumer_piece(s, p, len, last, err);
	if (value_gather(s->w, p, len, last, err) != 0)
		return -1;
	return last && --s->args_to_come == 0 ? send_entry(s, err) : 0;
}

int
value_stream_fact(struct value_stream *s, enum rdb_stream_fact fact,
    struct rdb_stream_id id, uint64_t n, int64_t ms, struct err *err)
{
	const struct pending_entry e = {id, n, ms};

	switch (fact) {
	case RDB_STREAM_LAST_ID:
		s->last_id = id;
		return 0;
	case RDB_STREAM_MAX_DELETED:
		s->max_deleted = id;
		return 0;
	case RDB_STREAM_ADDED:
		s->added = n;
		s->counted = true;
		return 0;
	case RDB_STREAM_GROUP_LAST:
		s->group_last = id;
		return 0;
	case RDB_STREAM_GROUP_READ:
		s->entries_read = (int64_t)n;
		s->has_read = true;
		return 0;
	case RDB_STREAM_PENDING:
		return pending_list_add(s->pending, &e, err);
	case RDB_STREAM_OWNED:
		return claim(s, id, err);
	case RDB_STREAM_LENGTH:
	case RDB_STREAM_FIRST_ID: /* the server finds both out itself */
	case RDB_STREAM_SEEN:
	case RDB_STREAM_ACTIVE:
		break;
	}
	return 0;
}

int
value_stream_end(struct value_stream *s, struct err *err)
{
	close_consumer(s);
	if (settle_head(s, err) != 0)
		return -1;
	return settle_group(s, err);
}
