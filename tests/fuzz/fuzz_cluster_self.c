/*
 * Any text as a server's answer to CLUSTER NODES.  What is taken tells of
 * slots that there are, and who tells of none on their way agrees with a map
 * made of the same.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "rdb/cluster_map.h"
#include "rdb/cluster_self.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size);
	static struct cluster_map map;
	struct cluster_self self;
	struct err err = {0};

	assert(text != NULL);
	if (cluster_self_parse(text, &self, &err) == 0) {
		for (unsigned s = 0; s < CLUSTER_SLOTS; s++)
			map.owner[s] = self.owns[s] ? 7 : CLUSTER_NO_SHARD;
		assert((cluster_self_agrees(&self, &map, 7, &err) == 0) ==
		    (self.is_primary && self.moving == 0));
	} else {
		assert(err.kind == ERR_CORRUPT && err.text[0] != '\0');
	}
	free(text);
	return 0;
}
