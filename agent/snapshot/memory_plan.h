/*
 * memory_plan.h -- what the stages of a run keep in memory, by how much the
 * process may have.
 *
 * With MEMORY_LEAST every run fits, whatever its codec at its default level,
 * with or without a cipher, from any source and with any number of requests
 * in flight: what transfers take follows what is left (storage/lanes.h).
 */
#ifndef AGENT_SNAPSHOT_MEMORY_PLAN_H
#define AGENT_SNAPSHOT_MEMORY_PLAN_H

#include <stddef.h>

#define MEMORY_LEAST ((size_t)64 << 20)

/* Chunks that a spool keeps in memory, or that an encoder works at. */
unsigned memory_plan_chunks(size_t budget_bytes);

#endif
