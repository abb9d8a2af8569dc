#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/xalloc.h"
#include "rdb/cluster_slot.h"
#include "rdb/fingerprint.h"

#include "agent/snapshot/manifest.h"
#include "agent/snapshot/manifest_field.h"
#include "agent/snapshot/manifest_private.h"
#include "agent/snapshot/source_blob.h"

#define SHARD_SHIFT 16

unsigned
manifest_part_number(size_t shard, size_t part)
{
	static_assert(MANIFEST_PARTS_MAX < 1 << SHARD_SHIFT &&
		MANIFEST_SHARDS_MAX < 1 << (32 - SHARD_SHIFT),
	    "a number for each part");
	return (unsigned)(shard << SHARD_SHIFT | part);
}

bool
manifest_has_files(const struct manifest *m)
{
	return m->nshards > 0 && strcmp(m->way, SOURCE_BLOB_WAY) == 0;
}

bool
manifest_was_scanned(const struct manifest *m)
{
	return m->way != NULL && strcmp(m->way, MANIFEST_WAY_SCAN) == 0;
}

static void
gather_parts(struct manifest *m)
{
	size_t n = 0;

	for (size_t i = 0; i < m->nshards; i++)
		n += m->shards[i]->nparts;
	m->parts = xcalloc(n, sizeof(*m->parts));
	for (size_t i = 0; i < m->nshards; i++) {
		const struct manifest *s = m->shards[i];

		memcpy(&m->parts[m->nparts], s->parts,
		    s->nparts * sizeof(*s->parts));
		m->nparts += s->nparts;
	}
}

static void
gather_host(struct manifest *m, const struct manifest *s)
{
	m->diskless = m->diskless && s->diskless;
	if (s->child_ms > m->child_ms)
		m->child_ms = s->child_ms;
	if (s->cow_bytes < 0)
		m->cow_bytes = -1;
	else if (m->cow_bytes >= 0)
		m->cow_bytes += s->cow_bytes;
}

void
manifest_gather(struct manifest *m)
{
	const struct manifest *first = m->shards[0];

	assert(m->nshards > 0 && m->parts == NULL);
	gather_parts(m);
	m->host = xstrdup("");
	m->server = xstrdup(first->server);
	m->cow_bytes = 0;
	m->codec = first->codec;
	m->sealed = first->sealed;
	m->valkey = first->valkey;
	m->verified = true;
	for (size_t i = 0; i < m->nshards; i++) {
		const struct manifest *s = m->shards[i];

		gather_host(m, s);
		m->raw_bytes += s->raw_bytes;
		m->verified = m->verified && s->verified;
		if (s->rdb_version > m->rdb_version)
			m->rdb_version = s->rdb_version;
	}
}

static void
add_count(struct keystats_count *to, const struct keystats_count *from)
{
	to->keys += from->keys;
	to->expiring += from->expiring;
	to->bytes += from->bytes;
	to->elements += from->elements;
}

static struct keystats_count *
count_of_db(struct manifest *m, uint32_t db)
{
	size_t i = m->ndbs;

	while (i > 0 && m->dbs[i - 1].db > db)
		i--;
	if (i > 0 && m->dbs[i - 1].db == db)
		return &m->dbs[i - 1].count;
	m->dbs = xreallocarray(m->dbs, m->ndbs + 1, sizeof(*m->dbs));
	memmove(&m->dbs[i + 1], &m->dbs[i], (m->ndbs - i) * sizeof(*m->dbs));
	m->ndbs++;
	m->dbs[i] = (struct manifest_db){.db = db};
	return &m->dbs[i].count;
}

static int
sum_shard(struct manifest *m, const struct manifest *s, struct err *err)
{
	add_count(&m->total, &s->total);
	for (int k = 0; k < RDB_KINDS; k++)
		add_count(&m->kinds[k], &s->kinds[k]);
	for (size_t i = 0; i < s->ndbs; i++)
		add_count(count_of_db(m, s->dbs[i].db), &s->dbs[i].count);
	m->left_out.keys += s->left_out.keys;
	m->left_out.module_data += s->left_out.module_data;
	m->types_seen |= s->types_seen;
	m->has_modules = m->has_modules || s->has_modules;
	if (s->db_max > m->db_max)
		m->db_max = s->db_max;
	if (s->value_max > m->value_max)
		m->value_max = s->value_max;
	rdb_sizes_join(&m->sizes, &s->sizes);
	return fingerprint_add(m->fingerprint, s->fingerprint, err);
}

int
manifest_sum(struct manifest *m, struct err *err)
{
	assert(m->fingerprint == NULL);
	if (!m->verified)
		return 0;
	m->fingerprint = fingerprint_new(m->started_ms);
	for (size_t i = 0; i < m->nshards; i++)
		if (sum_shard(m, m->shards[i], err) != 0)
			return -1;
	m->functions = fingerprint_functions(m->fingerprint);
	return 0;
}

static void
add_slots(cJSON *o, const struct manifest *s)
{
	cJSON *list = cJSON_AddArrayToObject(o, "slots");

	for (size_t i = 0; i < s->nslots; i++) {
		cJSON *pair = cJSON_CreateArray();

		cJSON_AddItemToArray(
		    pair, cJSON_CreateNumber(s->slots[i].from));
		cJSON_AddItemToArray(pair, cJSON_CreateNumber(s->slots[i].to));
		cJSON_AddItemToArray(list, pair);
	}
}

void
manifest_add_shards(cJSON *root, const struct manifest *m)
{
	cJSON *list = cJSON_AddArrayToObject(root, "shards");

	for (size_t i = 0; i < m->nshards; i++) {
		const struct manifest *s = m->shards[i];
		cJSON *o = cJSON_CreateObject();

		add_slots(o, s);
		manifest_add_host(o, s);
		json_add_int(o, "point_ms", s->point_ms);
		if (manifest_was_scanned(s))
			json_add_int(o, "window_ms", s->window_ms);
		manifest_add_parts(o, s);
		manifest_add_dump(o, s);
		if (s->verified)
			manifest_add_count(
			    cJSON_AddObjectToObject(o, "data"), &s->total);
		cJSON_AddItemToArray(list, o);
	}
}

static bool
parse_slot(const cJSON *n, uint16_t *out)
{
	if (!cJSON_IsNumber(n) || !(n->valuedouble >= 0) ||
	    n->valuedouble >= CLUSTER_SLOTS ||
	    n->valuedouble != (double)n->valueint)
		return false;
	*out = (uint16_t)n->valueint;
	return true;
}

/* How often a slot was there so far, and whether that may be more than once,
 * or not at all. */
struct slots_taken {
	uint16_t times[CLUSTER_SLOTS];
	bool by_files;
};

static int
parse_range(const cJSON *pair, struct slots_taken *taken,
    struct slot_range *out, struct err *err)
{
	if (!parse_slot(cJSON_GetArrayItem(pair, 0), &out->from) ||
	    !parse_slot(cJSON_GetArrayItem(pair, 1), &out->to) ||
	    out->to < out->from)
		return err_set(
		    err, ERR_CORRUPT, "'slots' is no list of ranges");
	for (unsigned s = out->from; s <= out->to; s++) {
		if (taken->times[s]++ > 0 && !taken->by_files)
			return err_set(
			    err, ERR_CORRUPT, "slot %u is there twice", s);
	}
	return 0;
}

static int
parse_slots(const cJSON *o, struct slots_taken *taken, struct manifest *s,
    struct err *err)
{
	const cJSON *list, *e;
	int n;

	if (json_get_array(o, "slots", &list, err) != 0)
		return -1;
	n = cJSON_GetArraySize(list);
	if ((n == 0 && !taken->by_files) || n > CLUSTER_SLOTS)
		return err_set(err, ERR_CORRUPT, "%d ranges of slots", n);
	s->slots = xcalloc((size_t)n + 1, sizeof(*s->slots));
	cJSON_ArrayForEach(e, list)
	{
		if (parse_range(e, taken, &s->slots[s->nslots], err) != 0)
			return -1;
		s->nslots++;
	}
	return 0;
}

static int
parse_total(const cJSON *o, struct manifest *s, struct err *err)
{
	const cJSON *data;

	if (!s->verified)
		return 0;
	if (json_get_object(o, "data", &data, err) != 0)
		return -1;
	return manifest_parse_count(data, &s->total, err);
}

/* Of a shard that was scanned. */
static int
parse_window(const cJSON *o, struct manifest *s, struct err *err)
{
	if (cJSON_GetObjectItemCaseSensitive(o, "window_ms") == NULL)
		return 0;
	s->way = xstrdup(MANIFEST_WAY_SCAN);
	return field_time(o, "window_ms", &s->window_ms, err);
}

static int
parse_shard(const cJSON *o, struct slots_taken *taken, struct manifest *s,
    struct err *err)
{
	if (parse_slots(o, taken, s, err) != 0 ||
	    manifest_parse_host(o, s, err) != 0 ||
	    field_time(o, "point_ms", &s->point_ms, err) != 0 ||
	    parse_window(o, s, err) != 0 ||
	    manifest_parse_parts(o, s, err) != 0 ||
	    manifest_parse_dump(o, s, err) != 0)
		return -1;
	return parse_total(o, s, err);
}

static int
parse_list(const cJSON *list, struct slots_taken *taken, struct manifest *m,
    struct err *err)
{
	const cJSON *o;

	cJSON_ArrayForEach(o, list)
	{
		struct manifest *s = m->shards[m->nshards++] = manifest_new();

		if (parse_shard(o, taken, s, err) != 0)
			return err_in(err, "shard %zu", m->nshards);
	}
	return 0;
}

/* A slot that no shard has would be keys that are missing. */
static int
check_whole(
    const struct manifest *m, const struct slots_taken *taken, struct err *err)
{
	for (unsigned s = 0; s < CLUSTER_SLOTS; s++)
		if (taken->times[s] == 0 && !taken->by_files)
			return err_set(
			    err, ERR_CORRUPT, "no shard has slot %u", s);
	for (size_t i = 1; i < m->nshards; i++)
		if (m->shards[i]->codec != m->shards[0]->codec ||
		    m->shards[i]->sealed != m->shards[0]->sealed)
			return err_set(err, ERR_CORRUPT,
			    "the shards are not stored alike");
	return 0;
}

int
manifest_parse_shards(const cJSON *root, struct manifest *m, struct err *err)
{
	struct slots_taken taken = {
	    .by_files = strcmp(m->way, SOURCE_BLOB_WAY) == 0};
	const cJSON *list;
	int n;

	if (json_get_array(root, "shards", &list, err) != 0)
		return -1;
	n = cJSON_GetArraySize(list);
	if (n == 0 || n > MANIFEST_SHARDS_MAX)
		return err_set(err, ERR_CORRUPT, "%d shards: 1 to %d can be", n,
		    MANIFEST_SHARDS_MAX);
	m->shards = xcalloc((size_t)n, sizeof(*m->shards));
	if (parse_list(list, &taken, m, err) != 0 ||
	    check_whole(m, &taken, err) != 0)
		return -1;
	manifest_gather(m);
	if (m->nparts > MANIFEST_PARTS_MAX)
		return err_set(err, ERR_CORRUPT, "%zu parts: at most %d",
		    m->nparts, MANIFEST_PARTS_MAX);
	return 0;
}
