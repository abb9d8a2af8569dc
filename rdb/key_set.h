/*
 * key_set.h -- which keys were seen, by 128 bits of each.
 *
 * Of hundreds of millions of keys, too: in memory up to a ceiling, and beyond
 * it in an unlinked temporary file in dir (NULL: TMPDIR, else /var/tmp), at about
 * 20 bytes a key.
 */
#ifndef RDB_KEY_SET_H
#define RDB_KEY_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct key_set;

/* expected keys (more may come) make it large enough at once, as far as that
 * may be believed. */
struct key_set *key_set_new(
    uint64_t expected, size_t memory_max, const char *dir, struct err *);
void key_set_free(struct key_set *); /* NULL is fine */

/* *is_new tells whether it had not been added before. */
int key_set_add(struct key_set *, uint32_t db, const void *name, size_t,
    bool *is_new, struct err *);

/* Whether it was added; adds nothing. */
int key_set_has(struct key_set *, uint32_t db, const void *name, size_t,
    bool *has, struct err *);

uint64_t key_set_count(const struct key_set *);

#endif
