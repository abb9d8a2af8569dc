#include <stdlib.h>

#include "base/err.h"
#include "rdb/dump_payload.h"
#include "rdb/redis_config.h"

#include "rdb/restore_limit.h"

#define BULK_DEFAULT  (UINT64_C(512) << 20)
#define QUERY_DEFAULT (UINT64_C(1) << 30)

/* What the query buffer holds beside the payload. */
#define QUERY_SLACK (UINT64_C(1) << 20)

static int
get_number(struct redis_conn *c, const struct scope *scope, const char *name,
    uint64_t fallback, uint64_t *n, struct err *err)
{
	char *value = NULL;

	*n = 0;
	err->code[0] = '\0';
	/* An error reply has a code, a broken connection has none. */
	if (redis_config_get(c, scope, name, &value, err) != 0) {
		if (err->code[0] == '\0')
			return -1;
		*err = (struct err){0};
	}
	if (value != NULL)
		*n = strtoull(value, NULL, 10);
	free(value);
	if (*n == 0)
		*n = fallback;
	return 0;
}

int
restore_limit_get(struct redis_conn *c, const struct scope *scope,
    struct restore_limit *limit, struct err *err)
{
	uint64_t query;

	limit->setting = "proto-max-bulk-len";
	if (get_number(c, scope, limit->setting, BULK_DEFAULT, &limit->bytes,
		err) != 0 ||
	    get_number(c, scope, "client-query-buffer-limit", QUERY_DEFAULT,
		&query, err) != 0)
		return -1;
	limit->bulk = limit->bytes;
	query = query > 2 * QUERY_SLACK ? query - QUERY_SLACK : query / 2;
	if (query >= limit->bytes)
		return 0;
	limit->bytes = query;
	limit->setting = "client-query-buffer-limit";
	return 0;
}

uint64_t
restore_limit_payload(uint64_t value_bytes)
{
	return 1 + value_bytes + DUMP_FOOTER_BYTES; /* the type before it */
}
