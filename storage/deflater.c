#include <stdlib.h>
#include <zlib.h>

#include <isa-l/igzip_lib.h>

#include "base/err.h"
#include "base/xalloc.h"
#include "storage/codec.h"

#include "storage/deflater.h"

/* A little faster than ISA-L's 2 on serialized values, and as small; so it is
 * with tables of half the default's size. */
#define ISAL_LEVEL 3

/* zlib.h: (1 << (windowBits + 2)) + (1 << (memLevel + 9)), and its state. */
#define ZLIB_MEM_LEVEL 8
#define ZLIB_BYTES     ((1u << 17) + (1u << 17) + 8192)

struct deflater {
	struct isal_zstream *isal; /* one of the two */
	unsigned char *isal_tables;
	z_stream *zlib;
};

struct deflater *
deflater_new(int level)
{
	struct deflater *d = xcalloc(1, sizeof(*d));

	if (level == CODEC_LEVEL_FAST) {
		d->isal = xmalloc(sizeof(*d->isal));
		d->isal_tables = xmalloc(ISAL_DEF_LVL3_MEDIUM);
		return d;
	}
	d->zlib = xcalloc(1, sizeof(*d->zlib));
	/* Negative window bits: raw deflate.  Only memory can be short. */
	if (deflateInit2(d->zlib, level, Z_DEFLATED, -MAX_WBITS, ZLIB_MEM_LEVEL,
		Z_DEFAULT_STRATEGY) != Z_OK)
		abort();
	return d;
}

void
deflater_free(struct deflater *d)
{
	if (d == NULL)
		return;
	if (d->zlib != NULL)
		deflateEnd(d->zlib);
	free(d->zlib);
	free(d->isal_tables);
	free(d->isal);
	free(d);
}

size_t
deflater_cost(int level)
{
	if (level == CODEC_LEVEL_FAST)
		return sizeof(struct isal_zstream) + ISAL_DEF_LVL3_MEDIUM;
	return ZLIB_BYTES;
}

static int
run_isal(struct deflater *d, const struct chunk *in, unsigned char *out,
    size_t *out_len, struct err *err)
{
	struct isal_zstream *z = d->isal;
	int rc;

	isal_deflate_stateless_init(z);
	z->level = ISAL_LEVEL;
	z->level_buf = d->isal_tables;
	z->level_buf_size = ISAL_DEF_LVL3_MEDIUM;
	z->flush = FULL_FLUSH;
	z->end_of_stream = 0;
	z->next_in = (unsigned char *)in->data;
	z->avail_in = (uint32_t)in->len;
	z->next_out = out;
	z->avail_out = DEFLATE_ROOM;
	rc = isal_deflate_stateless(z);
	if (rc != COMP_OK || z->avail_in != 0)
		return err_set(err, ERR_SYSTEM, "ISA-L's deflate gave %d", rc);
	*out_len = z->total_out;
	return 0;
}

static int
run_zlib(struct deflater *d, const struct chunk *in, unsigned char *out,
    size_t *out_len, struct err *err)
{
	z_stream *z = d->zlib;
	int rc;

	deflateReset(z);
	z->next_in = (unsigned char *)in->data;
	z->avail_in = (uInt)in->len;
	z->next_out = out;
	z->avail_out = DEFLATE_ROOM;
	rc = deflate(z, Z_FULL_FLUSH);
	/* With no room left the flush may not be all there. */
	if (rc != Z_OK || z->avail_in != 0 || z->avail_out == 0)
		return err_set(err, ERR_SYSTEM, "zlib's deflate gave %d", rc);
	*out_len = z->total_out;
	return 0;
}

int
deflater_run(struct deflater *d, const struct chunk *in, unsigned char *out,
    size_t *out_len, struct err *err)
{
	if (d->isal != NULL)
		return run_isal(d, in, out, out_len, err);
	return run_zlib(d, in, out, out_len, err);
}
