/*
 * rdb_json.h -- a dump as the JSON that librdb writes of it.
 *
 * What has expired is left out of the databases.  Text ends at its first
 * zero byte.
 */
#ifndef TESTS_SIM_RDB_JSON_H
#define TESTS_SIM_RDB_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include <cjson/cJSON.h>

struct rdb_json {
	cJSON *dbs;  /* an array of objects, one for each database in use */
	cJSON *past; /* the keys that have expired */
	cJSON *aux, *functions;
	cJSON *dbsize; /* of the last database that tells it; else NULL */
	cJSON *slots;  /* by number, what lies in each as its keys have it */
};

/*
 * With streams: their groups and all else; otherwise their entries alone.
 * Fails the test when the dump cannot be read.
 */
void
rdb_json_read(struct rdb_json *, const void *data, size_t len, bool streams);
void rdb_json_release(struct rdb_json *);

#endif
