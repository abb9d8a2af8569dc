/*
 * cluster_map.h -- which servers of a cluster hold which of its hash slots.
 *
 * As one node tells it: by CLUSTER SHARDS (Redis 7.0), else by CLUSTER SLOTS.
 * A node may not know yet what has changed elsewhere, so a map is where to
 * begin: what a server then says by MOVED goes over it.
 */
#ifndef RDB_CLUSTER_MAP_H
#define RDB_CLUSTER_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hiredis/hiredis.h>

#include "rdb/cluster_slot.h"
#include "rdb/redis_target.h"

struct err;
struct redis_conn;
struct scope;
struct slot_range;

#define CLUSTER_NODES_MAX 4096 /* Redis advises against over 1,000 */
#define CLUSTER_NO_SHARD  UINT16_MAX

enum cluster_health {
	CLUSTER_ONLINE,
	CLUSTER_LOADING, /* a replica that has nothing from its primary yet */
	CLUSTER_FAILED,
};

struct cluster_node {
	struct redis_address address; /* where clients are to connect */
	char id[41];		      /* stays when the address changes; "" from
				       * servers that do not tell it */
	enum cluster_health health;   /* SLOTS leaves out the failed ones */
};

struct cluster_shard {
	struct cluster_node *nodes; /* its primary is the first */
	size_t nnodes;
	unsigned nslots;
};

struct cluster_map {
	/* Those that have slots, by their lowest one. */
	struct cluster_shard *shards;
	size_t nshards;
	/* Index of the shard, or CLUSTER_NO_SHARD.  After a failover it is the
	 * same, after slots were moved from shard to shard it is not. */
	uint16_t owner[CLUSTER_SLOTS];
	unsigned nslots; /* that have an owner */
	/* The least "host:port" of all nodes, whichever of them was asked. */
	char name[300];
};

/*
 * asked is where the connection goes: its host stands for an address that is
 * not announced, its TLS decides which port is meant.  ERR_UNSUPPORTED for
 * nodes that have no port of that kind; ERR_CORRUPT for a reply that makes no
 * sense (two owners of one slot, say); a refusal as redis_error.h has it.
 * Slots that nobody owns are no failure.
 */
struct cluster_map *cluster_map_ask(struct redis_conn *,
    const struct redis_address *asked, const struct scope *, struct err *);
void cluster_map_free(struct cluster_map *);

/* The replies alone, whose own bytes are not kept. */
struct cluster_map *cluster_map_parse_shards(
    const redisReply *, const struct redis_address *asked, struct err *);
struct cluster_map *cluster_map_parse_slots(
    const redisReply *, const struct redis_address *asked, struct err *);

/* A shard's slots as ranges (of database 0), ascending: as slot_set_next(). */
bool cluster_map_next(const struct cluster_map *, size_t shard,
    const struct slot_range *after, struct slot_range *out);

#endif
