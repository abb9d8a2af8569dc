#include <stddef.h>
#include <string.h>

#include "rdb/rdb_reader.h"

#include "rdb/rdb_compat.h"

_Static_assert(RDB_VERSION_VALKEY_MAX == 80,
    "'auto' announces the Valkey whose dumps the reader knows");

static const struct rdb_compat compats[] = {
    {"auto", "9.0.0", 0},
    {"newest", "255.255.255", 0}, /* the most that Valkey parses */
    {"redis-7.2", "7.2.0", 11},
};

const struct rdb_compat *
rdb_compat_find(const char *name)
{
	for (size_t i = 0; i < sizeof(compats) / sizeof(compats[0]); i++)
		if (strcmp(name, compats[i].name) == 0)
			return &compats[i];
	return NULL;
}
