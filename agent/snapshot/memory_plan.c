#include "base/chunk.h"

#include "agent/snapshot/memory_plan.h"

/*
 * Each chunk granted costs a little over 4 MiB: what the encoder makes of it
 * and the deflater's own, the source's chunk behind it, and one in the spool.
 * As much again is left for the transfers, and for what a run takes anyhow.
 */
#define FIXED_BYTES ((size_t)16 << 20)
#define EACH_BYTES  (9 * CHUNK_SIZE)

#define CHUNKS_LEAST 2
#define CHUNKS_MOST  16

unsigned
memory_plan_chunks(size_t budget_bytes)
{
	size_t n;

	if (budget_bytes < FIXED_BYTES + CHUNKS_LEAST * EACH_BYTES)
		return CHUNKS_LEAST;
	n = (budget_bytes - FIXED_BYTES) / EACH_BYTES;
	return n < CHUNKS_MOST ? (unsigned)n : CHUNKS_MOST;
}
