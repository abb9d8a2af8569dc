/*
 * Both directions gather a chunk in the room of the chunk that they will pass
 * on, and encipher or decipher it there.  Whether a chunk is the last is part
 * of what is authenticated, so a full one waits until another byte or finish
 * tells.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "base/budget.h"
#include "base/chunk.h"
#include "base/err.h"
#include "base/sink.h"
#include "base/xalloc.h"
#include "storage/cipher_frame.h"

#include "storage/cipher.h"

#define SEALED_SIZE (CHUNK_SIZE + FRAME_TAG_BYTES)

struct cipher {
	struct sink base;
	const struct scope *scope;
	struct budget *budget;
	struct cipher_frame *frame;

	unsigned char header[FRAME_HEADER_BYTES];
	size_t header_fill; /* what came of it, when opening */

	struct chunk *chunk;
	size_t fill;
};

static int
have_chunk(struct cipher *c, struct err *err)
{
	if (c->chunk == NULL)
		c->chunk = chunk_new(c->budget, SEALED_SIZE, c->scope, err);
	return c->chunk != NULL ? 0 : -1;
}

/* Append as many of *n bytes as fit below max; *n becomes their number. */
static int
gather(struct cipher *c, const unsigned char *p, size_t *n, size_t max,
    struct err *err)
{
	if (have_chunk(c, err) != 0)
		return -1;
	if (*n > max - c->fill)
		*n = max - c->fill;
	memcpy(chunk_room(c->chunk) + c->fill, p, *n);
	c->fill += *n;
	return 0;
}

/* Pass the gathered chunk on, len bytes of it. */
static int
pass_on(struct cipher *c, size_t len, struct err *err)
{
	struct chunk *out = c->chunk;
	int rc = 0;

	c->chunk = NULL;
	c->fill = 0;
	chunk_set_len(out, len);
	if (len > 0)
		rc = sink_write(c->base.next, out, err);
	chunk_unref(out);
	return rc;
}

static int
seal_chunk(struct cipher *c, bool last, struct err *err)
{
	if (have_chunk(c, err) != 0 ||
	    cipher_frame_seal(
		c->frame, chunk_room(c->chunk), c->fill, last, err) != 0)
		return -1;
	return pass_on(c, c->fill + FRAME_TAG_BYTES, err);
}

/* The header goes out as soon as there is a stage to take it. */
static int
seal_begin(struct cipher *c, struct err *err)
{
	if (c->header_fill == FRAME_HEADER_BYTES)
		return 0;
	c->header_fill = FRAME_HEADER_BYTES;
	return sink_write_bytes(
	    c->base.next, c->header, FRAME_HEADER_BYTES, err);
}

static int
seal_write(struct sink *s, struct chunk *in, struct err *err)
{
	struct cipher *c = (struct cipher *)s;

	if (seal_begin(c, err) != 0)
		return -1;
	for (size_t off = 0; off < in->len;) {
		size_t n = in->len - off;

		if (c->fill == CHUNK_SIZE && seal_chunk(c, false, err) != 0)
			return -1;
		if (gather(c, in->data + off, &n, CHUNK_SIZE, err) != 0)
			return -1;
		off += n;
	}
	return 0;
}

static int
seal_finish(struct sink *s, struct err *err)
{
	struct cipher *c = (struct cipher *)s;

	if (seal_begin(c, err) != 0 || seal_chunk(c, true, err) != 0)
		return -1;
	return sink_finish(s->next, err);
}

static int
open_chunk(struct cipher *c, bool last, struct err *err)
{
	size_t len = c->fill - FRAME_TAG_BYTES;

	if (cipher_frame_open(c->frame, chunk_room(c->chunk), len, last, err) !=
	    0)
		return -1;
	return pass_on(c, len, err);
}

/* Take what is missing of the header; *off moves past it. */
static int
open_header(
    struct cipher *c, const struct chunk *in, size_t *off, struct err *err)
{
	size_t n = FRAME_HEADER_BYTES - c->header_fill;

	if (n == 0)
		return 0;
	if (n > in->len)
		n = in->len;
	memcpy(c->header + c->header_fill, in->data, n);
	c->header_fill += n;
	*off = n;
	return c->header_fill == FRAME_HEADER_BYTES
	    ? cipher_frame_take_header(c->frame, c->header, err)
	    : 0;
}

static int
open_write(struct sink *s, struct chunk *in, struct err *err)
{
	struct cipher *c = (struct cipher *)s;
	size_t off = 0;

	if (open_header(c, in, &off, err) != 0)
		return -1;
	while (off < in->len) {
		size_t n = in->len - off;

		if (c->fill == SEALED_SIZE && open_chunk(c, false, err) != 0)
			return -1;
		if (gather(c, in->data + off, &n, SEALED_SIZE, err) != 0)
			return -1;
		off += n;
	}
	return 0;
}

static int
open_finish(struct sink *s, struct err *err)
{
	struct cipher *c = (struct cipher *)s;

	if (c->fill < FRAME_TAG_BYTES)
		return cipher_frame_cut_short(c->frame, err);
	if (open_chunk(c, true, err) != 0)
		return -1;
	return sink_finish(s->next, err);
}

static void
cipher_free(struct sink *s)
{
	struct cipher *c = (struct cipher *)s;

	/* It may be plaintext that is not authentic, or not sealed yet. */
	if (c->chunk != NULL)
		OPENSSL_cleanse(chunk_room(c->chunk), SEALED_SIZE);
	chunk_unref(c->chunk);
	cipher_frame_free(c->frame);
	budget_free(c->budget);
	free(c);
}

static const struct sink_ops seal_ops = {
    .name = "seal",
    .write = seal_write,
    .finish = seal_finish,
    .free = cipher_free,
};

static const struct sink_ops open_ops = {
    .name = "open",
    .write = open_write,
    .finish = open_finish,
    .free = cipher_free,
};

static struct cipher *
cipher_new(const struct sink_ops *ops, const struct scope *scope,
    const struct cipher_opts *opts, struct err *err)
{
	struct cipher *c = xcalloc(1, sizeof(*c));

	c->base.ops = ops;
	c->scope = scope;
	c->frame = cipher_frame_new(opts->key, opts->snapshot, opts->part, err);
	if (c->frame == NULL)
		goto fail;
	c->budget = budget_carve(opts->budget, cipher_cost(opts), err);
	if (c->budget == NULL)
		goto fail;
	return c;
fail:
	cipher_free(&c->base);
	return NULL;
}

struct sink *
cipher_seal_new(
    const struct scope *scope, const struct cipher_opts *opts, struct err *err)
{
	struct cipher *c = cipher_new(&seal_ops, scope, opts, err);

	if (c == NULL)
		return NULL;
	if (cipher_frame_make_header(c->frame, scope, c->header, err) != 0) {
		cipher_free(&c->base);
		return NULL;
	}
	return &c->base;
}

struct sink *
cipher_open_new(
    const struct scope *scope, const struct cipher_opts *opts, struct err *err)
{
	struct cipher *c = cipher_new(&open_ops, scope, opts, err);

	return c != NULL ? &c->base : NULL;
}

size_t
cipher_cost(const struct cipher_opts *opts)
{
	return (opts->held + (size_t)1) * SEALED_SIZE;
}

uint64_t
cipher_size(uint64_t raw)
{
	uint64_t chunks = raw / CHUNK_SIZE + (raw % CHUNK_SIZE != 0);

	if (chunks == 0)
		chunks = 1;
	return FRAME_HEADER_BYTES + raw + chunks * FRAME_TAG_BYTES;
}
