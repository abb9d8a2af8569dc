#include "base/err.h"
#include "rdb/redis_conn.h"
#include "rdb/value_carry.h"

#include "rdb/restore_way.h"

#define VERSION_REPLACE 30000

int
restore_way_judge(struct restore_way *w, struct redis_conn *c,
    const struct redis_info *info, const struct scope *scope, struct err *err)
{
	bool first = w->limit.bytes == 0;
	struct restore_limit limit;

	if (info->version_number < VERSION_REPLACE)
		return err_set(err, ERR_UNSUPPORTED,
		    "'%s' is version %s, and RESTORE knows REPLACE since 3.0",
		    redis_conn_name(c), info->version);
	if (restore_limit_get(c, scope, &limit, err) != 0)
		return -1;
	if (first || info->version_number < w->info.version_number)
		w->info = *info;
	if (first || limit.bytes < w->limit.bytes)
		w->limit = limit;
	return 0;
}

struct value_server
restore_way_values(const struct restore_way *w)
{
	return (struct value_server){
	    .version = w->info.version_number,
	    .valkey = w->info.valkey,
	    .arg_max = w->limit.bytes,
	    .arg_setting = w->limit.setting,
	    .string_max = w->limit.bulk,
	};
}
