#include <stdio.h>

#include "base/err.h"

#include "agent/snapshot/empty_watch.h"

static int
on_key_begin(struct rdb_visitor *v, const struct rdb_key *key, struct err *err)
{
	struct empty_watch *w = (struct empty_watch *)v;

	(void)err;
	w->may_be_empty = key->kind != RDB_LIST && key->kind != RDB_SET &&
	    key->kind != RDB_HASH && key->kind != RDB_ZSET;
	if (!w->may_be_empty)
		snprintf(w->name, sizeof(w->name), "%.*s",
		    (int)(key->name_len < sizeof(w->name) ? key->name_len
							  : sizeof(w->name)),
		    (const char *)key->name);
	return 0;
}

static int
on_key_end(struct rdb_visitor *v, uint64_t raw_bytes, uint64_t elements,
    struct err *err)
{
	const struct empty_watch *w = (const struct empty_watch *)v;

	(void)raw_bytes;
	if (elements > 0 || w->may_be_empty)
		return 0;
	return err_set(err, ERR_UNSUPPORTED,
	    "key '%s' has no elements, as bugs of older servers left some, and "
	    "restorer 'restore' cannot bring it: load the snapshot by "
	    "'replica', which passes such keys over",
	    w->name);
}

static const struct rdb_visitor_ops ops = {
    .key_begin = on_key_begin,
    .key_end = on_key_end,
};

void
empty_watch_init(struct empty_watch *w)
{
	*w = (struct empty_watch){.visitor = {&ops}};
}
