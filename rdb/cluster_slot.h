/*
 * cluster_slot.h -- in which of a cluster's hash slots a key lies.
 *
 * CRC16 of the name, or of what stands between its first '{' and the first
 * '}' after it when that is not empty (a hash tag), modulo 16384.  (Redis
 * cluster specification, "Key distribution model".)
 */
#ifndef RDB_CLUSTER_SLOT_H
#define RDB_CLUSTER_SLOT_H

#include <stddef.h>
#include <stdint.h>

#define CLUSTER_SLOTS 16384

uint16_t cluster_slot(const void *key, size_t len);

/* CRC16 of XMODEM: polynomial 0x1021, begun with 0, nothing reflected. */
uint16_t cluster_crc16(const void *, size_t);

#endif
