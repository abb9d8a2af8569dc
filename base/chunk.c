#include <assert.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/budget.h"
#include "base/err.h"
#include "base/xalloc.h"

#include "base/chunk.h"

/* Below this, a page more would be much beside the bytes. */
#define ALIGN_LEAST ((size_t)64 << 10)

/* What a struct chunk is the face of; seen by this file alone. */
struct body {
	struct chunk face;
	atomic_size_t refs;
	struct chunk *root;    /* a slice's, which has the bytes */
	struct budget *budget; /* NULL: not charged */
	size_t size;
};

static struct body *
body_of(struct chunk *c)
{
	return (struct body *)c;
}

static struct chunk *
body_init(struct body *b, const unsigned char *data, size_t len)
{
	*b = (struct body){.face = {.data = data, .len = len}};
	atomic_init(&b->refs, 1);
	return &b->face;
}

/*
 * Room behind the body for size bytes, which begin at *bytes.  All of one size
 * are alike to malloc(), and take each other's places; what posix_memalign()
 * gives up is too small for its own next one.
 */
static struct body *
alloc_body(size_t size, unsigned char **bytes)
{
	size_t align = size >= ALIGN_LEAST ? CHUNK_ALIGN : 1;
	struct body *b = malloc(sizeof(*b) + size + align - 1);
	unsigned char *p;

	if (b == NULL)
		return NULL;
	p = (unsigned char *)(b + 1);
	*bytes = p + (align - (uintptr_t)p % align) % align;
	return b;
}

struct chunk *
chunk_new(struct budget *budget, size_t size, const struct scope *scope,
    struct err *err)
{
	unsigned char *bytes;
	struct body *b;
	struct chunk *c;

	if (budget != NULL && budget_charge(budget, size, scope, err) != 0)
		return NULL;
	b = alloc_body(size, &bytes);
	if (b == NULL) {
		if (budget != NULL)
			budget_return(budget, size);
		err_sys(err, "a chunk of %zu bytes", size);
		return NULL;
	}
	c = body_init(b, bytes, 0);
	/* One of no bytes does not keep its budget alive. */
	b->budget = size > 0 ? budget : NULL;
	b->size = size;
	return c;
}

unsigned char *
chunk_room(struct chunk *c)
{
	return (unsigned char *)c->data;
}

void
chunk_set_len(struct chunk *c, size_t len)
{
	assert(len <= body_of(c)->size);
	c->len = len;
}

struct chunk *
chunk_view(const void *data, size_t len)
{
	return body_init(xmalloc(sizeof(struct body)), data, len);
}

struct chunk *
chunk_slice(struct chunk *c, size_t off, size_t len)
{
	struct chunk *root = body_of(c)->root;
	struct chunk *slice;

	assert(off <= c->len && len <= c->len - off);
	slice = chunk_view(c->data + off, len);
	body_of(slice)->root = chunk_ref(root != NULL ? root : c);
	return slice;
}

struct chunk *
chunk_ref(struct chunk *c)
{
	/* Whoever refs has one already, so nothing is ordered by this. */
	atomic_fetch_add_explicit(&body_of(c)->refs, 1, memory_order_relaxed);
	return c;
}

void
chunk_unref(struct chunk *c)
{
	struct body *b = body_of(c);

	/* The last one must see what the others did before they let go. */
	if (c == NULL || atomic_fetch_sub(&b->refs, 1) != 1)
		return;
	chunk_unref(b->root);
	if (b->budget != NULL)
		budget_return(b->budget, b->size);
	free(b);
}
