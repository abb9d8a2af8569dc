/* crc64.h -- CRC-64/Jones as Redis uses it (ISA-L does the work). */
#ifndef RDB_CRC64_H
#define RDB_CRC64_H

#include <stddef.h>
#include <stdint.h>

/* Starts from 0; the check value of "123456789" is e9c6d914c4b8d9ca. */
uint64_t crc64(uint64_t crc, const void *, size_t);

#endif
