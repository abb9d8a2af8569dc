#include "base/buf.h"
#include "rdb/cluster_slot.h"
#include "rdb/key_show.h"
#include "rdb/key_table.h"

#include "agent/cmd/compare_view.h"

const char *
change_name(enum change change)
{
	static const char *const names[CHANGES] = {
	    [CHANGE_MISSING] = "missing",
	    [CHANGE_EXTRA] = "extra",
	    [CHANGE_TYPE] = "type",
	    [CHANGE_VALUE] = "value",
	    [CHANGE_TTL] = "ttl",
	};

	return names[change];
}

static enum key_change
read_as(const struct compare_view *v, enum change change)
{
	static const enum key_change same[CHANGES] = {
	    [CHANGE_TYPE] = KEY_TYPE,
	    [CHANGE_VALUE] = KEY_VALUE,
	    [CHANGE_TTL] = KEY_TTL,
	};
	bool a_first = v->c->side[0] == DIFF_FIRST;

	if (change == CHANGE_MISSING)
		return a_first ? KEY_ONLY_FIRST : KEY_ONLY_SECOND;
	if (change == CHANGE_EXTRA)
		return a_first ? KEY_ONLY_SECOND : KEY_ONLY_FIRST;
	return same[change];
}

uint64_t
change_count(const struct compare_view *v, const struct key_change_count *count,
    enum change change)
{
	return count->changes[read_as(v, change)];
}

bool
change_is(const struct compare_view *v, const struct key_difference *d,
    enum change change)
{
	return (d->changes >> read_as(v, change) & 1) != 0;
}

const struct key_facts *
change_facts(
    const struct compare_view *v, const struct key_difference *d, int side)
{
	if (change_is(v, d, side == 0 ? CHANGE_EXTRA : CHANGE_MISSING))
		return NULL;
	return &d->sides[v->c->side[side]];
}

void
change_key(const struct key_difference *d, struct buf *b)
{
	size_t kept = key_name_kept(d->name_len);

	key_show(b, d->name, kept);
	if (kept < d->name_len)
		buf_adds(b, "...");
}

double
compare_looked_into(const struct compare_view *v)
{
	return v->c->diff != NULL ? key_diff_looked_into(v->c->diff) : 0;
}

bool
compare_next_db(
    const struct compare_view *v, const uint32_t *after, uint32_t *db)
{
	uint32_t past = after != NULL ? *after : 0, one;
	bool found = false;

	for (int side = 0; side < 2; side++)
		for (size_t i = 0; slot_sums_db(v->c->sums[side], i, &one);
		     i++) {
			if ((after != NULL && one <= past) ||
			    (found && one >= *db))
				continue;
			*db = one;
			found = true;
		}
	return found;
}

struct key_change_count
compare_count(const struct compare_view *v, uint32_t db)
{
	struct key_change_count none = {.db = db};
	const struct key_change_count *count;

	if (v->c->diff == NULL)
		return none;
	for (size_t i = 0; (count = key_changes_count(
				key_diff_changes(v->c->diff), i)) != NULL;
	     i++)
		if (count->db == db)
			return *count;
	return none;
}

struct slot_sum
compare_total(const struct compare_view *v, int side)
{
	struct slot_sum all = {0};
	uint32_t db;

	for (size_t i = 0; slot_sums_db(v->c->sums[side], i, &db); i++) {
		struct slot_sum one = slot_sums_add_up(
		    v->c->sums[side], db, 0, CLUSTER_SLOTS - 1);

		slot_sum_add(&all, &one);
	}
	return all;
}
