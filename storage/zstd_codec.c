#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>

/* For the estimates of memory only. */
#define ZSTD_STATIC_LINKING_ONLY
#include <zstd.h>
#include <zstd_errors.h>

#include "base/budget.h"
#include "base/chunk.h"
#include "base/err.h"
#include "base/xalloc.h"
#include "storage/encoder.h"
#include "storage/outlet.h"

#include "storage/zstd_codec.h"

/* Up to here a level's window is 8 MiB at most. */
#define LEVEL_MAX	    19
#define WINDOW_LOG_EXPECTED 23

/* What zstd itself accepts unless told otherwise. */
#define WINDOW_LOG_MAX 27

struct zstd_encoder {
	struct encoder enc;
	struct budget *budget;
	ZSTD_CCtx *cctx;
	size_t scratch; /* charged for it */
	struct outlet out;
};

static int
zstd_level(const struct codec_opts *opts)
{
	return opts->level == CODEC_LEVEL_FAST ? 1 : opts->level;
}

static size_t
encoder_scratch(const struct codec_opts *opts)
{
	return ZSTD_estimateCStreamSize(zstd_level(opts));
}

size_t
zstd_encoder_cost(const struct codec_opts *opts)
{
	return encoder_scratch(opts) + outlet_cost(opts->held);
}

/* Compress all of in; with ZSTD_e_end, end the frame too. */
static int
compress(struct zstd_encoder *z, ZSTD_inBuffer *in, ZSTD_EndDirective mode,
    struct err *err)
{
	size_t left;

	do {
		ZSTD_outBuffer out = {0};

		out.dst = outlet_room(&z->out, &out.size, err);
		if (out.dst == NULL)
			return -1;
		left = ZSTD_compressStream2(z->cctx, &out, in, mode);
		if (ZSTD_isError(left))
			return err_set(err, ERR_SYSTEM, "zstd: %s",
			    ZSTD_getErrorName(left));
		z->enc.coded += out.pos;
		if (outlet_wrote(&z->out, out.pos, err) != 0)
			return -1;
	} while (mode == ZSTD_e_end ? left != 0 : in->pos < in->size);
	return 0;
}

static int
end_frame(struct zstd_encoder *z, struct err *err)
{
	ZSTD_inBuffer none = {0};

	return compress(z, &none, ZSTD_e_end, err);
}

static int
encoder_write(struct sink *s, struct chunk *c, struct err *err)
{
	struct zstd_encoder *z = (struct zstd_encoder *)s;
	struct encoder *e = &z->enc;
	ZSTD_inBuffer in = {.src = c->data};

	while (in.pos < c->len) {
		uint64_t in_frame = encoder_since_point(e, e->raw);
		size_t n = c->len - in.pos;

		if (in_frame == e->seek_every) {
			if (end_frame(z, err) != 0)
				return -1;
			encoder_add_point(e, e->raw);
			in_frame = 0;
		}
		if (n > e->seek_every - in_frame)
			n = (size_t)(e->seek_every - in_frame);
		in.size = in.pos + n;
		if (compress(z, &in, ZSTD_e_continue, err) != 0)
			return -1;
		e->raw += n;
	}
	return 0;
}

static int
encoder_finish(struct sink *s, struct err *err)
{
	struct zstd_encoder *z = (struct zstd_encoder *)s;

	if (end_frame(z, err) != 0 || outlet_flush(&z->out, err) != 0)
		return -1;
	return sink_finish(s->next, err);
}

static void
encoder_free(struct sink *s)
{
	struct zstd_encoder *z = (struct zstd_encoder *)s;

	outlet_release(&z->out);
	ZSTD_freeCCtx(z->cctx);
	budget_return(z->budget, z->scratch);
	budget_free(z->budget);
	encoder_release(&z->enc);
	free(z);
}

static const struct sink_ops zstd_encoder_ops = {
    .name = "zstd encoder",
    .write = encoder_write,
    .finish = encoder_finish,
    .free = encoder_free,
};

/* cost, with scratch of it charged at once. */
static struct budget *
carve(struct budget *parent, size_t cost, size_t scratch,
    const struct scope *scope, struct err *err)
{
	struct budget *b = budget_carve(parent, cost, err);

	if (b != NULL && budget_charge(b, scratch, scope, err) != 0) {
		budget_free(b);
		return NULL;
	}
	return b;
}

struct sink *
zstd_encoder_new(
    const struct scope *scope, const struct codec_opts *opts, struct err *err)
{
	struct zstd_encoder *z;
	struct budget *budget;

	if (opts->level < 0 || opts->level > LEVEL_MAX) {
		err_set(err, ERR_USAGE, "zstd has levels fast and 1 to %d",
		    LEVEL_MAX);
		return NULL;
	}
	budget = carve(opts->budget, zstd_encoder_cost(opts),
	    encoder_scratch(opts), scope, err);
	if (budget == NULL)
		return NULL;
	z = xcalloc(1, sizeof(*z));
	encoder_init(&z->enc, &zstd_encoder_ops, opts->seek_every);
	z->budget = budget;
	z->scratch = encoder_scratch(opts);
	outlet_init(&z->out, &z->enc.base, scope, budget);
	z->cctx = ZSTD_createCCtx();
	if (z->cctx == NULL)
		abort();
	ZSTD_CCtx_setParameter(
	    z->cctx, ZSTD_c_compressionLevel, zstd_level(opts));
	ZSTD_CCtx_setParameter(z->cctx, ZSTD_c_checksumFlag, 1);
	return &z->enc.base;
}

enum place {
	AT_START,  /* no byte came yet */
	IN_FRAME,  /* somewhere in one */
	BETWEEN,   /* behind a complete one */
	IN_PADDING /* only zeros from here on */
};

struct zstd_decoder {
	struct sink base;
	struct budget *parent;
	struct budget *budget;
	struct budget *more; /* for a window beyond the expected one */
	ZSTD_DCtx *dctx;
	size_t covered; /* bytes of dctx that are charged */
	struct outlet out;
	enum place place;
	uint64_t coded; /* bytes taken */
};

static size_t
decoder_scratch(void)
{
	return ZSTD_estimateDStreamSize((size_t)1 << WINDOW_LOG_EXPECTED);
}

size_t
zstd_decoder_cost(const struct codec_opts *opts)
{
	return decoder_scratch() + outlet_cost(opts->held);
}

/*
 * A frame's header may have made dctx grow.  The window is reserved by then,
 * but only what was decoded into is memory in use, so this is soon enough.
 */
static int
cover_window(struct zstd_decoder *z, struct err *err)
{
	size_t size = ZSTD_sizeof_DCtx(z->dctx);

	if (size <= z->covered)
		return 0;
	budget_free(z->more);
	z->more = budget_carve(z->parent, size - decoder_scratch(), err);
	if (z->more == NULL)
		return err_in(err, "zstd: the frame's window");
	z->covered = size;
	return 0;
}

static int
decode_failed(const struct zstd_decoder *z, size_t code, struct err *err)
{
	if (ZSTD_getErrorCode(code) == ZSTD_error_frameParameter_windowTooLarge)
		return err_set(err, ERR_UNSUPPORTED,
		    "zstd: a window over %u MiB", 1u << (WINDOW_LOG_MAX - 20));
	return err_set(err, ERR_CORRUPT, "zstd: %s before byte %" PRIu64,
	    ZSTD_getErrorName(code), z->coded);
}

/* Decode until the input is used up or the frame ends. */
static int
decode_some(struct zstd_decoder *z, ZSTD_inBuffer *in, struct err *err)
{
	bool full;

	do {
		ZSTD_outBuffer out = {0};
		size_t rc;

		out.dst = outlet_room(&z->out, &out.size, err);
		if (out.dst == NULL)
			return -1;
		rc = ZSTD_decompressStream(z->dctx, &out, in);
		if (ZSTD_isError(rc))
			return decode_failed(z, rc, err);
		full = out.pos == out.size;
		if (cover_window(z, err) != 0 ||
		    outlet_wrote(&z->out, out.pos, err) != 0)
			return -1;
		if (rc == 0) {
			z->place = BETWEEN;
			return 0;
		}
	} while (in->pos < in->size || full);
	return 0;
}

/* RFC 8878: little-endian magic FD2FB528, or 184D2A50 to 5F: skippable. */
static bool
begins_frame(unsigned char c)
{
	return c == 0x28 || (c & 0xf0) == 0x50;
}

/* Not in a frame: one begins, zeros, or what should not be there. */
static int
outside(struct zstd_decoder *z, ZSTD_inBuffer *in, struct err *err)
{
	const unsigned char *p = in->src;

	if (z->place != IN_PADDING && begins_frame(p[in->pos])) {
		z->place = IN_FRAME;
		return 0;
	}
	if (z->place == AT_START)
		return err_set(err, ERR_CORRUPT, "zstd: not a zstd frame");
	while (in->pos < in->size && p[in->pos] == 0)
		in->pos++;
	z->place = IN_PADDING;
	if (in->pos < in->size)
		return err_set(err, ERR_CORRUPT,
		    "zstd: garbage after the end, before byte %" PRIu64,
		    z->coded);
	return 0;
}

static int
decoder_write(struct sink *s, struct chunk *c, struct err *err)
{
	struct zstd_decoder *z = (struct zstd_decoder *)s;
	ZSTD_inBuffer in = {.src = c->data, .size = c->len};

	z->coded += c->len;
	while (in.pos < in.size) {
		int rc = z->place == IN_FRAME ? decode_some(z, &in, err)
					      : outside(z, &in, err);

		if (rc != 0)
			return -1;
	}
	return 0;
}

static int
decoder_finish(struct sink *s, struct err *err)
{
	struct zstd_decoder *z = (struct zstd_decoder *)s;

	if (z->place == AT_START)
		return err_set(err, ERR_CORRUPT, "zstd: no data at all");
	if (z->place == IN_FRAME)
		return err_set(err, ERR_CORRUPT,
		    "zstd: cut short after %" PRIu64 " bytes", z->coded);
	if (outlet_flush(&z->out, err) != 0)
		return -1;
	return sink_finish(s->next, err);
}

static void
decoder_free(struct sink *s)
{
	struct zstd_decoder *z = (struct zstd_decoder *)s;

	outlet_release(&z->out);
	ZSTD_freeDCtx(z->dctx);
	budget_free(z->more);
	budget_return(z->budget, decoder_scratch());
	budget_free(z->budget);
	free(z);
}

static const struct sink_ops zstd_decoder_ops = {
    .name = "zstd decoder",
    .write = decoder_write,
    .finish = decoder_finish,
    .free = decoder_free,
};

struct sink *
zstd_decoder_new(
    const struct scope *scope, const struct codec_opts *opts, struct err *err)
{
	struct zstd_decoder *z;
	struct budget *budget;

	budget = carve(opts->budget, zstd_decoder_cost(opts), decoder_scratch(),
	    scope, err);
	if (budget == NULL)
		return NULL;
	z = xcalloc(1, sizeof(*z));
	z->base.ops = &zstd_decoder_ops;
	z->parent = opts->budget;
	z->budget = budget;
	z->covered = decoder_scratch();
	outlet_init(&z->out, &z->base, scope, budget);
	z->dctx = ZSTD_createDCtx();
	if (z->dctx == NULL)
		abort();
	ZSTD_DCtx_setParameter(z->dctx, ZSTD_d_windowLogMax, WINDOW_LOG_MAX);
	return &z->base;
}
