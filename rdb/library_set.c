#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/xalloc.h"

#include "rdb/library_set.h"

void
library_set_release(struct library_set *set)
{
	free(set->sources);
	*set = (struct library_set){0};
}

int
library_set_add(struct library_set *set, const struct digest128 *source,
    bool *is_new, struct err *err)
{
	*is_new = false;
	for (size_t i = 0; i < set->n; i++)
		if (memcmp(&set->sources[i], source, sizeof(*source)) == 0)
			return 0;
	if (set->n == LIBRARIES_MAX)
		return err_set(err, ERR_UNSUPPORTED,
		    "over %d function libraries", LIBRARIES_MAX);
	set->sources = xreallocarray(
	    set->sources, set->n + 1, sizeof(*set->sources));
	set->sources[set->n++] = *source;
	*is_new = true;
	return 0;
}
