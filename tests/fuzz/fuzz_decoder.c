/*
 * The first byte chooses the codec and how the rest is cut.  What comes out
 * is thrown away; a bomb ends at a ceiling.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/budget.h"
#include "base/chunk.h"
#include "base/err.h"
#include "base/scope.h"
#include "base/sink.h"
#include "storage/codec.h"

#define OUT_MAX ((size_t)32 << 20)

struct drain {
	struct sink base;
	size_t left;
};

static int
drain_write(struct sink *s, struct chunk *c, struct err *err)
{
	struct drain *d = (struct drain *)s;

	if (c->len == 0 || c->len > CHUNK_SIZE)
		abort();
	if (c->len > d->left)
		return err_set(err, ERR_REFUSED, "enough");
	d->left -= c->len;
	return 0;
}

static int
drain_finish(struct sink *s, struct err *err)
{
	(void)s;
	(void)err;
	return 0;
}

static const struct sink_ops drain_ops = {
    .name = "drain",
    .write = drain_write,
    .finish = drain_finish,
};

static int
feed(struct sink *s, const uint8_t *data, size_t size, size_t step,
    struct err *err)
{
	for (size_t off = 0; off < size;) {
		size_t n = size - off < step ? size - off : step;
		struct chunk *c = chunk_view(data + off, n);
		int rc = sink_write(s, c, err);

		chunk_unref(c);
		if (rc != 0)
			return -1;
		off += n;
	}
	return sink_finish(s, err);
}

/* Refused: by the drain.  Usage: a window that the budget does not hold. */
static bool
expected(enum codec codec, const struct err *err)
{
	switch (err->kind) {
	case ERR_CORRUPT:
	case ERR_UNSUPPORTED:
	case ERR_REFUSED:
		return true;
	case ERR_USAGE:
		return codec == CODEC_ZSTD;
	default:
		return false;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct scope scope = scope_root(NULL);
	struct codec_opts opts = {0};
	struct drain drain = {{&drain_ops, NULL}, OUT_MAX};
	struct err err = {0};
	enum codec codec;
	struct sink *s;

	if (size == 0)
		return 0;
	codec = data[0] & 1 ? CODEC_GZIP : CODEC_ZSTD;
	opts.budget = budget_new(decoder_cost(codec, &opts));
	s = decoder_new(codec, &scope, &opts, &err);
	s->next = &drain.base;
	if (feed(s, data + 1, size - 1, 1 + (data[0] >> 1), &err) != 0 &&
	    !expected(codec, &err))
		abort();
	sink_free(s);
	budget_free(opts.budget);
	return 0;
}
