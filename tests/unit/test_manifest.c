/*
 * A manifest reads back as it was written, keeps what it does not know, and
 * is refused when any field that it needs is not there or not right.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/snapshot/manifest.h"
#include "base/json.h"
#include "base/xalloc.h"
#include "rdb/fingerprint.h"
#include "rdb/key_filter.h"
#include "storage/store.h"
#include "storage/pieces.h"
#include "tests/sim/snapshot_rig.h"

/* A document with every field in it. */
static cJSON *
full_document(void)
{
	struct snapshot_rig rig;
	struct store *store;
	struct manifest *m;
	cJSON *doc;

	snapshot_rig_up(&rig);
	store = temp_dir_store(&rig.source);
	m = snapshot_rig_must_take(&rig, store);
	strcpy(m->replid, "0123456789abcdef0123456789abcdef01234567");
	m->offset = INT64_C(1) << 52;
	m->cow_bytes = 12345;
	m->complete = xstrdup(MANIFEST_COMPLETE_SEEN);
	m->keys_before = 17;
	m->keys_after = 0;
	m->diskless = false;
	m->nseek = 2;
	free(m->seek);
	m->seek = xcalloc(2, sizeof(*m->seek));
	m->seek[1] = (struct seek_point){64 << 20, 17 << 20};
	doc = manifest_format(m);
	manifest_free(m);
	store_free(store);
	snapshot_rig_down(&rig);
	return doc;
}

static struct manifest *
parse_document(const cJSON *doc, struct err *err)
{
	char *text = json_format(doc);
	struct manifest *m;

	*err = (struct err){0};
	m = manifest_parse(text, strlen(text), err);
	free(text);
	return m;
}

static void
must_refuse(const cJSON *doc, enum err_kind kind, const char *why)
{
	struct err err;
	struct manifest *m = parse_document(doc, &err);

	if (m != NULL)
		fail_msg("'%s' was not missed", why);
	if (err.kind != kind || strstr(err.text, why) == NULL)
		fail_msg("%s, and not '%s': %s", err_kind_name(err.kind), why,
		    err.text);
}

static int
up(void **state)
{
	*state = full_document();
	return 0;
}

static int
down(void **state)
{
	cJSON_Delete(*state);
	return 0;
}

static void
what_was_written_reads_back(void **state)
{
	struct err err;
	struct manifest *m = parse_document(*state, &err);
	cJSON *again;

	if (m == NULL)
		fail_msg("%s", err.text);
	assert_int_equal(m->offset, INT64_C(1) << 52);
	assert_int_equal(m->cow_bytes, 12345);
	assert_string_equal(m->complete, MANIFEST_COMPLETE_SEEN);
	assert_int_equal(m->keys_before, 17);
	assert_int_equal(m->keys_after, 0);
	assert_false(m->diskless);
	assert_int_equal(strlen(m->replid), 40);
	assert_int_equal(m->nseek, 2);
	assert_int_equal(m->seek[1].raw, 64 << 20);
	assert_int_equal(m->seek[1].coded, 17 << 20);
	assert_int_equal(fingerprint_keys(m->fingerprint), RIG_KEYS);
	assert_int_equal(manifest_stored_bytes(m), m->parts[0].bytes);
	again = manifest_format(m);
	manifest_free(m);
	m = parse_document(again, &err);
	assert_non_null(m);
	cJSON_Delete(again);
	again = manifest_format(m);
	{
		char *a = json_format_line(*state);
		char *b = json_format_line(again);

		assert_string_equal(a, b);
		free(a);
		free(b);
	}
	manifest_free(m);
	cJSON_Delete(again);
}

static void
fields_that_are_not_known_are_kept(void **state)
{
	struct err err;
	struct manifest *m;
	cJSON *again, *item;

	cJSON_AddStringToObject(*state, "signature", "ed25519:xyz");
	item = cJSON_AddObjectToObject(*state, "acl");
	json_add_int(item, "users", 3);
	m = parse_document(*state, &err);
	assert_non_null(m);
	again = manifest_format(m);
	manifest_free(m);
	assert_string_equal(
	    cJSON_GetStringValue(cJSON_GetObjectItem(again, "signature")),
	    "ed25519:xyz");
	item = cJSON_GetObjectItem(again, "acl");
	assert_int_equal(cJSON_GetObjectItem(item, "users")->valueint, 3);
	cJSON_Delete(again);
}

/* Fields that may be left out; of the fingerprint its own tests tell. */
static bool
optional(const char *name)
{
	static const char *const names[] = {"replid", "offset", "diskless",
	    "cow_bytes", "complete", "keys_before", "keys_after", "crc64",
	    "seek", "pieces", "value_max", "string_max", "element_max",
	    "whole_max", "label_max", "fields_max", "string"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

static cJSON *
wrong_type(const cJSON *item)
{
	if (cJSON_IsString(item))
		return cJSON_CreateNumber(7);
	return cJSON_CreateString("wrong");
}

struct tally {
	cJSON *root;
	unsigned refused;
};

static void
without_and_wrong(struct tally *t, cJSON *node, const char *name)
{
	cJSON *item = cJSON_DetachItemFromObjectCaseSensitive(node, name);

	if (!optional(name)) {
		must_refuse(t->root, ERR_CORRUPT, name);
		cJSON_AddNullToObject(node, name);
		must_refuse(t->root, ERR_CORRUPT, name);
		cJSON_DeleteItemFromObjectCaseSensitive(node, name);
		t->refused++;
	}
	cJSON_AddItemToObject(node, name, wrong_type(item));
	must_refuse(t->root, ERR_CORRUPT, "");
	cJSON_DeleteItemFromObjectCaseSensitive(node, name);
	if (cJSON_IsNumber(item)) {
		cJSON_AddNumberToObject(node, name, -7);
		if (strcmp(name, "offset") != 0)
			must_refuse(t->root,
			    strcmp(name, "format") == 0 ? ERR_UNSUPPORTED
							: ERR_CORRUPT,
			    "");
		cJSON_DeleteItemFromObjectCaseSensitive(node, name);
		cJSON_AddNumberToObject(node, name, 1.5);
		must_refuse(t->root, ERR_CORRUPT, "");
		cJSON_DeleteItemFromObjectCaseSensitive(node, name);
	}
	cJSON_AddItemToObject(node, name, item);
}

static void
each_field(struct tally *t, cJSON *node)
{
	char *names[64];
	cJSON *item;
	int n = 0;

	cJSON_ArrayForEach(item, node)
	{
		assert_true(n < 64);
		names[n++] = xstrdup(item->string);
	}
	for (int i = 0; i < n; i++) {
		without_and_wrong(t, node, names[i]);
		item = cJSON_GetObjectItemCaseSensitive(node, names[i]);
		if (cJSON_IsObject(item) &&
		    strcmp(names[i], "fingerprint") != 0)
			each_field(t, item);
		if (cJSON_IsArray(item) && cJSON_IsObject(item->child))
			each_field(t, item->child);
		free(names[i]);
	}
}

static void
every_field_is_needed_and_checked(void **state)
{
	struct tally t = {.root = *state};
	struct err err;
	struct manifest *m;

	each_field(&t, t.root);
	assert_true(t.refused > 45);
	/* And it still is what it was. */
	m = parse_document(*state, &err);
	assert_non_null(m);
	manifest_free(m);
}

static void
a_part_cannot_be_named_out_of_its_folder(void **state)
{
	static const char *const bad[] = {"", "part", "../part-0000.rdb",
	    "part-/../../x", "part-0000/x", "part-..", "part-0..rdb",
	    "part-0000.rdb\\x", "part-0000 rdb", "Part-0000.rdb",
	    "part-0000.RDB", "manifest.json", "/part-0000.rdb",
	    "part-%2e%2e%2f",
	    ("part-012345678901234567890123456789"
	     "01234567890123456789012345678")};
	cJSON *parts = cJSON_GetObjectItem(*state, "parts");

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cJSON_ReplaceItemInObject(
		    parts->child, "name", cJSON_CreateString(bad[i]));
		must_refuse(*state, ERR_CORRUPT, "is no name of a part");
	}
}

static void
numbers_over_their_ceiling_are_refused(void **state)
{
	cJSON *dump = cJSON_GetObjectItem(*state, "dump");
	cJSON *data = cJSON_GetObjectItem(*state, "data");

	cJSON_ReplaceItemInObject(
	    dump, "rdb_version", cJSON_CreateNumber(10000));
	must_refuse(*state, ERR_CORRUPT, "rdb_version");
	cJSON_ReplaceItemInObject(dump, "rdb_version", cJSON_CreateNumber(11));
	cJSON_ReplaceItemInObject(
	    data, "db_max", cJSON_CreateNumber(4294967296.0));
	must_refuse(*state, ERR_CORRUPT, "db_max");
	cJSON_ReplaceItemInObject(data, "db_max", cJSON_CreateNumber(1e300));
	must_refuse(*state, ERR_CORRUPT, "db_max");
}

static void
lists_over_their_ceiling_are_refused(void **state)
{
	cJSON *root = *state;
	cJSON *data = cJSON_GetObjectItem(root, "data");
	cJSON *db = cJSON_GetObjectItem(data, "dbs")->child;
	cJSON *part = cJSON_GetObjectItem(root, "parts")->child;
	cJSON *list = cJSON_CreateArray();

	for (int i = 0; i <= MANIFEST_DBS_MAX; i++)
		cJSON_AddItemToArray(list, cJSON_Duplicate(db, true));
	cJSON_ReplaceItemInObject(data, "dbs", list);
	must_refuse(root, ERR_CORRUPT, "databases");
	cJSON_ReplaceItemInObject(data, "dbs", cJSON_CreateArray());
	list = cJSON_CreateArray();
	for (int i = 0; i <= MANIFEST_PARTS_MAX; i++)
		cJSON_AddItemToArray(list, cJSON_Duplicate(part, true));
	cJSON_ReplaceItemInObject(root, "parts", list);
	must_refuse(root, ERR_CORRUPT, "parts");
	cJSON_ReplaceItemInObject(root, "parts", cJSON_CreateArray());
	must_refuse(root, ERR_CORRUPT, "parts");
}

static void
what_a_newer_version_wrote_is_unsupported(void **state)
{
	cJSON *dump = cJSON_GetObjectItem(*state, "dump");

	cJSON_ReplaceItemInObject(dump, "cipher", cJSON_CreateString("rot13"));
	must_refuse(*state, ERR_UNSUPPORTED, "rot13");
	cJSON_ReplaceItemInObject(*state, "format", cJSON_CreateNumber(5));
	must_refuse(*state, ERR_UNSUPPORTED, "format 5");
}

/* As of a part of the keys. */
static cJSON *
add_filter(cJSON *root)
{
	cJSON *o, *rules;

	cJSON_ReplaceItemInObject(
	    root, "format", cJSON_CreateNumber(MANIFEST_FORMAT_FILTERED));
	o = cJSON_AddObjectToObject(root, "filter");
	rules = cJSON_AddObjectToObject(o, "rules");
	cJSON_AddStringToObject(rules, "keys", "user:*");
	cJSON_AddStringToObject(rules, "functions", "no");
	o = cJSON_AddObjectToObject(o, "left_out");
	json_add_int(o, "keys", 4711);
	json_add_int(o, "module_data", 2);
	return rules;
}

static void
a_part_is_told_from_the_whole(void **state)
{
	struct err err;
	struct manifest *m;
	cJSON *again, *rules = add_filter(*state);

	m = parse_document(*state, &err);
	if (m == NULL)
		fail_msg("%s", err.text);
	assert_string_equal(
	    key_filter_text(m->filter, KEY_RULE_KEYS), "user:*");
	assert_int_equal(m->left_out.keys, 4711);
	assert_int_equal(m->left_out.module_data, 2);
	again = manifest_format(m);
	manifest_free(m);
	assert_int_equal(cJSON_GetObjectItem(again, "format")->valueint, 3);
	m = parse_document(again, &err);
	assert_non_null(m);
	assert_false(key_filter_takes_functions(m->filter));
	manifest_free(m);
	cJSON_Delete(again);

	/* Who knows format 1 only would take it for the whole. */
	cJSON_ReplaceItemInObject(*state, "format", cJSON_CreateNumber(1));
	must_refuse(*state, ERR_CORRUPT, "format of a whole");
	cJSON_ReplaceItemInObject(*state, "format", cJSON_CreateNumber(3));

	cJSON_AddStringToObject(rules, "phase_of_the_moon", "full");
	must_refuse(*state, ERR_UNSUPPORTED, "phase_of_the_moon");
	cJSON_DeleteItemFromObject(rules, "phase_of_the_moon");
	cJSON_ReplaceItemInObject(rules, "keys", cJSON_CreateNumber(1));
	must_refuse(*state, ERR_CORRUPT, "no rule of a filter");
	cJSON_ReplaceItemInObject(rules, "keys", cJSON_CreateString(""));
	must_refuse(*state, ERR_CORRUPT, "is empty");
	cJSON_DeleteItemFromObject(rules, "keys");
	cJSON_DeleteItemFromObject(rules, "functions");
	must_refuse(*state, ERR_CORRUPT, "no rules");
	cJSON_DeleteItemFromObject(*state, "filter");
	must_refuse(*state, ERR_CORRUPT, "'filter'");
}

static void
bad_ids_and_jobs_are_refused(void **state)
{
	cJSON_ReplaceItemInObject(*state, "job", cJSON_CreateString("../x"));
	must_refuse(*state, ERR_CORRUPT, "../x");
	cJSON_ReplaceItemInObject(*state, "id", cJSON_CreateString("latest"));
	must_refuse(*state, ERR_CORRUPT, "latest");
}

static void
what_is_no_document_is_refused(void **state)
{
	static const char *const bad[] = {"", "[]", "7", "null", "\"x\"", "{}",
	    "{\"format\": 1", "{\"format\": 1, \"format\": 1}"};
	struct err err = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_null(manifest_parse(bad[i], strlen(bad[i]), &err));
		assert_int_equal(err.kind, ERR_CORRUPT);
	}
}

/* Digests for more or fewer pieces than the dump has are nobody's. */
static void
digests_are_there_for_every_piece(void **state)
{
	cJSON *dump = cJSON_GetObjectItem(*state, "dump");
	cJSON *pieces = cJSON_GetObjectItem(dump, "pieces");
	struct manifest *m;
	struct err err;

	cJSON_ReplaceItemInObject(
	    dump, "raw_bytes", cJSON_CreateNumber(2.0 * PIECE_BYTES));
	must_refuse(*state, ERR_CORRUPT, "'pieces'");
	cJSON_ReplaceItemInObject(
	    pieces, "xxh3_128", cJSON_CreateString("AAAA"));
	must_refuse(*state, ERR_CORRUPT, "'pieces'");
	cJSON_ReplaceItemInObject(
	    pieces, "xxh3_128", cJSON_CreateString("no base64"));
	must_refuse(*state, ERR_CORRUPT, "'pieces'");
	/* Of a size that another version likes better: none for us. */
	cJSON_ReplaceItemInObject(pieces, "bytes", cJSON_CreateNumber(65536));
	m = parse_document(*state, &err);
	assert_non_null(m);
	assert_null(m->pieces);
	manifest_free(m);
}

static void
an_unverified_one_has_no_data(void **state)
{
	cJSON *dump = cJSON_GetObjectItem(*state, "dump");
	struct manifest *m;
	struct err err;

	cJSON_ReplaceItemInObject(dump, "verified", cJSON_CreateFalse());
	cJSON_DeleteItemFromObject(*state, "data");
	cJSON_DeleteItemFromObject(*state, "fingerprint");
	m = parse_document(*state, &err);
	assert_non_null(m);
	assert_false(m->verified);
	assert_null(m->fingerprint);
	manifest_free(m);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, up, down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(what_was_written_reads_back),
	    TEST(fields_that_are_not_known_are_kept),
	    TEST(every_field_is_needed_and_checked),
	    TEST(a_part_cannot_be_named_out_of_its_folder),
	    TEST(numbers_over_their_ceiling_are_refused),
	    TEST(lists_over_their_ceiling_are_refused),
	    TEST(what_a_newer_version_wrote_is_unsupported),
	    TEST(a_part_is_told_from_the_whole),
	    TEST(bad_ids_and_jobs_are_refused),
	    TEST(what_is_no_document_is_refused),
	    TEST(digests_are_there_for_every_piece),
	    TEST(an_unverified_one_has_no_data),
	};

	return cmocka_run_group_tests_name("manifest", tests, NULL, NULL);
}
