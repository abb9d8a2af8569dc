#include <stdlib.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/xalloc.h"
#include "rdb/dump_payload.h"
#include "rdb/rdb_reader.h"
#include "rdb/value_carry.h"
#include "rdb/value_commands.h"
#include "rdb/value_replay.h"

#include "rdb/value_batch.h"

struct value_batch {
	struct value_commands *commands;
	struct value_replay *replay; /* NULL: anew */
	int version;
	bool valkey;
	struct buf bytes;
	uint32_t replies;
};

static int
put(void *arg, const void *data, size_t len, struct err *err)
{
	struct value_batch *b = arg;

	buf_add(&b->bytes, data, len);
	return buf_check(&b->bytes, "a transaction", err);
}

static int
end(void *arg, enum value_step step, struct err *err)
{
	struct value_batch *b = arg;

	(void)step;
	(void)err;
	b->replies++;
	return 0;
}

/* A transaction shows nothing before its end. */
static int
hold(void *arg, struct err *err)
{
	(void)arg;
	(void)err;
	return 0;
}

struct value_batch *
value_batch_new(const struct value_server *server, size_t bytes_max)
{
	struct value_batch *b = xcalloc(1, sizeof(*b));
	const struct value_out out = {put, end, hold, b};

	b->commands = value_commands_new(&out, server);
	buf_init(&b->bytes, bytes_max);
	return b;
}

void
value_batch_free(struct value_batch *b)
{
	if (b == NULL)
		return;
	value_replay_free(b->replay);
	value_commands_free(b->commands);
	buf_release(&b->bytes);
	free(b);
}

void
value_batch_dump(struct value_batch *b, int version, bool valkey)
{
	value_replay_free(b->replay);
	b->replay = NULL;
	b->version = version;
	b->valkey = valkey;
}

static int
add(void *arg, const void *data, size_t len, struct err *err)
{
	struct value_batch *b = arg;

	return value_replay_add(b->replay, data, len, err);
}

static int
write_value(struct value_batch *b, const struct rdb_key *k,
    struct dump_payload *payload, struct err *err)
{
	if (b->replay == NULL)
		b->replay = value_replay_new(
		    b->version, b->valkey, value_commands_visitor(b->commands));
	value_commands_next(b->commands, NULL);
	if (b->bytes.overflowed)
		buf_release(&b->bytes);
	buf_truncate(&b->bytes, 0);
	b->replies = 2;
	buf_adds(&b->bytes, "*1\r\n$5\r\nMULTI\r\n");
	if (value_replay_begin(b->replay, k, err) != 0 ||
	    dump_payload_value(payload, add, b, err) != 0)
		return -1;
	return put(b, "*1\r\n$4\r\nEXEC\r\n", 14, err);
}

int
value_batch_make(struct value_batch *b, const struct rdb_key *k,
    struct dump_payload *payload, bool *fits, struct err *err)
{
	*fits = dump_payload_size(payload) <= b->bytes.max;
	if (!*fits || write_value(b, k, payload, err) == 0)
		return 0;
	/* The reader stands in the midst of a value. */
	value_batch_dump(b, b->version, b->valkey);
	*fits = false;
	if (!b->bytes.overflowed)
		return -1;
	*err = (struct err){0};
	return 0;
}

const void *
value_batch_bytes(const struct value_batch *b, size_t *len)
{
	*len = b->bytes.len;
	return b->bytes.data;
}

uint32_t
value_batch_replies(const struct value_batch *b)
{
	return b->replies;
}

uint32_t
value_batch_lost(const struct value_batch *b)
{
	return value_commands_lost(b->commands);
}
