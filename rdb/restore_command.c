#include <inttypes.h>
#include <stdio.h>

#include "base/err.h"
#include "base/scope.h"
#include "rdb/dump_payload.h"
#include "rdb/rdb_reader.h"
#include "rdb/restore_pipe.h"

#include "rdb/restore_command.h"

#define VERSION_ABSTTL 50000

static int
put(const struct restore_command *c, const void *data, size_t len,
    struct err *err)
{
	return restore_pipe_add(c->pipe, c->scope, data, len, err);
}

static int
put_piece(void *arg, const void *data, size_t len, struct err *err)
{
	return put(arg, data, len, err);
}

int
restore_put_head(const struct restore_command *c, const struct rdb_key *k,
    bool *expired, struct err *err)
{
	bool absttl = c->version >= VERSION_ABSTTL;
	bool lru = absttl && (k->idle_s >= 0 || k->lfu >= 0);
	int64_t ttl = 0;
	char number[24], text[128];
	int n;

	*expired = false;
	if (k->expires_ms != RDB_NO_EXPIRY) {
		int64_t now_ms = scope_wall_ms(c->scope);

		*expired = k->expires_ms <= now_ms;
		ttl = absttl ? k->expires_ms : k->expires_ms - now_ms;
		/* 0 means never, and less is an error: long past instead. */
		ttl = ttl > 0 ? ttl : 1;
	}
	n = snprintf(text, sizeof(text), "*%d\r\n$7\r\nRESTORE\r\n$%zu\r\n",
	    5 + absttl + 2 * lru, k->name_len);
	if (put(c, text, (size_t)n, err) != 0 ||
	    put(c, k->name, k->name_len, err) != 0)
		return -1;
	n = snprintf(number, sizeof(number), "%" PRId64, ttl);
	n = snprintf(text, sizeof(text), "\r\n$%d\r\n%s\r\n", n, number);
	return put(c, text, (size_t)n, err);
}

int
restore_put_payload(
    const struct restore_command *c, struct dump_payload *p, struct err *err)
{
	char text[32];
	int n = snprintf(
	    text, sizeof(text), "$%" PRIu64 "\r\n", dump_payload_size(p));

	if (put(c, text, (size_t)n, err) != 0 ||
	    dump_payload_each(p, put_piece, (void *)c, err) != 0)
		return -1;
	return put(c, "\r\n", 2, err);
}

int
restore_put_options(
    const struct restore_command *c, const struct rdb_key *k, struct err *err)
{
	char number[24], text[128];
	int n;

	if (put(c, "$7\r\nREPLACE\r\n", 13, err) != 0)
		return -1;
	if (c->version < VERSION_ABSTTL)
		return 0;
	if (put(c, "$6\r\nABSTTL\r\n", 12, err) != 0)
		return -1;
	/* A server takes one of the two, and ignores the one that its policy
	 * has no use for. */
	if (k->idle_s >= 0) {
		n = snprintf(number, sizeof(number), "%" PRId64, k->idle_s);
		n = snprintf(text, sizeof(text),
		    "$8\r\nIDLETIME\r\n$%d\r\n%s\r\n", n, number);
	} else if (k->lfu >= 0) {
		n = snprintf(number, sizeof(number), "%d", k->lfu);
		n = snprintf(text, sizeof(text), "$4\r\nFREQ\r\n$%d\r\n%s\r\n",
		    n, number);
	} else {
		return 0;
	}
	return put(c, text, (size_t)n, err);
}
