/*
 * LZF decompression of any bytes: no crash, the same output and outcome
 * however the input is cut, and never more output than was declared.  The
 * first byte chooses the cuts, the next two the declared size.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "rdb/crc64.h"
#include "rdb/lzf.h"

struct output {
	uint64_t crc, len;
	int ended;
};

static int
on_piece(
    void *arg, const unsigned char *p, size_t n, bool last, struct err *err)
{
	struct output *out = arg;

	(void)err;
	assert(!out->ended);
	out->crc = crc64(out->crc, p, n);
	out->len += n;
	out->ended = last;
	return 0;
}

static int
unpack(const uint8_t *data, size_t len, uint64_t size, uint32_t cuts,
    struct output *out)
{
	struct lzf_out to = {on_piece, out};
	struct lzf *z = lzf_new(&to);
	struct err err = {0};
	int rc = 0;

	lzf_start(z, size);
	for (size_t at = 0, n; at < len && rc == 0; at += n) {
		cuts = cuts * 1664525 + 1013904223;
		n = 1 + (cuts >> 24) % 64;
		if (n > len - at)
			n = len - at;
		rc = lzf_feed(z, data + at, n, &err);
	}
	if (rc == 0)
		rc = lzf_finish(z, &err);
	lzf_free(z);
	assert(out->len <= size);
	return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct output a = {0}, b = {0};
	uint64_t size;
	int rc;

	if (len < 3)
		return 0;
	/* Squared, so that sizes beyond the window come up as well. */
	size = (uint64_t)data[1] * data[1] * (1 + data[2] % 8);
	rc = unpack(data + 3, len - 3, size, data[0], &a);
	assert(rc == unpack(data + 3, len - 3, size, data[0] + 1u, &b));
	assert(rc != 0 || (a.crc == b.crc && a.len == b.len && a.ended));
	return 0;
}
