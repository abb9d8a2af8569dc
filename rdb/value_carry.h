/*
 * value_carry.h -- what plain commands can carry to a server, and what not.
 */
#ifndef RDB_VALUE_CARRY_H
#define RDB_VALUE_CARRY_H

#include <stdbool.h>
#include <stdint.h>

struct value_server {
	int version; /* 70015 */
	bool valkey;
	/* Bytes that it takes in an argument, by which of its settings, and
	 * in a string, which no command makes longer than proto-max-bulk-len.
	 */
	uint64_t arg_max, string_max;
	const char *arg_setting;
};

/* NULL when values of this RDB type can be written by commands, else why not:
 * "data of a module". */
const char *value_carry_refuse(uint8_t type, const struct value_server *);

/* What is lost of those that can. */
enum value_loss {
	VALUE_LOST_ACCESS,   /* idle times and frequencies, of LRU and LFU */
	VALUE_LOST_SEEN,     /* when consumers were seen and active */
	VALUE_LOST_COUNTERS, /* of streams, before Redis 7.0 */
	VALUE_LOST_CONSUMER, /* with nothing pending, before Redis 6.2 */
	VALUE_LOST_PENDING,  /* of deleted entries, from Redis 7.0 on */
	VALUE_LOSSES
};

#define VALUE_LOST_MAX 256

/* These bits in words: "counters of streams, ..."; returns out. */
const char *value_carry_lost(uint32_t lost, char out[VALUE_LOST_MAX]);

#endif
