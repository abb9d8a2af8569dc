/*
 * script_cluster.h -- a cluster of two shards, as far as a snapshot asks it.
 *
 * Two primaries, the lower and the upper half of the slots, and a replica of
 * the first when asked for; each answers whatever it is asked, in any order.
 * What it is to do wrong is set before it is asked anything.
 */
#ifndef TESTS_SIM_SCRIPT_CLUSTER_H
#define TESTS_SIM_SCRIPT_CLUSTER_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/buf.h"

struct script_server;

#define SCRIPT_CLUSTER_SHARDS 2
#define SCRIPT_CLUSTER_KEYS   40 /* "key:0" on, by their slots */

enum { NODE_LOW, NODE_HIGH, NODE_REPLICA, SCRIPT_CLUSTER_NODES };

struct script_node {
	struct script_cluster *cluster;
	struct script_server *server;
	int port;
	struct buf dump;
	const char *open_slots; /* " [7->-ID]" of CLUSTER NODES; or NULL */
	const char *refuses;	/* PSYNC is answered so; or NULL */
	unsigned cuts;		/* so many of its first dumps are cut short */
	unsigned behind;	/* a replica, for so many INFOs */
	unsigned stale;		/* so many of its first dumps are older */
	atomic_uint infos, dumps;
	atomic_uint infos_before; /* the first dump was asked for */
};

struct script_cluster {
	struct script_node nodes[SCRIPT_CLUSTER_NODES];
	bool has_replica;
	/* From this map on slot 0 is the other shard's, by the first's own
	 * words too; 0: never. */
	unsigned moved_at;
	bool at_odds; /* a primary says of a slot what the maps do not */
	atomic_uint maps;
};

void script_cluster_up(struct script_cluster *, bool replica);
void script_cluster_down(struct script_cluster *);

/* "redis://127.0.0.1:PORT" of the first; to be freed. */
char *script_cluster_url(const struct script_cluster *);

/* Its dump is made anew, with a key of this name and a library more. */
void script_cluster_add(
    struct script_cluster *, int node, const char *key, const char *library);

unsigned script_cluster_dumps(struct script_cluster *); /* of all nodes */

#endif
