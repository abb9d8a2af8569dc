#include "base/err.h"
#include "base/json.h"
#include "rdb/fingerprint.h"

#include "agent/snapshot/manifest.h"
#include "agent/snapshot/shards_join.h"

/* The memory in use is all shards', or not known. */
static void
take_profile(struct manifest *m)
{
	static const char used_memory[] = "used_memory";
	int64_t all = 0;

	for (size_t i = 0; i < m->nshards; i++) {
		struct err ignored = {0};
		int64_t used = 0;

		json_opt_int(
		    m->shards[i]->profile, used_memory, &used, &ignored);
		all = all >= 0 && used > 0 ? all + used : -1;
	}
	m->profile = m->shards[0]->profile;
	m->shards[0]->profile = NULL;
	cJSON_DeleteItemFromObjectCaseSensitive(m->profile, used_memory);
	if (m->profile != NULL && all > 0)
		json_add_int(m->profile, used_memory, all);
}

static void
take_times(struct manifest *m)
{
	int64_t first = m->shards[0]->point_ms, last = first, end = first;

	for (size_t i = 0; i < m->nshards; i++) {
		int64_t at = m->shards[i]->point_ms;
		int64_t until = at + m->shards[i]->window_ms;

		first = at < first ? at : first;
		last = at > last ? at : last;
		end = until > end ? until : end;
	}
	m->point_ms = first;
	m->spread_ms = last - first;
	m->window_ms = end - first;
}

int
shards_join(struct manifest *m, struct err *err)
{
	take_profile(m);
	take_times(m);
	manifest_gather(m);
	if (m->nparts > MANIFEST_PARTS_MAX)
		return err_set(err, ERR_USAGE, "over %d parts; raise part_max",
		    MANIFEST_PARTS_MAX);
	if (manifest_sum(m, err) != 0)
		return -1;
	if (m->verified && m->total.keys != fingerprint_keys(m->fingerprint))
		return err_set(err, ERR_CORRUPT,
		    "the proofs disagree on the number of keys");
	return 0;
}
