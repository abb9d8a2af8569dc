/* redis_info.h -- what a server says of itself, as far as we need it. */
#ifndef RDB_REDIS_INFO_H
#define RDB_REDIS_INFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct redis_conn;
struct scope;

#define REDIS_DBS_MAX 1024

struct redis_info {
	char version[32];   /* "7.0.15" */
	int version_number; /* 70015 */
	bool valkey;
	char run_id[64];
	bool is_replica, link_up;
	bool cluster, loading, bgsave_running;
	char master_host[256];
	int master_port;
	char replid[64];
	uint64_t offset;
	uint64_t used_memory, maxmemory; /* maxmemory 0: none */
	uint64_t system_memory;		 /* of its machine; 0: not told */
	uint64_t keys, expires;		 /* of all databases */
	uint32_t db_max_used;
	int databases; /* CONFIG; 0: not to be had */
};

int redis_info_get(struct redis_conn *, const struct scope *,
    struct redis_info *, struct err *);

/* The RDB version this server writes and loads at most. */
int redis_info_rdb_version(const struct redis_info *);

#endif
