/*
 * Pages of digests, found by a digest's first bytes; one that is full sends on
 * to the page after it.  Nothing is ever taken out, so a search ends at the
 * first page with room.  The pages are one array, or one file.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <xxhash.h>

#include "base/err.h"
#include "base/temp_file.h"
#include "base/xalloc.h"

#include "rdb/key_set.h"

#define PAGE_BYTES 4096
#define PAGE_KEYS  255

/* Of PAGE_KEYS, on average: beyond it pages overflow into one another. */
#define FILL_MOST  200
#define FILL_FIRST 128

/* A server tells how many keys to expect, and may tell anything. */
#define EXPECTED_MOST (UINT64_C(1) << 32)

struct digest {
	uint64_t low, high;
};

struct page {
	struct digest keys[PAGE_KEYS];
	uint64_t n;
	uint64_t unused;
};

_Static_assert(sizeof(struct page) == PAGE_BYTES, "pages are read as a whole");

/* Where pages are. */
struct table {
	struct page *pages; /* NULL: in the file */
	int fd;
	uint64_t npages; /* a power of two */
};

struct key_set {
	struct table table;
	size_t memory_max;
	const char *dir;
	uint64_t count;
	struct page scratch;
};

static int
table_open(
    const struct key_set *s, struct table *t, uint64_t npages, struct err *err)
{
	*t = (struct table){.fd = -1, .npages = npages};
	if (npages <= s->memory_max / PAGE_BYTES) {
		t->pages = xcalloc(npages, PAGE_BYTES);
		return 0;
	}
	t->fd = temp_file_open(s->dir, err);
	if (t->fd < 0)
		return -1;
	/* A hole of zeros: pages without a key. */
	if (ftruncate(t->fd, (off_t)(npages * PAGE_BYTES)) == 0)
		return 0;
	err_sys(err, "a temporary file of %zu bytes",
	    (size_t)(npages * PAGE_BYTES));
	close(t->fd);
	return -1;
}

static void
table_close(struct table *t)
{
	free(t->pages);
	if (t->fd >= 0)
		close(t->fd);
}

/* In place, or in scratch. */
static struct page *
page_at(
    const struct table *t, uint64_t i, struct page *scratch, struct err *err)
{
	if (t->pages != NULL)
		return &t->pages[i];
	if (temp_file_read(t->fd, scratch, PAGE_BYTES, i * PAGE_BYTES, err) !=
	    0)
		return NULL;
	return scratch;
}

static int
page_add(const struct table *t, uint64_t i, struct page *p,
    const struct digest *d, struct err *err)
{
	p->keys[p->n++] = *d;
	if (t->pages != NULL)
		return 0;
	return temp_file_write(t->fd, p, PAGE_BYTES, i * PAGE_BYTES, err);
}

static bool
page_has(const struct page *p, const struct digest *d)
{
	for (uint64_t i = 0; i < p->n; i++)
		if (p->keys[i].low == d->low && p->keys[i].high == d->high)
			return true;
	return false;
}

/* The page that has the digest, or that with room for it: its number in *at,
 * in place or in scratch. */
static struct page *
table_find(const struct table *t, const struct digest *d, struct page *scratch,
    uint64_t *at, struct err *err)
{
	for (uint64_t i = d->low & (t->npages - 1);;
	     i = (i + 1) & (t->npages - 1)) {
		struct page *p = page_at(t, i, scratch, err);

		*at = i;
		if (p == NULL || p->n < PAGE_KEYS || page_has(p, d))
			return p;
	}
}

static int
table_add(const struct table *t, const struct digest *d, struct page *scratch,
    bool *is_new, struct err *err)
{
	uint64_t at;
	struct page *p = table_find(t, d, scratch, &at, err);

	if (p == NULL)
		return -1;
	*is_new = !page_has(p, d);
	return *is_new ? page_add(t, at, p, d, err) : 0;
}

/* Twice as many pages; into a file once they are too many for memory. */
static int
grow(struct key_set *s, struct err *err)
{
	struct page from, into;
	struct table wide;

	if (table_open(s, &wide, 2 * s->table.npages, err) != 0)
		return -1;
	for (uint64_t i = 0; i < s->table.npages; i++) {
		const struct page *p = page_at(&s->table, i, &from, err);
		bool is_new;

		for (uint64_t k = 0; p != NULL && k < p->n; k++)
			if (table_add(
				&wide, &p->keys[k], &into, &is_new, err) != 0)
				p = NULL;
		if (p == NULL) {
			table_close(&wide);
			return -1;
		}
	}
	table_close(&s->table);
	s->table = wide;
	return 0;
}

struct key_set *
key_set_new(
    uint64_t expected, size_t memory_max, const char *dir, struct err *err)
{
	struct key_set *s = xcalloc(1, sizeof(*s));
	uint64_t npages = 1;

	if (expected > EXPECTED_MOST)
		expected = EXPECTED_MOST;
	while (npages * FILL_FIRST < expected)
		npages *= 2;
	s->memory_max = memory_max;
	s->dir = dir;
	if (table_open(s, &s->table, npages, err) == 0)
		return s;
	free(s);
	return NULL;
}

void
key_set_free(struct key_set *s)
{
	if (s == NULL)
		return;
	table_close(&s->table);
	free(s);
}

static struct digest
digest_of(uint32_t db, const void *name, size_t len)
{
	XXH128_hash_t h = XXH3_128bits_withSeed(name, len, db);

	return (struct digest){h.low64, h.high64};
}

int
key_set_add(struct key_set *s, uint32_t db, const void *name, size_t len,
    bool *is_new, struct err *err)
{
	struct digest d = digest_of(db, name, len);

	if (s->count >= s->table.npages * FILL_MOST && grow(s, err) != 0)
		return -1;
	if (table_add(&s->table, &d, &s->scratch, is_new, err) != 0)
		return -1;
	s->count += *is_new;
	return 0;
}

int
key_set_has(struct key_set *s, uint32_t db, const void *name, size_t len,
    bool *has, struct err *err)
{
	struct digest d = digest_of(db, name, len);
	uint64_t at;
	const struct page *p = table_find(&s->table, &d, &s->scratch, &at, err);

	if (p == NULL)
		return -1;
	*has = page_has(p, &d);
	return 0;
}

uint64_t
key_set_count(const struct key_set *s)
{
	return s->count;
}
