/*
 * key_filter.h -- which keys of a dataset are wanted: a few rules, as texts.
 *
 * A key is taken when each rule takes it.  The texts are what a person gives
 * and a manifest keeps; lists are parted by commas:
 *
 *	dbs, not_dbs		"0,3,8-15"
 *	keys, not_keys		globs (key_glob.h): "user:*,session:*"; a comma
 *				of a name is written "\,"
 *	types, not_types	"string,list,set,zset,hash,stream,module"
 *	ttl			"with" or "without" one; or one that has so
 *				long to go: "1h..", "..30m", "1h..7d"
 *	functions		"yes" or "no": whether libraries are taken
 *
 * Immutable once it is filled; then several threads may use it.
 */
#ifndef RDB_KEY_FILTER_H
#define RDB_KEY_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct key_filter;
struct rdb_key;

#define KEY_RULE_BYTES_MAX 8192
#define KEY_RULE_ITEMS_MAX 256 /* of a list */
#define KEY_GLOB_BYTES_MAX 512

enum key_rule {
	KEY_RULE_DBS,
	KEY_RULE_NOT_DBS,
	KEY_RULE_KEYS,
	KEY_RULE_NOT_KEYS,
	KEY_RULE_TYPES,
	KEY_RULE_NOT_TYPES,
	KEY_RULE_TTL,
	KEY_RULE_FUNCTIONS,
	KEY_RULES
};

const char *key_rule_name(enum key_rule); /* "not_dbs" */

/* Takes everything. */
struct key_filter *key_filter_new(void);
void key_filter_free(struct key_filter *);
struct key_filter *key_filter_copy(const struct key_filter *);

/* Each rule once.  ERR_USAGE says what the text should be. */
int key_filter_add(
    struct key_filter *, enum key_rule, const char *text, struct err *);

/* As it was given; NULL: there is no such rule. */
const char *key_filter_text(const struct key_filter *, enum key_rule);

/* NULL is no filter. */
bool key_filter_same(const struct key_filter *, const struct key_filter *);

/* at_ms: the instant that the dataset stands for. */
bool key_filter_takes(
    const struct key_filter *, const struct rdb_key *, int64_t at_ms);
bool key_filter_takes_functions(const struct key_filter *);

/* What of it is known before a key was read: false where no such key would be
 * taken. */
bool key_filter_may_take_db(const struct key_filter *, uint32_t db);
bool key_filter_may_take_name(const struct key_filter *, const void *, size_t);

/* Where all that it takes is of one type: as TYPE and SCAN call that.  NULL for
 * a module's, whose names are its own. */
const char *key_filter_only_type(const struct key_filter *);

#endif
