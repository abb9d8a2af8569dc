/*
 * The guard and hiredis behind it, fed in pieces.  The first byte says how
 * big the pieces are.  The two must agree on where each reply ends, and
 * nothing that a length declares may be allocated (-rss_limit_mb sees to it).
 */
#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <hiredis/hiredis.h>

#include "base/err.h"
#include "rdb/resp_guard.h"

#define REPLY_MAX ((size_t)1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* False when the input is over: one of the two refused it. */
static bool
feed(struct resp_guard *g, redisReader *r, const uint8_t *p, size_t n)
{
	struct err err = {0};
	void *reply = NULL;
	size_t taken;
	bool done;

	for (; n > 0; p += taken, n -= taken) {
		if (resp_guard_scan(g, p, n, &taken, &done, &err) != 0) {
			assert(err.kind == ERR_CORRUPT);
			return false;
		}
		assert(taken > 0 && taken <= n);
		assert(done || taken == n);
		if (redisReaderFeed(r, (const char *)p, taken) != REDIS_OK ||
		    redisReaderGetReply(r, &reply) != REDIS_OK)
			return false;
		assert(done == (reply != NULL));
		if (reply != NULL)
			freeReplyObject(reply);
		assert(!done || r->len == r->pos);
	}
	return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct resp_guard g;
	redisReader *r = redisReaderCreate();
	size_t step = size > 0 && data[0] != 0 ? data[0] : size;

	assert(r != NULL);
	resp_guard_init(&g, REPLY_MAX);
	for (size_t i = 1; i < size; i += step) {
		size_t n = size - i < step ? size - i : step;

		if (!feed(&g, r, data + i, n))
			break;
	}
	redisReaderFree(r);
	return 0;
}
