#include <assert.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "base/budget.h"
#include "base/chunk.h"
#include "base/err.h"
#include "base/scope.h"
#include "base/sink.h"
#include "base/xalloc.h"

#include "storage/pieces.h"

struct pieces {
	unsigned char *digests;
	size_t n, alloc; /* in digests */
	bool too_many;
};

struct tap {
	struct sink base;
	struct pieces *pieces;
	XXH3_state_t *state;
	size_t fill; /* of the piece that is not full yet */
};

struct gate {
	struct sink base;
	const struct pieces *pieces;
	struct budget *budget;
	struct scope scope;
	struct chunk *piece; /* being filled; NULL: none has begun */
	size_t fill, next;
};

struct pieces *
pieces_new(void)
{
	return xcalloc(1, sizeof(struct pieces));
}

struct pieces *
pieces_from(const void *digests, size_t len)
{
	struct pieces *p = pieces_new();

	assert(len % PIECE_DIGEST_BYTES == 0);
	p->n = p->alloc = len / PIECE_DIGEST_BYTES;
	p->digests = xcalloc(p->n + 1, PIECE_DIGEST_BYTES);
	memcpy(p->digests, digests, len);
	return p;
}

void
pieces_free(struct pieces *p)
{
	if (p == NULL)
		return;
	free(p->digests);
	free(p);
}

const unsigned char *
pieces_digests(const struct pieces *p, size_t *len)
{
	*len = p->n * PIECE_DIGEST_BYTES;
	return p->too_many ? NULL : p->digests;
}

uint64_t
pieces_of(uint64_t bytes)
{
	return bytes / PIECE_BYTES + (bytes % PIECE_BYTES != 0);
}

static void
add_digest(struct pieces *p, XXH128_hash_t h)
{
	XXH128_canonical_t canonical;

	if (p->n == PIECES_MAX) {
		p->too_many = true;
		return;
	}
	if (p->n == p->alloc) {
		p->alloc = p->alloc > 0 ? 2 * p->alloc : 64;
		p->digests = xreallocarray(
		    p->digests, p->alloc, PIECE_DIGEST_BYTES);
	}
	XXH128_canonicalFromHash(&canonical, h);
	memcpy(p->digests + p->n++ * PIECE_DIGEST_BYTES, canonical.digest,
	    PIECE_DIGEST_BYTES);
}

static void
end_piece(struct tap *t)
{
	add_digest(t->pieces, XXH3_128bits_digest(t->state));
	XXH3_128bits_reset(t->state);
	t->fill = 0;
}

static int
tap_write(struct sink *s, struct chunk *c, struct err *err)
{
	struct tap *t = (struct tap *)s;

	for (size_t at = 0, n; at < c->len; at += n) {
		n = PIECE_BYTES - t->fill;
		n = n < c->len - at ? n : c->len - at;
		XXH3_128bits_update(t->state, c->data + at, n);
		t->fill += n;
		if (t->fill == PIECE_BYTES)
			end_piece(t);
	}
	return sink_write(s->next, c, err);
}

static int
tap_finish(struct sink *s, struct err *err)
{
	struct tap *t = (struct tap *)s;

	if (t->fill > 0)
		end_piece(t);
	return sink_finish(s->next, err);
}

static void
tap_free(struct sink *s)
{
	struct tap *t = (struct tap *)s;

	XXH3_freeState(t->state);
	free(t);
}

static const struct sink_ops tap_ops = {
    .name = "pieces",
    .write = tap_write,
    .finish = tap_finish,
    .free = tap_free,
};

struct sink *
pieces_tap_new(struct pieces *p)
{
	struct tap *t = xcalloc(1, sizeof(*t));

	t->base.ops = &tap_ops;
	t->pieces = p;
	t->state = XXH3_createState();
	if (t->state == NULL)
		abort();
	XXH3_128bits_reset(t->state);
	return &t->base;
}

static bool
agrees(const struct gate *g)
{
	XXH128_canonical_t canonical;

	if (g->next >= g->pieces->n)
		return false;
	XXH128_canonicalFromHash(
	    &canonical, XXH3_128bits(g->piece->data, g->fill));
	return memcmp(canonical.digest,
		   g->pieces->digests + g->next * PIECE_DIGEST_BYTES,
		   PIECE_DIGEST_BYTES) == 0;
}

static int
pass_piece(struct gate *g, struct err *err)
{
	int rc;

	chunk_set_len(g->piece, g->fill);
	if (agrees(g))
		rc = sink_write(g->base.next, g->piece, err);
	else
		rc = err_set(err, ERR_CORRUPT,
		    "piece %zu of the dump, from byte %" PRIu64
		    " on, is not what its digest says",
		    g->next + 1, (uint64_t)g->next * PIECE_BYTES);
	chunk_unref(g->piece);
	g->piece = NULL;
	g->fill = 0;
	g->next++;
	return rc;
}

static int
gate_write(struct sink *s, struct chunk *c, struct err *err)
{
	struct gate *g = (struct gate *)s;

	for (size_t at = 0, n; at < c->len; at += n) {
		if (g->piece == NULL)
			g->piece = chunk_new(
			    g->budget, PIECE_BYTES, &g->scope, err);
		if (g->piece == NULL)
			return -1;
		n = PIECE_BYTES - g->fill;
		n = n < c->len - at ? n : c->len - at;
		memcpy(chunk_room(g->piece) + g->fill, c->data + at, n);
		g->fill += n;
		if (g->fill == PIECE_BYTES && pass_piece(g, err) != 0)
			return -1;
	}
	return 0;
}

static int
gate_finish(struct sink *s, struct err *err)
{
	struct gate *g = (struct gate *)s;

	if (g->piece != NULL && pass_piece(g, err) != 0)
		return -1;
	if (g->next != g->pieces->n)
		return err_set(err, ERR_CORRUPT,
		    "%zu pieces of the dump, and %zu digests", g->next,
		    g->pieces->n);
	return sink_finish(s->next, err);
}

static void
gate_free(struct sink *s)
{
	struct gate *g = (struct gate *)s;

	chunk_unref(g->piece);
	budget_free(g->budget);
	free(g);
}

static const struct sink_ops gate_ops = {
    .name = "gate",
    .write = gate_write,
    .finish = gate_finish,
    .free = gate_free,
};

struct sink *
pieces_gate_new(const struct pieces *p, struct budget *budget,
    const struct scope *scope, struct err *err)
{
	struct gate *g = xcalloc(1, sizeof(*g));

	assert(!p->too_many);
	g->base.ops = &gate_ops;
	g->pieces = p;
	g->scope = *scope;
	g->budget = budget_carve(budget, PIECE_BYTES, err);
	if (g->budget != NULL)
		return &g->base;
	free(g);
	return NULL;
}
