#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/xalloc.h"

#include "rdb/lzf.h"

#define WINDOW	     8192 /* the farthest a reference reaches back */
#define OUTPUT	     65536
#define RUN_MAX	     264 /* the most one token produces */
#define LITERALS_MAX 32
#define SLACK	     32 /* copies go past their end by less than this */

/*
 * Tokens: 000lllll is followed by l + 1 literal bytes; lllooooo oooooooo
 * copies l + 2 bytes from o + 1 back, and with l = 7 a byte between the two is
 * added to l.
 */
struct lzf {
	struct lzf_out out;
	unsigned char *buf; /* the window, then what comes after it */
	size_t fill;
	size_t sent;   /* of fill: handed out */
	uint64_t left; /* of the declared size: not yet produced */
	uint64_t size;
	size_t literals; /* of a run whose input was cut */
	unsigned char token[3];
	size_t token_len; /* of a reference whose input was cut */
};

struct lzf *
lzf_new(const struct lzf_out *out)
{
	struct lzf *z = xcalloc(1, sizeof(*z));

	z->out = *out;
	z->buf = xmalloc(WINDOW + OUTPUT + RUN_MAX + SLACK);
	return z;
}

void
lzf_free(struct lzf *z)
{
	if (z == NULL)
		return;
	free(z->buf);
	free(z);
}

void
lzf_start(struct lzf *z, uint64_t size)
{
	z->fill = z->sent = 0;
	z->left = z->size = size;
	z->literals = z->token_len = 0;
}

static int
hand_out(struct lzf *z, bool last, struct err *err)
{
	size_t from = z->sent;

	if (from == z->fill && !last)
		return 0;
	z->sent = z->fill;
	return z->out.piece(
	    z->out.arg, z->buf + from, z->fill - from, last, err);
}

/* Account for n more bytes of output and see that they have room. */
static inline int
reserve(struct lzf *z, size_t n, struct err *err)
{
	if (n > z->left)
		return err_set(err, ERR_CORRUPT,
		    "LZF string is longer than its %" PRIu64 " bytes", z->size);
	z->left -= n;
	if (z->fill + n <= WINDOW + OUTPUT)
		return 0;
	if (hand_out(z, false, err) != 0)
		return -1;
	memmove(z->buf, z->buf + z->fill - WINDOW, WINDOW);
	z->fill = z->sent = WINDOW;
	return 0;
}

/* Copies may overlap, which repeats the bytes in between. */
static inline void
copy_back(unsigned char *to, size_t back, size_t n)
{
	const unsigned char *from = to - back;

	if (back >= 16) {
		for (size_t i = 0; i < n; i += 16)
			memcpy(to + i, from + i, 16);
	} else if (back >= 8) {
		for (size_t i = 0; i < n; i += 8)
			memcpy(to + i, from + i, 8);
	} else if (back == 1) {
		memset(to, *from, n);
	} else {
		for (size_t i = 0; i < n; i++)
			to[i] = from[i];
	}
}

static inline size_t
reference_length(unsigned char token)
{
	return token >> 5 == 7 ? 3 : 2;
}

static inline int
refer(struct lzf *z, const unsigned char *t, struct err *err)
{
	size_t n = t[0] >> 5;
	size_t back;

	if (n == 7)
		n += t[1];
	n += 2;
	back = ((size_t)(t[0] & 0x1f) << 8 | t[reference_length(t[0]) - 1]) + 1;
	if (reserve(z, n, err) != 0)
		return -1;
	if (back > z->fill)
		return err_set(err, ERR_CORRUPT,
		    "LZF string refers to before its beginning");
	copy_back(z->buf + z->fill, back, n);
	z->fill += n;
	return 0;
}

/* As much of a run of literals as has come. */
static inline int
take_literals(struct lzf *z, const unsigned char **p, const unsigned char *end,
    struct err *err)
{
	size_t n = z->literals;

	if (n > (size_t)(end - *p))
		n = (size_t)(end - *p);
	if (reserve(z, n, err) != 0)
		return -1;
	/* Of a fixed size, as most runs can be, the copy needs no call. */
	if (end - *p >= LITERALS_MAX)
		memcpy(z->buf + z->fill, *p, LITERALS_MAX);
	else
		memcpy(z->buf + z->fill, *p, n);
	z->fill += n;
	z->literals -= n;
	*p += n;
	return 0;
}

/* A reference whose bytes come in more than one feed. */
static int
refer_slowly(struct lzf *z, const unsigned char **p, struct err *err)
{
	z->token[z->token_len++] = *(*p)++;
	if (z->token_len < reference_length(z->token[0]))
		return 0;
	z->token_len = 0;
	return refer(z, z->token, err);
}

int
lzf_feed(struct lzf *z, const void *data, size_t len, struct err *err)
{
	const unsigned char *p = data;
	const unsigned char *end = p + len;
	int rc = 0;

	while (p < end && rc == 0) {
		if (z->literals > 0) {
			rc = take_literals(z, &p, end, err);
		} else if (z->token_len > 0) {
			rc = refer_slowly(z, &p, err);
		} else if (*p < LITERALS_MAX) {
			z->literals = *p++ + 1u;
		} else if (end - p >= 3) {
			rc = refer(z, p, err);
			p += reference_length(*p);
		} else {
			rc = refer_slowly(z, &p, err);
		}
	}
	return rc;
}

int
lzf_flush(struct lzf *z, struct err *err)
{
	return hand_out(z, false, err);
}

int
lzf_finish(struct lzf *z, struct err *err)
{
	if (z->left > 0 || z->literals > 0 || z->token_len > 0)
		return err_set(err, ERR_CORRUPT,
		    "LZF string ends %" PRIu64 " bytes before its %" PRIu64,
		    z->left, z->size);
	return hand_out(z, true, err);
}
