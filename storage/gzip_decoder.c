/*
 * Inflation by ISA-L, 3 times as fast as zlib's.  It checks the trailers
 * itself; headers, and what lies between and behind members, are ours.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>

#include <isa-l/igzip_lib.h>

#include "base/budget.h"
#include "base/chunk.h"
#include "base/err.h"
#include "base/sink.h"
#include "base/xalloc.h"
#include "storage/codec.h"
#include "storage/gzip_header.h"
#include "storage/outlet.h"

#include "storage/gzip_decoder.h"

#define GZIP_ID1 0x1f

enum place {
	AT_START,  /* no byte came yet */
	IN_HEADER, /* of a member */
	IN_MEMBER, /* in its data or trailer */
	BETWEEN,   /* behind a complete one */
	IN_PADDING /* only zeros from here on */
};

struct gzip_decoder {
	struct sink base;
	struct budget *budget;
	struct gzip_header header;
	struct inflate_state *state;
	struct outlet out;
	enum place place;
	uint64_t coded; /* bytes taken before this write */
};

size_t
gzip_decoder_cost(const struct codec_opts *opts)
{
	return sizeof(struct inflate_state) + outlet_cost(opts->held);
}

static const char *
inflate_reason(int rc)
{
	switch (rc) {
	case ISAL_INCORRECT_CHECKSUM:
		return "wrong checksum or size";
	case ISAL_INVALID_LOOKBACK:
		return "reference to before the beginning";
	case ISAL_INVALID_BLOCK:
		return "bad block";
	case ISAL_INVALID_SYMBOL:
		return "bad symbol";
	}
	return "bad data";
}

static int
read_header(struct gzip_decoder *g, struct err *err)
{
	struct inflate_state *z = g->state;
	bool done = false;

	while (z->avail_in > 0 && !done) {
		if (gzip_header_byte(&g->header, *z->next_in, &done, err) != 0)
			return -1;
		z->next_in++;
		z->avail_in--;
	}
	if (done) {
		/* The reset touches neither input nor output. */
		isal_inflate_reset(z);
		z->crc_flag = ISAL_GZIP_NO_HDR_VER;
		g->place = IN_MEMBER;
	}
	return 0;
}

/* Behind a member: another one, zeros, or what should not be there. */
static int
between(struct gzip_decoder *g, struct err *err)
{
	struct inflate_state *z = g->state;

	if (g->place == BETWEEN && *z->next_in == GZIP_ID1) {
		g->header = (struct gzip_header){0};
		g->place = IN_HEADER;
		return 0;
	}
	while (z->avail_in > 0 && *z->next_in == 0) {
		z->next_in++;
		z->avail_in--;
	}
	g->place = IN_PADDING;
	if (z->avail_in > 0)
		return err_set(err, ERR_CORRUPT,
		    "gzip: garbage after the end, before byte %" PRIu64,
		    g->coded);
	return 0;
}

/* Inflate until the input is used up or the member ends. */
static int
inflate_some(struct gzip_decoder *g, struct err *err)
{
	struct inflate_state *z = g->state;
	bool full;

	do {
		size_t room;
		unsigned char *p = outlet_room(&g->out, &room, err);
		int rc;

		if (p == NULL)
			return -1;
		z->next_out = p;
		z->avail_out = (uint32_t)room;
		rc = isal_inflate(z);
		if (rc < 0) /* the positive ones say why it paused */
			return err_set(err, ERR_CORRUPT,
			    "gzip: %s before byte %" PRIu64, inflate_reason(rc),
			    g->coded);
		full = z->avail_out == 0;
		if (outlet_wrote(&g->out, room - z->avail_out, err) != 0)
			return -1;
		if (z->block_state == ISAL_BLOCK_FINISH) {
			g->place = BETWEEN;
			return 0;
		}
		/* A full outlet may leave output inside the state. */
	} while (z->avail_in > 0 || full);
	return 0;
}

static int
decode_piece(
    struct gzip_decoder *g, const unsigned char *p, size_t len, struct err *err)
{
	struct inflate_state *z = g->state;
	int rc = 0;

	z->next_in = (unsigned char *)p;
	z->avail_in = (uint32_t)len;
	g->coded += len;
	while (z->avail_in > 0 && rc == 0)
		switch (g->place) {
		case AT_START:
			g->place = IN_HEADER;
			break;
		case IN_HEADER:
			rc = read_header(g, err);
			break;
		case IN_MEMBER:
			rc = inflate_some(g, err);
			break;
		case BETWEEN:
		case IN_PADDING:
			rc = between(g, err);
			break;
		}
	return rc;
}

static int
gzip_write(struct sink *s, struct chunk *c, struct err *err)
{
	struct gzip_decoder *g = (struct gzip_decoder *)s;

	/* avail_in has 32 bits. */
	for (size_t off = 0; off < c->len;) {
		size_t n = c->len - off;

		if (n > CHUNK_SIZE)
			n = CHUNK_SIZE;
		if (decode_piece(g, c->data + off, n, err) != 0)
			return -1;
		off += n;
	}
	return 0;
}

static int
gzip_finish(struct sink *s, struct err *err)
{
	struct gzip_decoder *g = (struct gzip_decoder *)s;

	if (g->place == AT_START)
		return err_set(err, ERR_CORRUPT, "gzip: no data at all");
	if (g->place == IN_HEADER || g->place == IN_MEMBER)
		return err_set(err, ERR_CORRUPT,
		    "gzip: cut short after %" PRIu64 " bytes", g->coded);
	if (outlet_flush(&g->out, err) != 0)
		return -1;
	return sink_finish(s->next, err);
}

static void
gzip_free(struct sink *s)
{
	struct gzip_decoder *g = (struct gzip_decoder *)s;

	outlet_release(&g->out);
	budget_return(g->budget, sizeof(*g->state));
	budget_free(g->budget);
	free(g->state);
	free(g);
}

static const struct sink_ops gzip_decoder_ops = {
    .name = "gzip decoder",
    .write = gzip_write,
    .finish = gzip_finish,
    .free = gzip_free,
};

struct sink *
gzip_decoder_new(
    const struct scope *scope, const struct codec_opts *opts, struct err *err)
{
	struct gzip_decoder *g;
	struct budget *budget;

	budget = budget_carve(opts->budget, gzip_decoder_cost(opts), err);
	if (budget == NULL)
		return NULL;
	if (budget_charge(budget, sizeof(*g->state), scope, err) != 0) {
		budget_free(budget);
		return NULL;
	}
	g = xcalloc(1, sizeof(*g));
	g->base.ops = &gzip_decoder_ops;
	g->budget = budget;
	g->state = xmalloc(sizeof(*g->state));
	isal_inflate_init(g->state);
	outlet_init(&g->out, &g->base, scope, budget);
	return &g->base;
}
