/*
 * The stream is cut into units of CHUNK_SIZE, each a task for the pool that
 * deflates it and takes its CRC.  Units stand in a ring in stream order: the
 * writer's thread fills the youngest, and when the ring is full waits for the
 * oldest and passes on what came of it.
 *
 * A task must not wait, so the chunk it writes to is there before it is
 * submitted.  It drops its input itself, at once: the stage before may be
 * waiting for just that memory on the thread that would otherwise drop it.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <isa-l/crc.h>

#include "base/budget.h"
#include "base/chunk.h"
#include "base/err.h"
#include "base/pool.h"
#include "base/xalloc.h"
#include "storage/deflater.h"
#include "storage/encoder.h"

#include "storage/gzip_encoder.h"

#define LEVEL_MAX 9

/* At 400 MB/s a thread more units in flight than this help nobody. */
#define UNITS_MAX 16

struct unit {
	struct task task; /* first: the pool gives it back */
	struct deflater *deflater;
	struct chunk *in;
	struct chunk *out;
	size_t raw;
	uint32_t crc;
	int rc;
	struct err err;
};

struct gzip_encoder {
	struct encoder enc;
	const struct scope *scope;
	struct pool *pool;
	struct budget *budget;
	size_t scratch; /* charged for the deflaters */
	int level;
	bool begun; /* the header went out */

	struct chunk *gather; /* a unit that is not full yet */
	size_t fill;

	struct unit *units; /* a ring */
	unsigned nunits;
	unsigned oldest;
	unsigned busy;

	uint64_t done; /* raw bytes of the units passed on */
	uint32_t crc;  /* theirs */
};

static unsigned
count_units(const struct codec_opts *opts)
{
	unsigned most = opts->units != 0 ? opts->units : UNITS_MAX;
	unsigned n;

	if (opts->pool == NULL)
		return 1;
	n = pool_threads(opts->pool) + 2;
	return n < most ? n : most;
}

size_t
gzip_encoder_cost(const struct codec_opts *opts)
{
	size_t n = count_units(opts);
	size_t unit = CHUNK_SIZE + DEFLATE_ROOM + deflater_cost(opts->level);

	/* And one chunk that is being gathered. */
	return n * unit + CHUNK_SIZE + opts->held * DEFLATE_ROOM;
}

unsigned
gzip_encoder_held(const struct codec_opts *opts)
{
	return count_units(opts);
}

static void
unit_run(struct task *t)
{
	struct unit *u = (struct unit *)t;
	size_t len = 0;

	u->crc = crc32_gzip_refl(0, u->in->data, u->in->len);
	u->rc = deflater_run(
	    u->deflater, u->in, chunk_room(u->out), &len, &u->err);
	chunk_set_len(u->out, len);
	chunk_unref(u->in);
	u->in = NULL;
}

/* Let the oldest unit end, and pass on what it made. */
static int
drain_one(struct gzip_encoder *g, struct err *err)
{
	struct unit *u = &g->units[g->oldest];
	struct encoder *e = &g->enc;
	struct chunk *out = u->out;
	int rc = -1;

	if (g->pool != NULL)
		pool_wait(g->pool, &u->task);
	u->out = NULL;
	g->oldest = (g->oldest + 1) % g->nunits;
	g->busy--;
	if (u->rc != 0) {
		*err = u->err;
		goto done;
	}
	if (encoder_since_point(e, g->done) >= e->seek_every)
		encoder_add_point(e, g->done);
	g->crc = (uint32_t)crc32_combine(g->crc, u->crc, (z_off_t)u->raw);
	g->done += u->raw;
	e->coded += out->len;
	rc = sink_write(e->base.next, out, err);
done:
	chunk_unref(out);
	return rc;
}

/* Takes the reference to in, also when it fails. */
static int
submit(struct gzip_encoder *g, struct chunk *in, struct err *err)
{
	struct unit *u;

	if (g->busy == g->nunits && drain_one(g, err) != 0)
		goto fail;
	u = &g->units[(g->oldest + g->busy) % g->nunits];
	u->out = chunk_new(g->budget, DEFLATE_ROOM, g->scope, err);
	if (u->out == NULL)
		goto fail;
	u->in = in;
	u->raw = in->len;
	u->task.run = unit_run;
	g->busy++;
	if (g->pool != NULL)
		pool_submit(g->pool, &u->task);
	else
		unit_run(&u->task);
	return 0;
fail:
	chunk_unref(in);
	return -1;
}

static int
submit_gathered(struct gzip_encoder *g, struct err *err)
{
	struct chunk *in = g->gather;

	chunk_set_len(in, g->fill);
	g->gather = NULL;
	g->fill = 0;
	return submit(g, in, err);
}

/* Copy bytes into the unit that is being filled. */
static int
gather(
    struct gzip_encoder *g, const unsigned char *p, size_t n, struct err *err)
{
	if (g->gather == NULL) {
		g->gather = chunk_new(g->budget, CHUNK_SIZE, g->scope, err);
		if (g->gather == NULL)
			return -1;
	}
	memcpy(chunk_room(g->gather) + g->fill, p, n);
	g->fill += n;
	return g->fill == CHUNK_SIZE ? submit_gathered(g, err) : 0;
}

static int
put_header(struct gzip_encoder *g, struct err *err)
{
	/* RFC 1952: deflate, no flags, no time, XFL, made on Unix. */
	unsigned char h[10] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3};

	if (g->level == LEVEL_MAX)
		h[8] = 2;
	else if (g->level <= 1)
		h[8] = 4;
	g->begun = true;
	g->enc.coded += sizeof(h);
	return sink_write_bytes(g->enc.base.next, h, sizeof(h), err);
}

static int
gzip_write(struct sink *s, struct chunk *c, struct err *err)
{
	struct gzip_encoder *g = (struct gzip_encoder *)s;
	size_t off = 0;
	int rc = 0;

	if (!g->begun && put_header(g, err) != 0)
		return -1;
	while (off < c->len && rc == 0) {
		size_t n = c->len - off;

		if (n > CHUNK_SIZE - g->fill)
			n = CHUNK_SIZE - g->fill;
		if (n == CHUNK_SIZE)
			rc = submit(g, chunk_slice(c, off, n), err);
		else
			rc = gather(g, c->data + off, n, err);
		off += n;
	}
	g->enc.raw += off;
	return rc;
}

static void
put_le32(unsigned char *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (unsigned char)(v >> (8 * i));
}

static int
gzip_finish(struct sink *s, struct err *err)
{
	struct gzip_encoder *g = (struct gzip_encoder *)s;
	/* Every unit ends with a flush, so the stream's last block is an empty
	 * one of its own: final, fixed codes, end of block. */
	unsigned char end[10] = {0x03, 0x00};

	if (!g->begun && put_header(g, err) != 0)
		return -1;
	if (g->fill > 0 && submit_gathered(g, err) != 0)
		return -1;
	while (g->busy > 0)
		if (drain_one(g, err) != 0)
			return -1;
	put_le32(end + 2, g->crc);
	put_le32(end + 6, (uint32_t)g->done);
	g->enc.coded += sizeof(end);
	if (sink_write_bytes(s->next, end, sizeof(end), err) != 0)
		return -1;
	return sink_finish(s->next, err);
}

static void
gzip_free(struct sink *s)
{
	struct gzip_encoder *g = (struct gzip_encoder *)s;

	for (; g->busy > 0; g->busy--) {
		struct unit *u = &g->units[g->oldest];

		if (g->pool != NULL)
			pool_wait(g->pool, &u->task);
		chunk_unref(u->out);
		g->oldest = (g->oldest + 1) % g->nunits;
	}
	for (unsigned i = 0; i < g->nunits; i++)
		deflater_free(g->units[i].deflater);
	chunk_unref(g->gather);
	budget_return(g->budget, g->scratch);
	budget_free(g->budget);
	encoder_release(&g->enc);
	free(g->units);
	free(g);
}

static const struct sink_ops gzip_encoder_ops = {
    .name = "gzip encoder",
    .write = gzip_write,
    .finish = gzip_finish,
    .free = gzip_free,
};

struct sink *
gzip_encoder_new(
    const struct scope *scope, const struct codec_opts *opts, struct err *err)
{
	unsigned n = count_units(opts);
	size_t scratch = n * deflater_cost(opts->level);
	struct gzip_encoder *g;
	struct budget *budget;

	if (opts->level < 0 || opts->level > LEVEL_MAX) {
		err_set(err, ERR_USAGE, "gzip has levels fast and 1 to %d",
		    LEVEL_MAX);
		return NULL;
	}
	budget = budget_carve(opts->budget, gzip_encoder_cost(opts), err);
	if (budget == NULL)
		return NULL;
	if (budget_charge(budget, scratch, scope, err) != 0) {
		budget_free(budget);
		return NULL;
	}
	g = xcalloc(1, sizeof(*g));
	encoder_init(&g->enc, &gzip_encoder_ops, opts->seek_every);
	g->scope = scope;
	g->pool = opts->pool;
	g->budget = budget;
	g->scratch = scratch;
	g->level = opts->level;
	g->nunits = n;
	g->units = xcalloc(n, sizeof(*g->units));
	for (unsigned i = 0; i < n; i++)
		g->units[i].deflater = deflater_new(opts->level);
	return &g->enc.base;
}
