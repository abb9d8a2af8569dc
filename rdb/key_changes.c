#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "rdb/key_table.h"
#include "rdb/slot_set.h"

#include "rdb/key_changes.h"

/* Differences are kept by what they need to be told from: each of these has
 * a list of its own, so that none crowds out the others. */
enum list { LIST_ONLY_FIRST, LIST_ONLY_SECOND, LIST_CHANGED, LISTS };

struct difference_list {
	struct key_difference *items;
	size_t n;
};

struct key_changes {
	size_t limit;
	struct key_change_count *counts; /* by database, ascending */
	size_t ncounts;
	struct slot_set *slots;
	struct difference_list lists[LISTS];
	struct key_difference *told; /* made when asked for */
};

static struct key_change_count *
count_of(struct key_changes *c, uint32_t db)
{
	size_t i = c->ncounts;

	while (i > 0 && c->counts[i - 1].db > db)
		i--;
	if (i > 0 && c->counts[i - 1].db == db)
		return &c->counts[i - 1];
	c->counts = xreallocarray(
	    c->counts, c->ncounts + 1, sizeof(*c->counts));
	memmove(c->counts + i + 1, c->counts + i,
	    (c->ncounts - i) * sizeof(*c->counts));
	c->ncounts++;
	memset(&c->counts[i], 0, sizeof(c->counts[i]));
	c->counts[i].db = db;
	return &c->counts[i];
}

static void
take_facts(struct key_facts *facts, const struct key_record *r)
{
	if (r == NULL)
		return;
	facts->kind = (enum rdb_kind)r->kind;
	facts->bytes = r->bytes;
	facts->elements = r->elements;
	facts->expires_ms = r->expires_ms;
}

static void
list_add(struct key_changes *c, enum list which, unsigned changes,
    const struct key_record *first, const struct key_record *second,
    const unsigned char *name)
{
	struct difference_list *list = &c->lists[which];
	const struct key_record *any = first != NULL ? first : second;
	size_t kept = key_name_kept(any->name_len);
	struct key_difference *k;

	if (list->n == c->limit)
		return;
	if (list->items == NULL)
		list->items = xcalloc(c->limit, sizeof(*list->items));
	k = &list->items[list->n++];
	k->db = any->db;
	k->changes = changes;
	k->name_len = any->name_len;
	k->name = xmalloc(kept + 1);
	memcpy(k->name, name, kept);
	take_facts(&k->sides[DIFF_FIRST], first);
	take_facts(&k->sides[DIFF_SECOND], second);
}

void
key_changes_add(struct key_changes *c, unsigned changes,
    const struct key_record *first, const struct key_record *second,
    const unsigned char *name)
{
	const struct key_record *any = first != NULL ? first : second;
	struct key_change_count *count = count_of(c, any->db);
	enum list which = first == NULL ? LIST_ONLY_SECOND
	    : second == NULL		? LIST_ONLY_FIRST
					: LIST_CHANGED;

	count->keys++;
	for (int i = 0; i < KEY_CHANGES; i++)
		count->changes[i] += changes >> i & 1;
	slot_set_add(c->slots, any->db, any->slot);
	list_add(c, which, changes, first, second, name);
}

struct key_changes *
key_changes_new(size_t limit)
{
	struct key_changes *c = xcalloc(1, sizeof(*c));

	c->limit = limit;
	c->slots = slot_set_new();
	return c;
}

void
key_changes_free(struct key_changes *c)
{
	if (c == NULL)
		return;
	for (int i = 0; i < LISTS; i++) {
		for (size_t k = 0; k < c->lists[i].n; k++)
			free(c->lists[i].items[k].name);
		free(c->lists[i].items);
	}
	slot_set_free(c->slots);
	free(c->counts);
	free(c->told);
	free(c);
}

const struct key_change_count *
key_changes_count(const struct key_changes *c, size_t i)
{
	return i < c->ncounts ? &c->counts[i] : NULL;
}

const struct slot_set *
key_changes_slots(const struct key_changes *c)
{
	return c->slots;
}

static int
by_db_and_name(const void *a, const void *b)
{
	const struct key_difference *x = a, *y = b;
	size_t nx = key_name_kept(x->name_len), ny = key_name_kept(y->name_len);
	int order;

	if (x->db != y->db)
		return x->db < y->db ? -1 : 1;
	order = memcmp(x->name, y->name, nx < ny ? nx : ny);
	if (order != 0 || x->name_len == y->name_len)
		return order;
	return x->name_len < y->name_len ? -1 : 1;
}

const struct key_difference *
key_changes_list(struct key_changes *c, size_t *n)
{
	bool more = true;

	*n = 0;
	free(c->told);
	c->told = xcalloc(c->limit + 1, sizeof(*c->told));
	for (size_t at = 0; more; at++) {
		more = false;
		for (int i = 0; i < LISTS && *n < c->limit; i++) {
			if (at >= c->lists[i].n)
				continue;
			c->told[(*n)++] = c->lists[i].items[at];
			more = true;
		}
	}
	qsort(c->told, *n, sizeof(*c->told), by_db_and_name);
	return c->told;
}
