/*
 * Any reply as a map of a cluster, by both parsers.  What is taken must hold
 * together: each slot's owner is a shard, and each shard has a primary and the
 * slots that it says.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"
#include "rdb/cluster_map.h"
#include "rdb/resp_guard.h"
#include "rdb/slot_set.h"

#define REPLY_MAX ((size_t)1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
check(struct cluster_map *m)
{
	unsigned all = 0;

	for (size_t i = 0; i < m->nshards; i++) {
		const struct cluster_shard *s = &m->shards[i];
		struct slot_range r;
		unsigned n = 0;

		assert(s->nnodes > 0 && s->nslots > 0);
		for (size_t k = 0; k < s->nnodes; k++)
			assert(s->nodes[k].address.host[0] != '\0' &&
			    s->nodes[k].address.port > 0);
		for (bool more = cluster_map_next(m, i, NULL, &r); more;
		     more = cluster_map_next(m, i, &r, &r))
			n += r.to - r.from + 1U;
		assert(n == s->nslots);
		all += n;
	}
	assert(all == m->nslots);
	assert(m->nshards == 0 || strlen(m->name) > 0);
	cluster_map_free(m);
}

static void
parse(const redisReply *r)
{
	const struct redis_address asked = {.host = (char *)"h", .port = 1};
	struct err err = {0};
	struct cluster_map *m = cluster_map_parse_shards(r, &asked, &err);

	if (m != NULL)
		check(m);
	m = cluster_map_parse_slots(r, &asked, &err);
	if (m != NULL)
		check(m);
	else
		assert(err.kind == ERR_CORRUPT || err.kind == ERR_UNSUPPORTED);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	redisReader *reader = redisReaderCreate();
	struct resp_guard guard;
	struct err err = {0};
	void *r = NULL;
	size_t taken;
	bool done;

	assert(reader != NULL);
	resp_guard_init(&guard, REPLY_MAX);
	if (size > 0 &&
	    resp_guard_scan(&guard, data, size, &taken, &done, &err) == 0 &&
	    done &&
	    redisReaderFeed(reader, (const char *)data, taken) == REDIS_OK &&
	    redisReaderGetReply(reader, &r) == REDIS_OK && r != NULL) {
		parse(r);
		freeReplyObject(r);
	}
	redisReaderFree(reader);
	return 0;
}
