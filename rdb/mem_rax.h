/*
 * mem_rax.h -- what a radix tree of stream ids takes, from the ids alone.
 *
 * A stream's nodes and its pending entries are trees with keys of 16 bytes,
 * which a dump tells in ascending order.  Then only the path to the last key
 * can still change, so 16 counts are all that is kept, whatever the number of
 * keys.
 *
 * Facts: redis/src/rax.{h,c} of 7.0: raxNodeCurrentLength(), raxPadding(); a
 * chain of single children is one compressed node.
 */
#ifndef RDB_MEM_RAX_H
#define RDB_MEM_RAX_H

#include <stdbool.h>
#include <stdint.h>

#include "rdb/rdb_reader.h"

#define MEM_RAX_KEY 16
#define MEM_RAX	    24 /* sizeof(struct rax) */

struct mem_rax {
	unsigned quantum;
	bool any;
	unsigned char last[MEM_RAX_KEY];
	uint16_t children[MEM_RAX_KEY]; /* of the nodes on the path to last */
	uint64_t bytes;			/* of the nodes that are final */
};

void mem_rax_init(struct mem_rax *, unsigned quantum);
void mem_rax_add(struct mem_rax *, struct rdb_stream_id);

/* Bytes of the tree, which is empty again. */
uint64_t mem_rax_take(struct mem_rax *);

/* What one name of len bytes takes in a tree of names, more or less. */
uint64_t mem_rax_name(unsigned quantum, uint64_t len);

#endif
