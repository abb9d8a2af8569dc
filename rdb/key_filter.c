#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/quantity.h"
#include "base/utf8.h"
#include "base/xalloc.h"
#include "rdb/key_glob.h"
#include "rdb/rdb_reader.h"

#include "rdb/key_filter.h"

struct db_range {
	uint32_t from, to;
};

struct db_list {
	struct db_range *ranges;
	size_t n;
};

struct glob {
	const char *pattern; /* in the rule's text */
	size_t len;
};

struct glob_list {
	struct glob *globs;
	size_t n;
};

struct key_filter {
	char *text[KEY_RULES];
	struct db_list dbs[2]; /* wanted, and not */
	struct glob_list keys[2];
	unsigned types[2]; /* bit k: of enum rdb_kind */
	bool expiring;	   /* only those with an expiry, */
	bool lasting;	   /* only those without */
	int64_t least_ms, most_ms;
	bool no_functions;
};

static const char *const names[] = {
    [KEY_RULE_DBS] = "dbs",
    [KEY_RULE_NOT_DBS] = "not_dbs",
    [KEY_RULE_KEYS] = "keys",
    [KEY_RULE_NOT_KEYS] = "not_keys",
    [KEY_RULE_TYPES] = "types",
    [KEY_RULE_NOT_TYPES] = "not_types",
    [KEY_RULE_TTL] = "ttl",
    [KEY_RULE_FUNCTIONS] = "functions",
};

const char *
key_rule_name(enum key_rule rule)
{
	return names[rule];
}

struct key_filter *
key_filter_new(void)
{
	struct key_filter *f = xcalloc(1, sizeof(*f));

	f->most_ms = INT64_MAX;
	return f;
}

void
key_filter_free(struct key_filter *f)
{
	if (f == NULL)
		return;
	for (int i = 0; i < 2; i++) {
		free(f->dbs[i].ranges);
		free(f->keys[i].globs);
	}
	for (int i = 0; i < KEY_RULES; i++)
		free(f->text[i]);
	free(f);
}

struct key_filter *
key_filter_copy(const struct key_filter *f)
{
	struct key_filter *copy = key_filter_new();
	struct err err = {0};

	for (int i = 0; i < KEY_RULES; i++)
		if (f->text[i] != NULL &&
		    key_filter_add(copy, (enum key_rule)i, f->text[i], &err) !=
			0)
			assert(false);
	return copy;
}

/* Where an item that begins at p ends: at a comma with no '\' before it. */
static const char *
item_end(const char *p)
{
	while (*p != '\0' && *p != ',')
		p += p[0] == '\\' && p[1] != '\0' ? 2 : 1;
	return p;
}

typedef int item_fn(
    struct key_filter *, int list, const char *item, size_t len, struct err *);

static int
each_item(struct key_filter *f, enum key_rule rule, int list, item_fn *add,
    struct err *err)
{
	const char *p = f->text[rule], *end;

	for (size_t n = 1;; n++) {
		end = item_end(p);
		if (end == p)
			return err_set(
			    err, ERR_USAGE, "a part of the list is empty");
		if (n > KEY_RULE_ITEMS_MAX)
			return err_set(err, ERR_USAGE,
			    "a list has at most %d parts", KEY_RULE_ITEMS_MAX);
		if (add(f, list, p, (size_t)(end - p), err) != 0)
			return -1;
		if (*end == '\0')
			return 0;
		p = end + 1;
	}
}

/* "3" or "8-15". */
static int
add_db(struct key_filter *f, int list, const char *item, size_t len,
    struct err *err)
{
	struct db_list *l = &f->dbs[list];
	const char *rest;
	uint64_t from, to;
	bool good = quantity_number(item, &from, &rest);

	to = from;
	if (good && *rest == '-')
		good = quantity_number(rest + 1, &to, &rest);
	if (!good || rest != item + len || from > to || to > UINT32_MAX)
		return err_set(err, ERR_USAGE,
		    "'%.*s' is no database: write 0, or 8-15 for several",
		    len < 40 ? (int)len : 40, item);
	l->ranges = xreallocarray(l->ranges, l->n + 1, sizeof(*l->ranges));
	l->ranges[l->n++] = (struct db_range){(uint32_t)from, (uint32_t)to};
	return 0;
}

static int
add_glob(struct key_filter *f, int list, const char *item, size_t len,
    struct err *err)
{
	struct glob_list *l = &f->keys[list];

	if (len > KEY_GLOB_BYTES_MAX)
		return err_set(err, ERR_USAGE, "'%.40s...' has over %d bytes",
		    item, KEY_GLOB_BYTES_MAX);
	l->globs = xreallocarray(l->globs, l->n + 1, sizeof(*l->globs));
	l->globs[l->n++] = (struct glob){item, len};
	return 0;
}

static int
add_type(struct key_filter *f, int list, const char *item, size_t len,
    struct err *err)
{
	for (int k = 0; k < RDB_KINDS; k++) {
		const char *name = rdb_kind_name((enum rdb_kind)k);

		if (strlen(name) == len && memcmp(name, item, len) == 0) {
			f->types[list] |= 1u << k;
			return 0;
		}
	}
	return err_set(err, ERR_USAGE,
	    "'%.*s' is none of: string, list, set, zset, hash, stream, module",
	    len < 40 ? (int)len : 40, item);
}

static int
parse_range(struct key_filter *f, const char *text, struct err *err)
{
	const char *dots = strstr(text, "..");
	char from[32];
	size_t len;

	if (dots == NULL || strlen(text) == 2 ||
	    (len = (size_t)(dots - text)) >= sizeof(from))
		return err_set(err, ERR_USAGE,
		    "'%.40s' is no TTL: write with, without, 1h.., ..30m or "
		    "1h..7d",
		    text);
	memcpy(from, text, len);
	from[len] = '\0';
	if ((len > 0 && quantity_ms(from, &f->least_ms, err) != 0) ||
	    (dots[2] != '\0' && quantity_ms(dots + 2, &f->most_ms, err) != 0))
		return -1;
	if (f->least_ms > f->most_ms)
		return err_set(err, ERR_USAGE, "no TTL is in '%.40s'", text);
	return 0;
}

static int
parse_ttl(struct key_filter *f, const char *text, struct err *err)
{
	f->lasting = strcmp(text, "without") == 0;
	f->expiring = !f->lasting;
	if (f->lasting || strcmp(text, "with") == 0)
		return 0;
	return parse_range(f, text, err);
}

static int
parse_functions(struct key_filter *f, const char *text, struct err *err)
{
	f->no_functions = strcmp(text, "no") == 0;
	if (!f->no_functions && strcmp(text, "yes") != 0)
		return err_set(
		    err, ERR_USAGE, "'%.40s' is neither yes nor no", text);
	return 0;
}

static int
parse_rule(struct key_filter *f, enum key_rule rule, struct err *err)
{
	switch (rule) {
	case KEY_RULE_DBS:
	case KEY_RULE_NOT_DBS:
		return each_item(f, rule, rule != KEY_RULE_DBS, add_db, err);
	case KEY_RULE_KEYS:
	case KEY_RULE_NOT_KEYS:
		return each_item(f, rule, rule != KEY_RULE_KEYS, add_glob, err);
	case KEY_RULE_TYPES:
	case KEY_RULE_NOT_TYPES:
		return each_item(
		    f, rule, rule != KEY_RULE_TYPES, add_type, err);
	case KEY_RULE_TTL:
		return parse_ttl(f, f->text[rule], err);
	case KEY_RULE_FUNCTIONS:
		return parse_functions(f, f->text[rule], err);
	case KEY_RULES:
		break;
	}
	return 0;
}

/* It is to be printed, and to stand in a manifest. */
static int
check_text(const char *text, struct err *err)
{
	size_t len = strlen(text);

	if (len > KEY_RULE_BYTES_MAX)
		return err_set(
		    err, ERR_USAGE, "it has over %d bytes", KEY_RULE_BYTES_MAX);
	for (size_t i = 0, n; i < len; i += n) {
		n = utf8_bytes(text + i);
		if (n == 0)
			return err_set(err, ERR_USAGE,
			    "a byte that is no UTF-8 is in it; write ? for it");
		if ((unsigned char)text[i] < ' ' || text[i] == '\x7f')
			return err_set(err, ERR_USAGE,
			    "a control character is in it; write ? for it");
	}
	return 0;
}

int
key_filter_add(
    struct key_filter *f, enum key_rule rule, const char *text, struct err *err)
{
	assert(f->text[rule] == NULL);
	if (check_text(text, err) != 0)
		return -1;
	f->text[rule] = xstrdup(text);
	return parse_rule(f, rule, err);
}

const char *
key_filter_text(const struct key_filter *f, enum key_rule rule)
{
	return f->text[rule];
}

bool
key_filter_same(const struct key_filter *a, const struct key_filter *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	for (int i = 0; i < KEY_RULES; i++) {
		const char *s = a->text[i], *t = b->text[i];

		if (s == NULL || t == NULL ? s != t : strcmp(s, t) != 0)
			return false;
	}
	return true;
}

static bool
has_db(const struct db_list *l, uint32_t db)
{
	for (size_t i = 0; i < l->n; i++)
		if (db >= l->ranges[i].from && db <= l->ranges[i].to)
			return true;
	return false;
}

static bool
has_name(const struct glob_list *l, const void *name, size_t len)
{
	for (size_t i = 0; i < l->n; i++)
		if (key_glob_match(
			l->globs[i].pattern, l->globs[i].len, name, len))
			return true;
	return false;
}

static bool
takes_ttl(const struct key_filter *f, int64_t expires_ms, int64_t at_ms)
{
	int64_t left;

	if (expires_ms == RDB_NO_EXPIRY)
		return !f->expiring;
	if (f->lasting)
		return false;
	left = expires_ms > at_ms ? expires_ms - at_ms : 0;
	return left >= f->least_ms && left <= f->most_ms;
}

bool
key_filter_may_take_db(const struct key_filter *f, uint32_t db)
{
	if (f->dbs[0].n > 0 && !has_db(&f->dbs[0], db))
		return false;
	return !has_db(&f->dbs[1], db);
}

bool
key_filter_may_take_name(
    const struct key_filter *f, const void *name, size_t len)
{
	if (f->keys[0].n > 0 && !has_name(&f->keys[0], name, len))
		return false;
	return !has_name(&f->keys[1], name, len);
}

static unsigned
kinds_taken(const struct key_filter *f)
{
	unsigned all = (1u << RDB_KINDS) - 1;

	return (f->types[0] != 0 ? f->types[0] : all) & ~f->types[1];
}

const char *
key_filter_only_type(const struct key_filter *f)
{
	unsigned taken = kinds_taken(f);

	for (int k = 0; k < RDB_KINDS; k++)
		if (taken == 1u << k && k != RDB_MODULE)
			return rdb_kind_name((enum rdb_kind)k);
	return NULL;
}

bool
key_filter_takes(
    const struct key_filter *f, const struct rdb_key *k, int64_t at_ms)
{
	return key_filter_may_take_db(f, k->db) &&
	    (kinds_taken(f) & 1u << k->kind) != 0 &&
	    takes_ttl(f, k->expires_ms, at_ms) &&
	    key_filter_may_take_name(f, k->name, k->name_len);
}

bool
key_filter_takes_functions(const struct key_filter *f)
{
	return !f->no_functions;
}
