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
	bool cluster, loading;
	/* A child of it that saves, rewrites the AOF or is a module's. */
	bool bgsave_running, aof_rewrite_running, module_fork_running;
	bool save_failed; /* the last one to its own file */
	char master_host[256];
	int master_port;
	char replid[64];
	/* Whose history it went on with: a promoted replica its primary's, a
	 * primary since Redis 7.0 that of the dump that it was started from;
	 * "" for nobody's. */
	char replid2[64];
	uint64_t offset;
	uint64_t used_memory, maxmemory; /* maxmemory 0: none */
	uint64_t used_memory_rss;	 /* as the system counts it */
	uint64_t system_memory;		 /* of its machine; 0: not told */
	uint64_t last_cow;		 /* bytes that the last save copied */
	uint64_t fork_us;		 /* the last fork stopped it so long */
	bool tells_forks;		 /* from Redis 6.2 */
	uint64_t forks;			 /* since its start */
	uint64_t keys, expires;		 /* of all databases */
	uint64_t fields_expire; /* keys with fields that do; Valkey 9 */
	uint32_t db_max_used;
	int databases; /* CONFIG; 0: not to be had */
};

int redis_info_get(struct redis_conn *, const struct scope *,
    struct redis_info *, struct err *);

/* The RDB version this server writes and loads at most. */
int redis_info_rdb_version(const struct redis_info *);

/* Whether it loads what came with this RDB version. */
bool redis_info_loads_rdb(const struct redis_info *, int version);

#endif
