/*
 * scan_server.h -- the server that is scanned, and the connections to it.
 *
 * They must be one server's: behind a name there may be several.
 */
#ifndef RDB_SCAN_SERVER_H
#define RDB_SCAN_SERVER_H

#include <stdbool.h>

#include "rdb/redis_info.h"
#include "rdb/redis_target.h"
#include "rdb/scan_pipe.h"

struct err;
struct redis_conn;
struct redis_opts;
struct scope;

struct scan_server {
	struct redis_info info;
	struct redis_conn *walk, *fetch; /* keys, and their values */
	struct redis_address address;	 /* of the target's hosts, borrowed */
	const char *user;
};

/*
 * Chooses among hosts as sync_dump() does.  ERR_UNSUPPORTED for one that does
 * not tell its version, ERR_TRANSIENT where another server answers each time.
 * To be closed also when it fails; it begins as zeros.
 */
int scan_server_open(struct scan_server *, const struct redis_target *,
    const struct redis_opts *, const struct scope *, struct err *);
void scan_server_close(struct scan_server *);

/* One more, the caller's to free. */
struct redis_conn *scan_server_connect(const struct scan_server *,
    const struct redis_opts *, const struct scope *, struct err *);

/* What of its keys' use it can tell, and whether its TIME. */
enum scan_usage
scan_server_usage(const struct scan_server *, const struct scope *);
bool scan_server_tells_time(const struct scan_server *, const struct scope *);

#endif
