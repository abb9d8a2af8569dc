/*
 * replica_memory.h -- the book of a replication, in memory.
 *
 * For a command that has no ledger: what it holds ends with it, so that a
 * blob which is missing has been so since this run at the earliest.
 */
#ifndef STORAGE_REPLICA_MEMORY_H
#define STORAGE_REPLICA_MEMORY_H

struct replica_book;

struct replica_book *replica_memory_new(void);
void replica_memory_free(struct replica_book *); /* NULL is fine */

#endif
