#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>
#include <dirent.h>

#include "base/buf.h"
#include "base/xalloc.h"
#include "rdb/rdb_reader.h"
#include "tests/sim/rdb_record.h"

/*
 * Dumps that other projects' tests use, which lie beside the work tree.  A
 * clone of the project alone does not have them and skips.
 */
#define CORPUS	     "../shared/rdb-corpus"
#define FILE_MAX     ((size_t)1 << 20)
#define SPLITS_ALL   2048 /* bytes up to which a file is cut everywhere */
#define SPLITS_FEWER 61	  /* cuts of one that is longer */

static char *
slurp(const char *path, size_t *len)
{
	FILE *f = fopen(path, "rb");
	char *data = xmalloc(FILE_MAX + 1);

	if (f == NULL)
		fail_msg("%s cannot be read", path);
	*len = fread(data, 1, FILE_MAX, f);
	data[*len] = '\0';
	fclose(f);
	return data;
}

static void
need_corpus(void)
{
	DIR *d = opendir(CORPUS);

	if (d == NULL) {
		print_message("[  NOTE    ] no %s: skipped\n", CORPUS);
		skip();
	}
	closedir(d);
}

/* Calls check for every dump; returns how many there were. */
static size_t
each_dump(void (*check)(const char *name, const char *data, size_t len))
{
	static const char *const dirs[] = {"librdb", "redis-rdb-tools"};
	size_t n = 0;

	for (size_t i = 0; i < 2; i++) {
		char path[512];
		struct dirent *e;
		DIR *d;

		snprintf(path, sizeof(path), CORPUS "/%s", dirs[i]);
		d = opendir(path);
		assert_non_null(d);
		while ((e = readdir(d)) != NULL) {
			size_t len;
			char *data;

			if (strstr(e->d_name, ".rdb") == NULL)
				continue;
			snprintf(path, sizeof(path), CORPUS "/%s/%.200s",
			    dirs[i], e->d_name);
			data = slurp(path, &len);
			check(e->d_name, data, len);
			free(data);
			n++;
		}
		closedir(d);
	}
	return n;
}

static bool
to_be_refused(const char *name)
{
	return strcmp(name, "future_v19.rdb") == 0 ||
	    strcmp(name, "invalid_chksum_v8.rdb") == 0;
}

static void
check_whole(const char *name, const char *data, size_t len)
{
	char *text = rdb_record_cut(data, len, len, len);
	bool read = strstr(text, "\nread ") != NULL;

	if (read == to_be_refused(name))
		fail_msg("%s: %.2000s", name, text);
	free(text);
}

static void
reads_all_but_the_two_to_be_refused(void **state)
{
	(void)state;
	need_corpus();
	assert_true(each_dump(check_whole) >= 70);
}

static void
check_cut(const char *name, const char *data, size_t len)
{
	char *whole = rdb_record_cut(data, len, len, len);
	size_t stride = len <= SPLITS_ALL ? 1 : len / SPLITS_FEWER;
	char *cut = rdb_record_cut(data, len, 1, 1);

	if (strcmp(whole, cut) != 0)
		fail_msg("%s differs byte by byte", name);
	free(cut);
	for (size_t at = 1; at < len; at += stride) {
		cut = rdb_record_cut(data, len, at, len);
		if (strcmp(whole, cut) != 0)
			fail_msg("%s differs when cut at %zu", name, at);
		free(cut);
	}
	free(whole);
}

static void
tells_the_same_wherever_the_dump_is_cut(void **state)
{
	(void)state;
	need_corpus();
	each_dump(check_cut);
}

/* Every dump that is cut short fails, and says so. */
static void
check_short(const char *name, const char *data, size_t len)
{
	char *whole = rdb_record_cut(data, len, len, len);
	const char *size = strstr(whole, " size ");
	size_t end = size != NULL ? strtoul(size + 6, NULL, 10) : 0;
	size_t stride = end <= SPLITS_ALL ? 1 : end / SPLITS_FEWER;

	for (size_t at = 1; at < end; at += stride) {
		char *text = rdb_record_cut(data, at, at, at);

		if (strstr(text, "\nread ") != NULL ||
		    strstr(text, "cut short") == NULL)
			fail_msg("%s cut at %zu: %s", name, at, text);
		free(text);
	}
	free(whole);
}

static void
refuses_every_dump_that_is_cut_short(void **state)
{
	(void)state;
	need_corpus();
	each_dump(check_short);
}

/* Which JSON tells the values of a dump. */
static const struct {
	const char *rdb, *json;
} twins[] = {
    {"cluster_slot_info", "cluster_slot_info"},
    {"function2", "function2"},
    {"hash_lp_v11", "hash_lp_v11_data"},
    {"hash_lp_with_hexpire_v12", "hash_lp_ex_v12_data"},
    {"hash_v3", "hash_data"},
    {"hash_with_expire_v12", "hash_ex_v12_data"},
    {"hash_zl_v6", "hash_zl_v6_data"},
    {"hash_zm_v2", "hash_zm_v2_data"},
    {"mem_policy_lfu", "mem_policy_lfu"},
    {"mem_policy_lru", "mem_policy_lru"},
    {"module_aux", "module_aux_data"},
    {"multiple_dbs", "multiple_dbs_data"},
    {"multiple_lists_strings", "multiple_lists_strings_data"},
    {"plain_list_v6", "plain_list_v6_data"},
    {"plain_set_v6", "plain_set_v6_data"},
    {"plain_zset_2_v11", "plain_zset_2_v11_data"},
    {"plain_zset_v6", "plain_zset_v6_data"},
    {"quicklist", "quicklist_data"},
    {"set_is_v11", "set_is_v11_data"},
    {"set_lp_v11", "set_lp_v11_data"},
    {"set_not_expired_v11", "set_not_expired"},
    {"single_key", "single_key_data"},
    {"stream_v11", "stream_data"},
    {"string_int_encoded", "string_int_encoded"},
    {"ziplist_v3", "ziplist_data"},
    {"zset_lp_v11", "zset_lp_v11_data"},
    {"zset_zl_v6", "zset_zl_v6_data"},
};

/* Builds the values of a dump in the form of those JSON files. */
struct builder {
	struct rdb_visitor visitor;
	cJSON *aux, *functions;
	cJSON *dbs; /* an array of objects, one for each database in use */
	uint32_t db;
	cJSON *value;
	cJSON *items; /* of a stream's entry */
	char *name;   /* of the key */
	struct buf element, before;
};

static int
build_aux(struct rdb_visitor *v, const unsigned char *name, size_t name_len,
    const unsigned char *value, size_t value_len, struct err *err)
{
	struct builder *b = (struct builder *)v;

	(void)name_len;
	(void)value_len;
	(void)err;
	cJSON_AddStringToObject(
	    b->aux, (const char *)name, (const char *)value);
	return 0;
}

static int
build_function(
    struct rdb_visitor *v, const unsigned char *p, size_t n, struct err *err)
{
	struct builder *b = (struct builder *)v;

	(void)n;
	(void)err;
	cJSON_AddItemToArray(b->functions, cJSON_CreateString((const char *)p));
	return 0;
}

static int
build_key(struct rdb_visitor *v, const struct rdb_key *key, struct err *err)
{
	struct builder *b = (struct builder *)v;
	int n = cJSON_GetArraySize(b->dbs);
	cJSON *db;

	(void)err;
	if (n == 0 || b->db != key->db) {
		cJSON_AddItemToArray(b->dbs, cJSON_CreateObject());
		n++;
	}
	b->db = key->db;
	db = cJSON_GetArrayItem(b->dbs, n - 1);
	free(b->name);
	b->name = strndup((const char *)key->name, key->name_len);
	b->value = NULL;
	if (key->kind == RDB_LIST || key->kind == RDB_SET)
		b->value = cJSON_AddArrayToObject(db, b->name);
	else if (key->kind != RDB_STRING)
		b->value = cJSON_AddObjectToObject(db, b->name);
	if (key->kind == RDB_STREAM)
		b->value = cJSON_AddArrayToObject(b->value, "entries");
	return 0;
}

static void
build_element(struct builder *b, enum rdb_part part)
{
	int n = cJSON_GetArraySize(b->dbs);

	switch (part) {
	case RDB_PART_STRING:
		cJSON_AddStringToObject(cJSON_GetArrayItem(b->dbs, n - 1),
		    b->name, b->element.data);
		break;
	case RDB_PART_ITEM:
		cJSON_AddItemToArray(
		    b->value, cJSON_CreateString(b->element.data));
		break;
	case RDB_PART_VALUE:
		cJSON_AddStringToObject(
		    b->value, b->before.data, b->element.data);
		break;
	case RDB_PART_STREAM_VALUE:
		cJSON_AddStringToObject(
		    b->items, b->before.data, b->element.data);
		break;
	default:
		buf_truncate(&b->before, 0);
		buf_add(&b->before, b->element.data, b->element.len);
	}
}

static int
build_piece(struct rdb_visitor *v, enum rdb_part part, const unsigned char *p,
    size_t n, bool last, struct err *err)
{
	struct builder *b = (struct builder *)v;

	(void)err;
	buf_add(&b->element, p, n);
	if (!last)
		return 0;
	build_element(b, part);
	buf_truncate(&b->element, 0);
	return 0;
}

/* As librdb writes scores. */
static int
build_score(struct rdb_visitor *v, double score, struct err *err)
{
	struct builder *b = (struct builder *)v;
	char text[64];

	(void)err;
	snprintf(text, sizeof(text), "%.17g", score);
	for (int digits = 1; digits < 17; digits++) {
		char shorter[64];

		snprintf(shorter, sizeof(shorter), "%.*g", digits, score);
		if (strtod(shorter, NULL) == score) {
			snprintf(text, sizeof(text), "%s", shorter);
			break;
		}
	}
	cJSON_AddStringToObject(b->value, b->before.data, text);
	return 0;
}

static int
build_entry(struct rdb_visitor *v, struct rdb_stream_id id, uint64_t fields,
    struct err *err)
{
	struct builder *b = (struct builder *)v;
	cJSON *entry = cJSON_CreateObject();
	char text[64];

	(void)fields;
	(void)err;
	snprintf(text, sizeof(text), "%llu-%llu", (unsigned long long)id.ms,
	    (unsigned long long)id.seq);
	cJSON_AddStringToObject(entry, "id", text);
	b->items = cJSON_AddObjectToObject(entry, "items");
	cJSON_AddItemToArray(b->value, entry);
	return 0;
}

static void
build(struct builder *b, const char *data, size_t len)
{
	static const struct rdb_visitor_ops ops = {
	    .aux = build_aux,
	    .function = build_function,
	    .key_begin = build_key,
	    .piece = build_piece,
	    .score = build_score,
	    .stream_entry = build_entry,
	};
	struct rdb_reader *r = rdb_reader_new();
	struct err err = {0};

	*b = (struct builder){.visitor.ops = &ops,
	    .aux = cJSON_CreateObject(),
	    .functions = cJSON_CreateArray(),
	    .dbs = cJSON_CreateArray()};
	buf_init(&b->element, FILE_MAX);
	buf_init(&b->before, FILE_MAX);
	rdb_reader_add(r, &b->visitor);
	if (rdb_reader_feed(r, data, len, &err) != 0 ||
	    rdb_reader_finish(r, &err) != 0)
		fail_msg("%s", err.text);
	rdb_reader_free(r);
}

static void
build_release(struct builder *b)
{
	buf_release(&b->before);
	buf_release(&b->element);
	free(b->name);
	cJSON_Delete(b->dbs);
	cJSON_Delete(b->functions);
	cJSON_Delete(b->aux);
}

/* The files hold the members of an object, without the object. */
static cJSON *
read_json(const char *name)
{
	char path[512];
	size_t len;
	char *text, *object;
	cJSON *json;

	snprintf(path, sizeof(path), CORPUS "/librdb/%s.json", name);
	text = slurp(path, &len);
	object = xmalloc(len + 5);
	snprintf(object, len + 5, text[0] == '[' ? "%s" : "[{%s}]", text);
	json = cJSON_Parse(object);
	if (json == NULL)
		fail_msg("%s is no JSON", path);
	free(object);
	free(text);
	return json;
}

/* Takes a member out of the first database of the JSON. */
static cJSON *
take_out(cJSON *json, const char *name)
{
	return cJSON_DetachItemFromObjectCaseSensitive(
	    cJSON_GetArrayItem(json, 0), name);
}

static void
same(const char *name, const cJSON *ours, const cJSON *theirs)
{
	char *text;

	if (cJSON_Compare(ours, theirs, true))
		return;
	text = cJSON_Print(ours);
	fail_msg("%s is not as its JSON says, but %s", name, text);
}

static void
check_twin(const char *rdb, const char *json_name)
{
	cJSON *json = read_json(json_name);
	cJSON *aux = take_out(json, "__aux__");
	cJSON *functions = take_out(json, "__func__");
	struct builder b;
	char path[512];
	char *data;
	size_t len;
	int i = 0;

	cJSON_Delete(take_out(json, "__dbsize__"));
	cJSON_Delete(take_out(json, "__slotinfo__"));
	snprintf(path, sizeof(path), CORPUS "/librdb/%s.rdb", rdb);
	data = slurp(path, &len);
	build(&b, data, len);
	same(rdb, b.dbs, json);
	if (aux != NULL)
		same(rdb, b.aux, aux);
	for (cJSON *f = functions != NULL ? functions->child : NULL; f != NULL;
	     f = f->next)
		same(rdb, cJSON_GetArrayItem(b.functions, i++), f);
	build_release(&b);
	cJSON_Delete(functions);
	cJSON_Delete(aux);
	cJSON_Delete(json);
	free(data);
}

static void
reads_the_values_that_the_json_files_tell(void **state)
{
	(void)state;
	need_corpus();
	for (size_t i = 0; i < sizeof(twins) / sizeof(twins[0]); i++)
		check_twin(twins[i].rdb, twins[i].json);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reads_all_but_the_two_to_be_refused),
	    cmocka_unit_test(tells_the_same_wherever_the_dump_is_cut),
	    cmocka_unit_test(refuses_every_dump_that_is_cut_short),
	    cmocka_unit_test(reads_the_values_that_the_json_files_tell),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
