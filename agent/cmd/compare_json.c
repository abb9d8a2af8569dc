#include "base/buf.h"
#include "base/json.h"
#include "rdb/cluster_slot.h"
#include "rdb/slot_set.h"

#include "agent/cmd/compare_view.h"

#define KEY_MAX 1024

static const char *const side_names[2] = {"a", "b"};

static cJSON *
json_sum(cJSON *o, const struct slot_sum *sum)
{
	char text[33];

	slot_sum_text(sum, text);
	json_add_int(o, "keys", (int64_t)sum->keys);
	cJSON_AddStringToObject(o, "fingerprint", text);
	return o;
}

static void
json_side(cJSON *doc, const struct compare_view *v, int side)
{
	cJSON *o = cJSON_AddObjectToObject(doc, side_names[side]);
	struct slot_sum total = compare_total(v, side);
	struct slot_sums_facts facts;

	slot_sums_facts(v->c->sums[side], &facts);
	cJSON_AddStringToObject(o, "what", v->shown[side]);
	cJSON_AddStringToObject(o, "server", v->c->facts[side].server);
	json_add_int(o, "point_ms", v->c->facts[side].point_ms);
	cJSON_AddBoolToObject(o, "filtered", v->c->facts[side].part);
	json_sum(o, &total);
	json_add_int(o, "expired", (int64_t)facts.gone);
	json_add_int(o, "modules", (int64_t)facts.modules);
	json_add_int(o, "functions", (int64_t)facts.functions);
}

/* The sums of both sides, of some slots of a database. */
static void
json_sums(cJSON *o, const struct compare_view *v, const struct slot_range *r)
{
	for (int side = 0; side < 2; side++) {
		struct slot_sum sum = slot_sums_add_up(
		    v->c->sums[side], r->db, r->from, r->to);

		json_sum(cJSON_AddObjectToObject(o, side_names[side]), &sum);
	}
}

static void
json_dbs(cJSON *doc, const struct compare_view *v)
{
	struct slot_range all = {0, 0, CLUSTER_SLOTS - 1};
	cJSON *list = cJSON_AddArrayToObject(doc, "dbs");

	for (bool more = compare_next_db(v, NULL, &all.db); more;
	     more = compare_next_db(v, &all.db, &all.db)) {
		struct key_change_count count = compare_count(v, all.db);
		cJSON *o = cJSON_CreateObject();

		json_add_int(o, "db", all.db);
		json_sums(o, v, &all);
		json_add_int(o, "differing", (int64_t)count.keys);
		for (int i = 0; i < CHANGES; i++)
			json_add_int(o, change_name((enum change)i),
			    (int64_t)change_count(v, &count, (enum change)i));
		cJSON_AddItemToArray(list, o);
	}
}

static void
json_slots(cJSON *doc, const struct compare_view *v)
{
	cJSON *list = cJSON_AddArrayToObject(doc, "slots");
	struct slot_range r;

	for (bool more = slot_set_next(v->c->slots, NULL, &r); more;
	     more = slot_set_next(v->c->slots, &r, &r)) {
		cJSON *o = cJSON_CreateObject();

		json_add_int(o, "db", r.db);
		json_add_int(o, "from", r.from);
		json_add_int(o, "to", r.to);
		json_sums(o, v, &r);
		cJSON_AddItemToArray(list, o);
	}
}

static void
json_facts(cJSON *o, const char *name, const struct key_facts *facts)
{
	cJSON *f;

	if (facts == NULL) {
		cJSON_AddNullToObject(o, name);
		return;
	}
	f = cJSON_AddObjectToObject(o, name);
	cJSON_AddStringToObject(f, "type", rdb_kind_name(facts->kind));
	json_add_int(f, "elements", (int64_t)facts->elements);
	json_add_int(f, "bytes", (int64_t)facts->bytes);
	if (facts->expires_ms != RDB_NO_EXPIRY)
		json_add_int(f, "expires_ms", facts->expires_ms);
}

static cJSON *
json_key(const struct compare_view *v, const struct key_difference *d)
{
	cJSON *o = cJSON_CreateObject(), *list;
	struct buf name;

	buf_init(&name, KEY_MAX);
	change_key(d, &name);
	cJSON_AddStringToObject(o, "key", name.data);
	buf_release(&name);
	json_add_int(o, "db", d->db);
	list = cJSON_AddArrayToObject(o, "differs");
	for (int i = 0; i < CHANGES; i++)
		if (change_is(v, d, (enum change)i))
			cJSON_AddItemToArray(list,
			    cJSON_CreateString(change_name((enum change)i)));
	for (int side = 0; side < 2; side++)
		json_facts(o, side_names[side], change_facts(v, d, side));
	return o;
}

static void
json_keys(cJSON *doc, const struct compare_view *v)
{
	cJSON *list = cJSON_AddArrayToObject(doc, "keys");
	const struct key_difference *d;
	size_t n;

	if (v->c->diff == NULL)
		return;
	d = key_changes_list(key_diff_changes(v->c->diff), &n);
	for (size_t i = 0; i < n; i++)
		cJSON_AddItemToArray(list, json_key(v, &d[i]));
}

cJSON *
compare_document(const struct compare_view *v)
{
	static const char *const verdicts[] = {
	    [DATASET_SAME] = "same",
	    [DATASET_DIFFERENT] = "different",
	    [DATASET_UNKNOWN] = "unknown",
	};
	const struct dataset_comparison *c = v->c;
	cJSON *doc = cJSON_CreateObject();

	cJSON_AddStringToObject(doc, "verdict", verdicts[c->verdict]);
	json_add_int(doc, "ms", v->ms);
	json_side(doc, v, 0);
	json_side(doc, v, 1);
	cJSON_AddBoolToObject(doc, "same_functions", c->same_functions);
	cJSON_AddBoolToObject(doc, "streams_compared", c->streams_compared);
	json_add_int(doc, "slots_differing", (int64_t)slot_set_count(c->slots));
	cJSON_AddBoolToObject(doc, "keys_looked_for", c->diff != NULL);
	cJSON_AddNumberToObject(doc, "looked_into", compare_looked_into(v));
	json_add_int(doc, "differing", (int64_t)c->differing);
	json_add_int(doc, "expiring",
	    c->diff != NULL ? (int64_t)key_diff_expiring(c->diff) : 0);
	json_dbs(doc, v);
	json_slots(doc, v);
	json_keys(doc, v);
	return doc;
}
