#include "base/err.h"
#include "rdb/cluster_map.h"

#include "agent/snapshot/slot_check.h"

static int
on_key(struct rdb_visitor *v, const struct rdb_key *key, struct err *err)
{
	struct slot_check *c = (struct slot_check *)v;
	unsigned slot = cluster_slot(key->name, key->name_len);

	if (c->map->owner[slot] == c->shard)
		return 0;
	c->strayed = true;
	return err_set(err, ERR_CORRUPT,
	    "it has keys of slot %u, which is another shard's: slots are being "
	    "moved",
	    slot);
}

static const struct rdb_visitor_ops check_ops = {
    .key_begin = on_key,
};

void
slot_check_init(
    struct slot_check *c, const struct cluster_map *map, size_t shard)
{
	*c = (struct slot_check){
	    .visitor = {.ops = &check_ops},
	    .map = map,
	    .shard = shard,
	};
}
