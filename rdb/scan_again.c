#include <stdbool.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/sink.h"
#include "base/xalloc.h"
#include "rdb/rdb_reader.h"
#include "rdb/rdb_writer.h"
#include "rdb/redis_conn.h"
#include "rdb/redis_info.h"
#include "rdb/scan_changes.h"

#include "rdb/scan_again.h"

struct scan_again {
	struct rdb_visitor copy;
	struct scan_changes *changes;
	struct sink *hold;
	struct rdb_writer *into; /* while it is copied */
	bool changed;		 /* the key under way */
	uint64_t keys;
};

/* Only a first pass that fits on the disk and can be read again is worth to
 * be kept back.  In a dump, data seldom take more room than in memory. */
static int
check_size(const struct redis_info *info, uint64_t max_bytes, struct err *err)
{
	int newest = info->valkey ? RDB_VERSION_VALKEY_MAX
				  : RDB_VERSION_REDIS_MAX;

	if (info->used_memory > max_bytes)
		return err_set(err, ERR_UNSUPPORTED,
		    "what the source holds may pass the spool's ceiling");
	if (redis_info_rdb_version(info) > newest)
		return err_set(err, ERR_UNSUPPORTED,
		    "the source is newer than what can be read here");
	return 0;
}

static int
on_key(struct rdb_visitor *v, const struct rdb_key *k, struct err *err)
{
	struct scan_again *a = (struct scan_again *)v;

	if (scan_changes_has(
		a->changes, k->db, k->name, k->name_len, &a->changed, err) != 0)
		return -1;
	if (a->changed)
		return 0;
	a->keys++;
	return rdb_writer_key(a->into, k, err);
}

static int
on_raw(
    struct rdb_visitor *v, const unsigned char *p, size_t len, struct err *err)
{
	struct scan_again *a = (struct scan_again *)v;

	return a->changed ? 0 : rdb_writer_value(a->into, p, len, err);
}

/* AUX fields and libraries were written anew. */
static const struct rdb_visitor_ops copy_ops = {
    .key_begin = on_key,
    .raw = on_raw,
};

struct scan_again *
scan_again_new(struct redis_conn *ask, struct redis_conn *events,
    const struct redis_info *info, struct sink *next, const struct scope *scope,
    const struct scan_again_opts *opts, struct err *err)
{
	struct scan_again *a;

	if (check_size(info, opts->hold.max_bytes, err) != 0) {
		redis_conn_free(events);
		return NULL;
	}
	a = xcalloc(1, sizeof(*a));
	a->copy.ops = &copy_ops;
	a->changes = scan_changes_new(ask, events, &opts->changes, scope, err);
	if (a->changes != NULL)
		a->hold = scan_hold_new(next, scope, &opts->hold, err);
	if (a->hold != NULL)
		return a;
	scan_again_free(a);
	return NULL;
}

void
scan_again_free(struct scan_again *a)
{
	if (a == NULL)
		return;
	sink_free(a->hold);
	scan_changes_free(a->changes);
	free(a);
}

struct sink *
scan_again_sink(struct scan_again *a)
{
	return a->hold;
}

struct scan_changes *
scan_again_changes(struct scan_again *a)
{
	return a->changes;
}

int
scan_again_begin(struct scan_again *a, struct redis_conn *ask,
    const struct scope *scope, struct err *err)
{
	if (!scan_hold_holds(a->hold, err))
		return -1;
	return scan_changes_settle(a->changes, ask, scope, err);
}

int
scan_again_give_up(struct scan_again *a, struct err *err)
{
	return scan_hold_release(a->hold, err);
}

int
scan_again_copy(struct scan_again *a, struct rdb_writer *into, uint64_t *keys,
    struct err *err)
{
	a->into = into;
	a->keys = 0;
	if (scan_hold_show(a->hold, &a->copy, err) != 0)
		return err_in(err, "what the first pass read");
	*keys = a->keys;
	return 0;
}
