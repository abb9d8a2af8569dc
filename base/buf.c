#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

#include "base/buf.h"

#define FIRST_SIZE 64

void
buf_init(struct buf *b, size_t max)
{
	assert(max < SIZE_MAX);
	*b = (struct buf){.data = (char *)"", .max = max};
}

void
buf_release(struct buf *b)
{
	if (b->size > 0)
		free(b->data);
	buf_init(b, b->max);
}

/* Room for n more and the NUL; false, for good, when they pass the ceiling. */
static bool
reserve(struct buf *b, size_t n)
{
	size_t need, size;

	if (b->overflowed || n > b->max - b->len) {
		b->overflowed = true;
		return false;
	}
	need = b->len + n + 1;
	if (need <= b->size)
		return true;
	size = b->size > b->max / 2 ? b->max + 1 : 2 * b->size;
	if (size < FIRST_SIZE)
		size = FIRST_SIZE;
	if (size < need)
		size = need;
	b->data = xreallocarray(b->size > 0 ? b->data : NULL, size, 1);
	b->size = size;
	return true;
}

void
buf_add(struct buf *b, const void *data, size_t n)
{
	if (n == 0 || !reserve(b, n))
		return;
	memcpy(b->data + b->len, data, n);
	b->len += n;
	b->data[b->len] = '\0';
}

void
buf_adds(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void
buf_addc(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

void
buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	assert(n >= 0);
	if (n == 0 || !reserve(b, (size_t)n))
		return;
	va_start(ap, fmt);
	vsnprintf(b->data + b->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
}

void
buf_consume(struct buf *b, size_t n)
{
	assert(n <= b->len);
	if (n == 0)
		return;
	b->len -= n;
	memmove(b->data, b->data + n, b->len + 1);
}

void
buf_truncate(struct buf *b, size_t len)
{
	assert(len <= b->len);
	if (len == b->len)
		return;
	b->len = len;
	b->data[len] = '\0';
}

int
buf_check(const struct buf *b, const char *what, struct err *err)
{
	if (!b->overflowed)
		return 0;
	return err_set(err, ERR_CORRUPT, "%s is over %zu bytes", what, b->max);
}

char *
buf_take(struct buf *b)
{
	char *s = b->size > 0 ? b->data : xstrdup("");

	buf_init(b, b->max);
	return s;
}
