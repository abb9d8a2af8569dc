/*
 * db_map.h -- a thing for each database that has one, found by its number.
 *
 * What is kept is the caller's, who frees it.  Zeros are an empty map.
 */
#ifndef RDB_DB_MAP_H
#define RDB_DB_MAP_H

#include <stddef.h>
#include <stdint.h>

struct db_entry {
	uint32_t db;
	void *value;
};

struct db_map {
	struct db_entry *list; /* ascending by db */
	size_t n;
};

void db_map_release(struct db_map *);

/* Index of the first database that is not below db; n past the last. */
size_t db_map_from(const struct db_map *, uint32_t db);

/* NULL: that database has none. */
void *db_map_get(const struct db_map *, uint32_t db);

/* For a database that has none yet. */
void db_map_put(struct db_map *, uint32_t db, void *value);

#endif
