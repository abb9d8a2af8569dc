/*
 * mem_size.h -- what Redis 7.0 (64 bit) asks its allocator for, and what
 * jemalloc gives.
 *
 * Facts: redis/src/{sds.h,listpack.c,dict.c,zmalloc.c} of 7.0; jemalloc's size
 * classes, four to a doubling ("SIZE CLASSES" in jemalloc(3)).
 */
#ifndef RDB_MEM_SIZE_H
#define RDB_MEM_SIZE_H

#include <stddef.h>
#include <stdint.h>

/* Steps between the smallest classes: --with-lg-quantum=3 in Redis' own build
 * (deps/Makefile); as jemalloc comes, and so in distributions' packages. */
#define MEM_QUANTUM_REDIS  8
#define MEM_QUANTUM_SYSTEM 16

/* What is given when n bytes are asked for. */
uint64_t mem_given(unsigned quantum, uint64_t n);

/* Header, text and NUL of a string of len bytes. */
uint64_t mem_sds(uint64_t len);

/* The slots of a hash table that was made for n entries. */
uint64_t mem_slots(uint64_t n);

/* An element of a listpack, and a listpack of elements that take this. */
uint64_t mem_listpack_text(uint64_t len);
uint64_t mem_listpack_integer(int64_t);
uint64_t mem_listpack(uint64_t elements_bytes);

/* Bytes of each element in an intset that holds both: 2, 4 or 8. */
unsigned mem_intset_width(int64_t least, int64_t most);

#endif
