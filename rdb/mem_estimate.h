/*
 * mem_estimate.h -- about what each key of a dump takes in a server's memory.
 *
 * A visitor, in bounded memory: lengths and counts, no values.  The server is
 * a Redis 7.0, 64 bit, with jemalloc and the default thresholds of encodings,
 * that has just loaded the dump; its used_memory is what is estimated, so the
 * sum of all keys is what a DR Redis needs for them.  Blocks that the dump has
 * as they are in memory (listpacks, intsets, a list's nodes) count as they
 * are; what stands there element by element gets the encoding which that
 * server would choose.  A module's value counts as its bytes in the dump.
 *
 * tests/unit/test_mem_estimate.c holds it within 1 % of a real server's
 * used_memory for each type and encoding, and within 15 % of MEMORY USAGE,
 * which does not round entries up to what the allocator gives; with streams'
 * radix trees that command only guesses.  A server that was written to for
 * long takes more (tables and strings with room to grow, fragments).
 *
 * Facts: redis/src/{object,rdb,server,dict,quicklist,stream,t_zset}.{h,c} of
 * 7.0.
 */
#ifndef RDB_MEM_ESTIMATE_H
#define RDB_MEM_ESTIMATE_H

#include <stdint.h>

struct mem_estimate;
struct rdb_visitor;

/* quantum: of the server's jemalloc, see mem_size.h. */
struct mem_estimate *mem_estimate_new(unsigned quantum);
void mem_estimate_free(struct mem_estimate *);
struct rdb_visitor *mem_estimate_visitor(struct mem_estimate *);

/* Of the key that ended last, as visitors see that are added after this. */
uint64_t mem_estimate_bytes(const struct mem_estimate *);

/*
 * What of it the database's own tables take: entries for the key and its
 * expiry, and their share of the slots.  Of this, MEMORY USAGE counts the
 * key's entry alone, as 24 bytes.
 */
uint64_t mem_estimate_entries(const struct mem_estimate *);

#endif
