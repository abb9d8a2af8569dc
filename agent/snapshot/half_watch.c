#include "base/err.h"
#include "rdb/rdb_reader.h"

#include "agent/snapshot/half_watch.h"
#include "agent/snapshot/import_marker.h"

static int
on_key_begin(struct rdb_visitor *v, const struct rdb_key *key, struct err *err)
{
	(void)v;
	if (!import_marker_is(key->name, key->name_len))
		return 0;
	return err_set(err, ERR_REFUSED,
	    "it holds the key '%.*s', so it is itself half of an import, and a "
	    "snapshot would be of a part of the data; let that import end, or "
	    "delete the key if there is none",
	    (int)key->name_len, (const char *)key->name);
}

static const struct rdb_visitor_ops ops = {
    .key_begin = on_key_begin,
};

void
half_watch_add(struct rdb_reader *r)
{
	/* It keeps nothing. */
	static struct rdb_visitor visitor = {&ops};

	rdb_reader_add(r, &visitor);
}
