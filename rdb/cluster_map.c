#include <stdlib.h>

#include "base/err.h"
#include "rdb/redis_conn.h"
#include "rdb/slot_set.h"

#include "rdb/cluster_map_private.h"

void
cluster_shard_release(struct cluster_shard *s)
{
	for (size_t i = 0; i < s->nnodes; i++)
		free(s->nodes[i].address.host);
	free(s->nodes);
}

void
cluster_map_free(struct cluster_map *m)
{
	if (m == NULL)
		return;
	for (size_t i = 0; i < m->nshards; i++)
		cluster_shard_release(&m->shards[i]);
	free(m->shards);
	free(m);
}

bool
cluster_map_next(const struct cluster_map *m, size_t shard,
    const struct slot_range *after, struct slot_range *out)
{
	unsigned i = after != NULL ? after->to + 1U : 0;

	while (i < CLUSTER_SLOTS && m->owner[i] != shard)
		i++;
	if (i == CLUSTER_SLOTS)
		return false;
	*out = (struct slot_range){.from = (uint16_t)i};
	while (i + 1 < CLUSTER_SLOTS && m->owner[i + 1] == shard)
		i++;
	out->to = (uint16_t)i;
	return true;
}

typedef struct cluster_map *
parse_fn(const redisReply *, const struct redis_address *, struct err *);

static struct cluster_map *
ask(struct redis_conn *c, const char *command, parse_fn *parse,
    const struct redis_address *asked, const struct scope *scope,
    struct err *err)
{
	struct cluster_map *m;
	redisReply *r;

	err->code[0] = '\0';
	r = redis_command(c, scope, err, command);
	if (r == NULL)
		return NULL;
	m = parse(r, asked, err);
	freeReplyObject(r);
	if (m == NULL)
		err_in(err, "'%s'", redis_conn_name(c));
	return m;
}

struct cluster_map *
cluster_map_ask(struct redis_conn *c, const struct redis_address *asked,
    const struct scope *scope, struct err *err)
{
	struct cluster_map *m = ask(
	    c, "CLUSTER SHARDS", cluster_map_parse_shards, asked, scope, err);

	/* An answer, if only that it does not know, or grant, this one. */
	if (m == NULL && err->code[0] != '\0')
		m = ask(c, "CLUSTER SLOTS", cluster_map_parse_slots, asked,
		    scope, err);
	return m;
}
