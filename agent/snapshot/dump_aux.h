/*
 * dump_aux.h -- what a dump's AUX fields say of its making.
 *
 * A visitor: add dump_aux_visitor() to the reader before the dump begins.
 */
#ifndef AGENT_SNAPSHOT_DUMP_AUX_H
#define AGENT_SNAPSHOT_DUMP_AUX_H

#include <stdint.h>

#include "rdb/rdb_reader.h"

struct dump_aux {
	struct rdb_visitor visitor;
	int64_t made_ms; /* by the server's clock, to the second; 0 unknown */
	char server[48]; /* "redis 7.0.15"; "" unknown */
	int64_t used_memory; /* of the server; 0 unknown */
};

void dump_aux_init(struct dump_aux *);

#endif
