#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "base/buf.h"
#include "rdb/cluster_slot.h"
#include "rdb/rdb_reader.h"

#include "tests/sim/rdb_json.h"

#define ELEMENT_MAX ((size_t)1 << 20)

struct builder {
	struct rdb_visitor visitor;
	struct rdb_json *out;
	bool streams;
	uint32_t db;
	cJSON *home; /* of the key: its database, or what is past */
	cJSON *value;
	cJSON *items;		 /* of a stream's entry */
	cJSON *stream;		 /* NULL when its facts are not wanted */
	cJSON *group, *consumer; /* of the stream */
	char *name;		 /* of the key */
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
	    b->out->aux, (const char *)name, (const char *)value);
	return 0;
}

static int
build_function(
    struct rdb_visitor *v, const unsigned char *p, size_t n, struct err *err)
{
	struct builder *b = (struct builder *)v;

	(void)n;
	(void)err;
	cJSON_AddItemToArray(
	    b->out->functions, cJSON_CreateString((const char *)p));
	return 0;
}

static int
build_sizes(struct rdb_visitor *v, uint32_t db, uint64_t keys, uint64_t expires,
    struct err *err)
{
	struct builder *b = (struct builder *)v;

	(void)db;
	(void)err;
	cJSON_Delete(b->out->dbsize);
	b->out->dbsize = cJSON_CreateObject();
	cJSON_AddNumberToObject(b->out->dbsize, "size", (double)keys);
	cJSON_AddNumberToObject(b->out->dbsize, "expires", (double)expires);
	return 0;
}

/* What a dump says of a slot is passed over: it must be so of its keys. */
static void
build_slot(struct builder *b, const struct rdb_key *key)
{
	int slot = cluster_slot(key->name, key->name_len);
	bool expires = key->expires_ms != RDB_NO_EXPIRY;
	char id[16];
	cJSON *s;

	snprintf(id, sizeof(id), "%d", slot);
	s = cJSON_GetObjectItem(b->out->slots, id);
	if (s == NULL) {
		s = cJSON_AddObjectToObject(b->out->slots, id);
		cJSON_AddNumberToObject(s, "slotId", slot);
		cJSON_AddNumberToObject(s, "slotSize", 0);
		cJSON_AddNumberToObject(s, "slotSExpiresSize", 0);
	}
	cJSON_SetNumberValue(cJSON_GetObjectItem(s, "slotSize"),
	    cJSON_GetObjectItem(s, "slotSize")->valuedouble + 1);
	cJSON_SetNumberValue(cJSON_GetObjectItem(s, "slotSExpiresSize"),
	    cJSON_GetObjectItem(s, "slotSExpiresSize")->valuedouble + expires);
}

/* librdb leaves out what has expired. */
static cJSON *
home_of(struct builder *b, const struct rdb_key *key)
{
	int n = cJSON_GetArraySize(b->out->dbs);

	if (n == 0 || b->db != key->db) {
		cJSON_AddItemToArray(b->out->dbs, cJSON_CreateObject());
		n++;
	}
	b->db = key->db;
	if (key->expires_ms != RDB_NO_EXPIRY &&
	    key->expires_ms / 1000 < (int64_t)time(NULL))
		return b->out->past;
	return cJSON_GetArrayItem(b->out->dbs, n - 1);
}

static int
build_key(struct rdb_visitor *v, const struct rdb_key *key, struct err *err)
{
	struct builder *b = (struct builder *)v;

	(void)err;
	build_slot(b, key);
	b->home = home_of(b, key);
	free(b->name);
	b->name = strndup((const char *)key->name, key->name_len);
	b->value = b->stream = NULL;
	if (key->kind == RDB_LIST || key->kind == RDB_SET)
		b->value = cJSON_AddArrayToObject(b->home, b->name);
	else if (key->kind != RDB_STRING && key->kind != RDB_MODULE)
		b->value = cJSON_AddObjectToObject(b->home, b->name);
	if (key->kind == RDB_STREAM) {
		b->stream = b->streams ? b->value : NULL;
		b->value = cJSON_AddArrayToObject(b->value, "entries");
	}
	return 0;
}

/* An opaque value: the name is in its first number, nine times six bits. */
static void
build_module(struct builder *b)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "abcdefghijklmnopqrstuvwxyz0123456789-_";
	const unsigned char *p = (const unsigned char *)b->element.data;
	char name[10] = "", text[128];
	uint64_t id = 0;

	assert_true(b->element.len > 9);
	for (size_t i = 1; i < 9; i++)
		id = id << 8 | p[i];
	for (size_t i = 0; i < 9; i++)
		name[i] = letters[id >> (58 - 6 * i) & 63];
	snprintf(text, sizeof(text),
	    "<Content of Module '%s'. Occupies a serialized size of %zu bytes>",
	    name, b->element.len);
	cJSON_AddStringToObject(b->home, b->name, text);
}

/* The array of that name, made when it is first asked for. */
static cJSON *
array_of(cJSON *object, const char *name)
{
	cJSON *a = cJSON_GetObjectItem(object, name);

	return a != NULL ? a : cJSON_AddArrayToObject(object, name);
}

static cJSON *
build_named(struct builder *b, cJSON *in, const char *list)
{
	cJSON *one = cJSON_CreateObject();

	cJSON_AddStringToObject(one, "name", b->element.data);
	cJSON_AddItemToArray(array_of(in, list), one);
	return one;
}

static void
build_element(struct builder *b, enum rdb_part part)
{
	switch (part) {
	case RDB_PART_STRING:
		cJSON_AddStringToObject(b->home, b->name, b->element.data);
		break;
	case RDB_PART_MODULE:
		build_module(b);
		break;
	case RDB_PART_GROUP:
		if (b->stream != NULL)
			b->group = build_named(b, b->stream, "groups");
		break;
	case RDB_PART_CONSUMER:
		if (b->stream != NULL)
			b->consumer = build_named(b, b->group, "consumers");
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

/* As librdb writes scores: without the sign of zero. */
static int
build_score(struct rdb_visitor *v, double score, struct err *err)
{
	struct builder *b = (struct builder *)v;
	char text[64];

	(void)err;
	score += 0.0;
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

static void
add_id(cJSON *to, const char *name, struct rdb_stream_id id)
{
	char text[64];

	snprintf(text, sizeof(text), "%llu-%llu", (unsigned long long)id.ms,
	    (unsigned long long)id.seq);
	cJSON_AddStringToObject(to, name, text);
}

static int
build_entry(struct rdb_visitor *v, struct rdb_stream_id id, uint64_t fields,
    struct err *err)
{
	struct builder *b = (struct builder *)v;
	cJSON *entry = cJSON_CreateObject();

	(void)fields;
	(void)err;
	add_id(entry, "id", id);
	b->items = cJSON_AddObjectToObject(entry, "items");
	cJSON_AddItemToArray(b->value, entry);
	return 0;
}

static cJSON *
add_pending(cJSON *to, struct rdb_stream_id id)
{
	cJSON *one = cJSON_CreateObject();

	add_id(one, "id", id);
	cJSON_AddItemToArray(array_of(to, "pending"), one);
	return one;
}

static int
build_fact(struct rdb_visitor *v, enum rdb_stream_fact fact,
    struct rdb_stream_id id, uint64_t n, int64_t ms, struct err *err)
{
	static const struct {
		const char *name;
		enum { ID, NUMBER, TIME } what;
	} forms[] = {
	    [RDB_STREAM_LENGTH] = {"length", NUMBER},
	    [RDB_STREAM_LAST_ID] = {"lastID", ID},
	    [RDB_STREAM_FIRST_ID] = {"firstID", ID},
	    [RDB_STREAM_MAX_DELETED] = {"maxDelEntryID", ID},
	    [RDB_STREAM_ADDED] = {"entriesAdded", NUMBER},
	    [RDB_STREAM_GROUP_LAST] = {"lastid", ID},
	    [RDB_STREAM_GROUP_READ] = {"entriesRead", NUMBER},
	    [RDB_STREAM_SEEN] = {"seenTime", TIME},
	    [RDB_STREAM_ACTIVE] = {"activeTime", TIME},
	};
	struct builder *b = (struct builder *)v;
	cJSON *to = fact == RDB_STREAM_SEEN || fact == RDB_STREAM_ACTIVE
	    ? b->consumer
	    : fact >= RDB_STREAM_GROUP_LAST ? b->group
					    : b->stream;

	(void)err;
	if (b->stream == NULL)
		return 0;
	if (fact == RDB_STREAM_OWNED) {
		add_pending(b->consumer, id);
	} else if (fact == RDB_STREAM_PENDING) {
		to = add_pending(b->group, id);
		cJSON_AddNumberToObject(to, "sent", (double)ms);
		cJSON_AddNumberToObject(to, "count", (double)n);
	} else if (forms[fact].what == ID) {
		add_id(to, forms[fact].name, id);
	} else {
		cJSON_AddNumberToObject(to, forms[fact].name,
		    forms[fact].what == TIME ? (double)ms : (double)n);
	}
	return 0;
}

void
rdb_json_read(struct rdb_json *out, const void *data, size_t len, bool streams)
{
	static const struct rdb_visitor_ops ops = {
	    .aux = build_aux,
	    .function = build_function,
	    .resize_db = build_sizes,
	    .key_begin = build_key,
	    .piece = build_piece,
	    .score = build_score,
	    .stream_entry = build_entry,
	    .stream_fact = build_fact,
	};
	struct builder b = {
	    .visitor.ops = &ops, .out = out, .streams = streams};
	struct rdb_reader *r = rdb_reader_new();
	struct err err = {0};

	*out = (struct rdb_json){.aux = cJSON_CreateObject(),
	    .functions = cJSON_CreateArray(),
	    .slots = cJSON_CreateObject(),
	    .past = cJSON_CreateObject(),
	    .dbs = cJSON_CreateArray()};
	buf_init(&b.element, ELEMENT_MAX);
	buf_init(&b.before, ELEMENT_MAX);
	rdb_reader_add(r, &b.visitor);
	if (rdb_reader_feed(r, data, len, &err) != 0 ||
	    rdb_reader_finish(r, &err) != 0)
		fail_msg("%s", err.text);
	rdb_reader_free(r);
	buf_release(&b.before);
	buf_release(&b.element);
	free(b.name);
}

void
rdb_json_release(struct rdb_json *j)
{
	cJSON_Delete(j->dbs);
	cJSON_Delete(j->past);
	cJSON_Delete(j->aux);
	cJSON_Delete(j->functions);
	cJSON_Delete(j->dbsize);
	cJSON_Delete(j->slots);
}
