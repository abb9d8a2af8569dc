#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/xalloc.h"

#include "base/journal.h"

struct entry {
	char *key;
	char *value;
};

struct memory {
	struct journal base;
	pthread_mutex_t lock;
	struct entry *list; /* in the order of the keys */
	size_t n, alloc;
};

/* Where key is (*found), or where it would have to go. */
static size_t
find(const struct memory *m, const char *key, int *found)
{
	size_t low = 0, high = m->n;

	*found = 0;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int order = strcmp(m->list[mid].key, key);

		if (order == 0) {
			*found = 1;
			return mid;
		}
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static void
insert(struct memory *m, size_t at, const char *key, const char *value)
{
	if (m->n == m->alloc) {
		m->alloc = m->alloc > 0 ? 2 * m->alloc : 8;
		m->list = xreallocarray(m->list, m->alloc, sizeof(*m->list));
	}
	memmove(m->list + at + 1, m->list + at, (m->n - at) * sizeof(*m->list));
	m->list[at].key = xstrdup(key);
	m->list[at].value = xstrdup(value);
	m->n++;
}

static int
memory_put(
    struct journal *j, const char *key, const char *value, struct err *err)
{
	struct memory *m = (struct memory *)j;
	int found;
	size_t at;

	(void)err;
	pthread_mutex_lock(&m->lock);
	at = find(m, key, &found);
	if (found) {
		free(m->list[at].value);
		m->list[at].value = xstrdup(value);
	} else {
		insert(m, at, key, value);
	}
	pthread_mutex_unlock(&m->lock);
	return 0;
}

static int
memory_get(
    struct journal *j, const char *key, struct buf *value, struct err *err)
{
	struct memory *m = (struct memory *)j;
	int found;
	size_t at;

	pthread_mutex_lock(&m->lock);
	at = find(m, key, &found);
	if (found)
		buf_adds(value, m->list[at].value);
	pthread_mutex_unlock(&m->lock);
	if (!found)
		return err_set(
		    err, ERR_MISSING, "the journal has no '%s'", key);
	return buf_check(value, key, err);
}

static int
memory_remove(struct journal *j, const char *key, struct err *err)
{
	struct memory *m = (struct memory *)j;
	int found;
	size_t at;

	(void)err;
	pthread_mutex_lock(&m->lock);
	at = find(m, key, &found);
	if (found) {
		free(m->list[at].key);
		free(m->list[at].value);
		m->n--;
		memmove(m->list + at, m->list + at + 1,
		    (m->n - at) * sizeof(*m->list));
	}
	pthread_mutex_unlock(&m->lock);
	return 0;
}

/* Copies, since what is called may well put and remove. */
static struct entry *
copy_prefix(struct memory *m, const char *prefix, size_t *n)
{
	struct entry *copy;
	size_t len = strlen(prefix);
	int found;
	size_t at;

	pthread_mutex_lock(&m->lock);
	copy = xcalloc(m->n + 1, sizeof(*copy));
	*n = 0;
	for (at = find(m, prefix, &found);
	     at < m->n && strncmp(m->list[at].key, prefix, len) == 0; at++) {
		copy[*n].key = xstrdup(m->list[at].key);
		copy[*n].value = xstrdup(m->list[at].value);
		++*n;
	}
	pthread_mutex_unlock(&m->lock);
	return copy;
}

static int
memory_each(struct journal *j, const char *prefix,
    int (*each)(void *arg, const char *key, const char *value, struct err *err),
    void *arg, struct err *err)
{
	size_t n;
	struct entry *copy = copy_prefix((struct memory *)j, prefix, &n);
	int rc = 0;

	for (size_t i = 0; i < n; i++) {
		if (rc == 0)
			rc = each(arg, copy[i].key, copy[i].value, err);
		free(copy[i].key);
		free(copy[i].value);
	}
	free(copy);
	return rc == 0 ? 0 : -1;
}

static const struct journal_ops memory_ops = {
    .put = memory_put,
    .get = memory_get,
    .remove = memory_remove,
    .each = memory_each,
};

struct journal *
journal_memory_new(void)
{
	struct memory *m = xcalloc(1, sizeof(*m));

	m->base.ops = &memory_ops;
	pthread_mutex_init(&m->lock, NULL);
	return &m->base;
}

void
journal_memory_free(struct journal *j)
{
	struct memory *m = (struct memory *)j;

	if (m == NULL)
		return;
	for (size_t i = 0; i < m->n; i++) {
		free(m->list[i].key);
		free(m->list[i].value);
	}
	pthread_mutex_destroy(&m->lock);
	free(m->list);
	free(m);
}
