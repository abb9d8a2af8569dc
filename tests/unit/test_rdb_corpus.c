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

#include "base/xalloc.h"
#include "tests/sim/rdb_json.h"
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

enum twin_form {
	VALUES,	 /* of streams the entries alone */
	STREAMS, /* all of them */
	SOME,	 /* those of some keys */
};

/* Which JSON tells the values of a dump. */
static const struct twin {
	const char *rdb, *json;
	enum twin_form form;
} twins[] = {
    {"cluster_slot_info", "cluster_slot_info", VALUES},
    {"function2", "function2", VALUES},
    {"hash_lp_v11", "hash_lp_v11_data", VALUES},
    {"hash_lp_with_hexpire_v12", "hash_lp_ex_v12_data", VALUES},
    {"hash_v3", "hash_data", VALUES},
    {"hash_v3", "plain_hash_data", VALUES},
    {"hash_with_expire_v12", "hash_ex_v12_data", VALUES},
    {"hash_zl_v6", "hash_zl_v6_data", VALUES},
    {"hash_zm_v2", "hash_zm_v2_data", VALUES},
    {"mem_policy_lfu", "mem_policy_lfu", VALUES},
    {"mem_policy_lru", "mem_policy_lru", VALUES},
    {"module", "module_data", VALUES},
    {"module_aux", "module_aux_data", VALUES},
    {"multiple_dbs", "multiple_dbs_data", VALUES},
    {"multiple_lists_strings", "multiple_lists_strings_data", VALUES},
    {"multiple_lists_strings", "multiple_lists_strings_no_aux", VALUES},
    {"multiple_lists_strings", "multiple_lists_strings_2filters", SOME},
    {"multiple_lists_strings", "multiple_lists_strings_subset_list", SOME},
    {"plain_list_v6", "plain_list_v6_data", VALUES},
    {"plain_set_v6", "plain_set_v6_data", VALUES},
    {"plain_zset_2_v11", "plain_zset_2_v11_data", VALUES},
    {"plain_zset_v6", "plain_zset_v6_data", VALUES},
    {"quicklist", "quicklist_data", VALUES},
    {"quicklist2_v11", "single_list_data", VALUES},
    {"set_expired_v11", "set_expired", VALUES},
    {"set_is_v11", "set_is_v11_data", VALUES},
    {"set_lp_v11", "set_lp_v11_data", VALUES},
    {"set_not_expired_v11", "set_not_expired", VALUES},
    {"single_key", "single_key_data", VALUES},
    {"stream_v11", "stream_data", VALUES},
    {"stream_v11", "stream_data_with_meta", STREAMS},
    {"string_int_encoded", "string_int_encoded", VALUES},
    {"ziplist_v3", "ziplist_data", VALUES},
    {"zset_lp_v11", "zset_lp_v11_data", VALUES},
    {"zset_zl_v6", "zset_zl_v6_data", VALUES},
};

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

/* Leaves of ours the keys that theirs has. */
static void
keep_some(cJSON *ours, const cJSON *theirs)
{
	cJSON *next, *db = cJSON_GetArrayItem(ours, 0);

	for (cJSON *key = db->child; key != NULL; key = next) {
		next = key->next;
		if (cJSON_GetObjectItemCaseSensitive(
			cJSON_GetArrayItem(theirs, 0), key->string) == NULL)
			cJSON_Delete(cJSON_DetachItemViaPointer(db, key));
	}
}

/* What the JSON tells beside the values. */
static void
check_about(const struct twin *w, const struct rdb_json *b, cJSON *json)
{
	cJSON *aux = take_out(json, "__aux__");
	cJSON *functions = take_out(json, "__func__");
	cJSON *dbsize = take_out(json, "__dbsize__");
	cJSON *slot = take_out(json, "__slotinfo__");
	int i = 0;

	if (aux != NULL)
		same(w->rdb, b->aux, aux);
	if (dbsize != NULL)
		same(w->rdb, b->dbsize, dbsize);
	if (slot != NULL) {
		assert_int_equal(cJSON_GetArraySize(b->slots), 1);
		same(w->rdb, b->slots->child, slot);
	}
	for (cJSON *f = functions != NULL ? functions->child : NULL; f != NULL;
	     f = f->next)
		same(w->rdb, cJSON_GetArrayItem(b->functions, i++), f);
	cJSON_Delete(slot);
	cJSON_Delete(dbsize);
	cJSON_Delete(functions);
	cJSON_Delete(aux);
}

static void
check_twin(const struct twin *w)
{
	cJSON *json = read_json(w->json);
	struct rdb_json b;
	char path[512];
	char *data;
	size_t len;

	snprintf(path, sizeof(path), CORPUS "/librdb/%s.rdb", w->rdb);
	data = slurp(path, &len);
	rdb_json_read(&b, data, len, w->form == STREAMS);
	check_about(w, &b, json);
	if (w->form == SOME)
		keep_some(b.dbs, json);
	same(w->rdb, b.dbs, json);
	/* A JSON that tells nothing is of a dump in which all has expired. */
	assert_int_equal(cJSON_GetArrayItem(json, 0)->child == NULL,
	    cJSON_GetArraySize(b.past) > 0);
	rdb_json_release(&b);
	cJSON_Delete(json);
	free(data);
}

static void
reads_the_values_that_the_json_files_tell(void **state)
{
	(void)state;
	need_corpus();
	for (size_t i = 0; i < sizeof(twins) / sizeof(twins[0]); i++)
		check_twin(&twins[i]);
}

static bool
ends_with(const char *name, const char *tail)
{
	size_t n = strlen(name), m = strlen(tail);

	return n >= m && strcmp(name + n - m, tail) == 0;
}

/*
 * librdb's two other views of the same dumps tell how a value is encoded:
 * its payload, or its ziplists and listpacks, as bytes.
 */
static bool
tells_of_encodings(const char *name)
{
	return ends_with(name, "_raw.json") ||
	    ends_with(name, "_struct.json") ||
	    strcmp(name, "multiple_lists_strings_subset_str.json") == 0;
}

static bool
is_compared(const char *name)
{
	for (size_t i = 0; i < sizeof(twins) / sizeof(twins[0]); i++) {
		size_t n = strlen(twins[i].json);

		if (strncmp(name, twins[i].json, n) == 0 &&
		    strcmp(name + n, ".json") == 0)
			return true;
	}
	return false;
}

static void
compares_every_json_file_that_tells_values(void **state)
{
	struct dirent *e;
	size_t n = 0;
	DIR *d;

	(void)state;
	need_corpus();
	d = opendir(CORPUS "/librdb");
	assert_non_null(d);
	while ((e = readdir(d)) != NULL) {
		if (!ends_with(e->d_name, ".json") ||
		    tells_of_encodings(e->d_name))
			continue;
		if (!is_compared(e->d_name))
			fail_msg("%s is compared with no dump", e->d_name);
		n++;
	}
	closedir(d);
	assert_int_equal(n, sizeof(twins) / sizeof(twins[0]));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reads_all_but_the_two_to_be_refused),
	    cmocka_unit_test(tells_the_same_wherever_the_dump_is_cut),
	    cmocka_unit_test(refuses_every_dump_that_is_cut_short),
	    cmocka_unit_test(reads_the_values_that_the_json_files_tell),
	    cmocka_unit_test(compares_every_json_file_that_tells_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
