#include <string.h>

#include "base/err.h"

#include "rdb/resp_guard.h"

void
resp_guard_init(struct resp_guard *g, size_t reply_max)
{
	*g = (struct resp_guard){
	    .reply_max = reply_max != 0 ? reply_max : RESP_REPLY_MAX,
	};
}

bool
resp_guard_inside(const struct resp_guard *g)
{
	return g->seen > 0;
}

/* One value ended: its array may have, too.  True at the reply's end. */
static bool
value_ended(struct resp_guard *g)
{
	g->state = RESP_TYPE;
	while (g->depth > 0) {
		if (--g->left[g->depth] > 0)
			return false;
		g->depth--;
	}
	return true;
}

/* The line's number: strict, so that no two hiredis read it two ways. */
static int
line_number(const struct resp_guard *g, int64_t *n, struct err *err)
{
	bool minus = g->ndigits > 0 && g->digits[0] == '-';
	size_t i = minus;
	uint64_t v = 0;

	/* 19 digits fit into 64 bits, and so does the sum. */
	if (g->ndigits == i || g->ndigits - i > 19)
		return err_set(err, ERR_CORRUPT, "a number is no number");
	for (; i < g->ndigits; i++) {
		if (g->digits[i] < '0' || g->digits[i] > '9')
			return err_set(
			    err, ERR_CORRUPT, "a number has a letter in it");
		v = v * 10 + (uint64_t)(g->digits[i] - '0');
	}
	if (v > (uint64_t)INT64_MAX + minus)
		return err_set(err, ERR_CORRUPT, "a number is over 64 bits");
	*n = minus ? (int64_t)(0 - v) : (int64_t)v;
	return 0;
}

static int
bulk_begins(struct resp_guard *g, int64_t n, bool *done, struct err *err)
{
	if (n == -1) {
		*done = value_ended(g);
		return 0;
	}
	if (n < 0 || n > (int64_t)RESP_BULK_MAX ||
	    (size_t)n + 2 > g->reply_max - g->seen)
		return err_set(err, ERR_CORRUPT,
		    "a string of %lld bytes is over the ceiling", (long long)n);
	g->bulk_left = (size_t)n + 2;
	g->state = RESP_BULK;
	return 0;
}

static int
array_begins(struct resp_guard *g, int64_t n, bool *done, struct err *err)
{
	if (n == -1 || n == 0) {
		*done = value_ended(g);
		return 0;
	}
	if (n < 0 || n > (int64_t)(RESP_ELEMENTS_MAX - g->elements))
		return err_set(err, ERR_CORRUPT,
		    "an array of %lld elements is over the ceiling",
		    (long long)n);
	if (g->depth == RESP_DEPTH_MAX)
		return err_set(err, ERR_CORRUPT,
		    "arrays are nested deeper than %d", RESP_DEPTH_MAX);
	g->elements += (size_t)n;
	g->left[++g->depth] = (uint32_t)n;
	g->state = RESP_TYPE;
	return 0;
}

static int
line_ended(struct resp_guard *g, bool *done, struct err *err)
{
	int64_t n = 0;

	if (g->type == '+' || g->type == '-') {
		*done = value_ended(g);
		return 0;
	}
	if (line_number(g, &n, err) != 0)
		return -1;
	if (g->type == '$')
		return bulk_begins(g, n, done, err);
	if (g->type == '*')
		return array_begins(g, n, done, err);
	*done = value_ended(g);
	return 0;
}

static int
type_byte(struct resp_guard *g, unsigned char c, struct err *err)
{
	if (c == '\0' || strchr("+-:$*", c) == NULL)
		return err_set(
		    err, ERR_CORRUPT, "byte 0x%02x begins no reply", c);
	g->type = (char)c;
	g->ndigits = 0;
	g->cr = false;
	g->state = RESP_LINE;
	return 0;
}

/* A text line: skip to its CR LF at memchr's speed. */
static size_t
skip_text(struct resp_guard *g, const unsigned char *p, size_t len)
{
	const unsigned char *cr;

	if (g->cr)
		return 0;
	cr = memchr(p, '\r', len);
	return cr != NULL ? (size_t)(cr - p) : len;
}

static int
line_byte(struct resp_guard *g, unsigned char c, bool *done, struct err *err)
{
	if (g->cr && c == '\n')
		return line_ended(g, done, err);
	if (g->type != '+' && g->type != '-') {
		if (g->cr || (c != '\r' && g->ndigits == sizeof(g->digits)))
			return err_set(err, ERR_CORRUPT, "a number is no line");
		if (c != '\r')
			g->digits[g->ndigits++] = c;
	}
	g->cr = c == '\r';
	return 0;
}

/* The last two bytes of a string must be CR LF; hiredis does not look. */
static int
bulk_bytes(struct resp_guard *g, const unsigned char *p, size_t n, bool *done,
    struct err *err)
{
	for (size_t i = g->bulk_left - n > 2 ? n : 0; i < n; i++) {
		size_t left = g->bulk_left - i;

		if (left > 2) {
			i += left - 3;
			continue;
		}
		if (p[i] != (left == 2 ? '\r' : '\n'))
			return err_set(err, ERR_CORRUPT,
			    "a string does not end where it should");
	}
	g->bulk_left -= n;
	if (g->bulk_left == 0)
		*done = value_ended(g);
	return 0;
}

int
resp_guard_scan(struct resp_guard *g, const void *data, size_t len,
    size_t *taken, bool *done, struct err *err)
{
	const unsigned char *p = data;
	size_t i = 0;
	int rc = 0;

	*done = false;
	while (i < len && !*done && rc == 0) {
		size_t n = 1;

		if (g->state == RESP_BULK)
			n = len - i < g->bulk_left ? len - i : g->bulk_left;
		else if (g->state == RESP_LINE &&
		    (g->type == '+' || g->type == '-'))
			n = skip_text(g, p + i, len - i);
		n = n != 0 ? n : 1;
		if (n > g->reply_max - g->seen)
			return err_set(err, ERR_CORRUPT,
			    "a reply is over %zu bytes", g->reply_max);
		g->seen += n;
		if (g->state == RESP_TYPE)
			rc = type_byte(g, p[i], err);
		else if (g->state == RESP_BULK)
			rc = bulk_bytes(g, p + i, n, done, err);
		else if (n == 1)
			rc = line_byte(g, p[i], done, err);
		i += n;
	}
	*taken = i;
	if (*done)
		resp_guard_init(g, g->reply_max);
	return rc;
}
