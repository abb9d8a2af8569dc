#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/temp_file.h"
#include "base/xalloc.h"

#include "rdb/arg_spool.h"

#define READ_BYTES ((size_t)64 << 10)

struct arg_spool {
	unsigned char *mem;
	size_t fill, memory_max;
	uint64_t spooled; /* bytes in the file, which come before mem's */
	int fd;		  /* -1 until they were too many for mem */
	uint64_t *ends;	  /* where each argument ends */
	size_t n, room;
};

struct arg_spool *
arg_spool_new(size_t memory_max)
{
	struct arg_spool *s = xcalloc(1, sizeof(*s));

	s->mem = xmalloc(memory_max);
	s->memory_max = memory_max;
	s->fd = -1;
	return s;
}

void
arg_spool_free(struct arg_spool *s)
{
	if (s == NULL)
		return;
	if (s->fd >= 0)
		close(s->fd);
	free(s->ends);
	free(s->mem);
	free(s);
}

int
arg_spool_clear(struct arg_spool *s, struct err *err)
{
	bool in_file = s->spooled > 0;

	s->fill = s->n = 0;
	s->spooled = 0;
	if (in_file && ftruncate(s->fd, 0) != 0)
		return err_sys(err, "temporary file");
	return 0;
}

static int
spool(struct arg_spool *s, struct err *err)
{
	if (s->fd < 0 && (s->fd = temp_file_open(NULL, err)) < 0)
		return -1;
	if (temp_file_write(s->fd, s->mem, s->fill, s->spooled, err) != 0)
		return -1;
	s->spooled += s->fill;
	s->fill = 0;
	return 0;
}

int
arg_spool_add(
    struct arg_spool *s, const void *data, size_t len, struct err *err)
{
	const unsigned char *from = data;

	while (len > 0) {
		size_t n = s->memory_max - s->fill;

		if (n == 0) {
			if (spool(s, err) != 0)
				return -1;
			continue;
		}
		n = len < n ? len : n;
		memcpy(s->mem + s->fill, from, n);
		s->fill += n;
		from += n;
		len -= n;
	}
	return 0;
}

int
arg_spool_end(struct arg_spool *s, struct err *err)
{
	if (s->n == ARG_SPOOL_MAX)
		return err_set(err, ERR_UNSUPPORTED,
		    "a command of over %zu arguments", ARG_SPOOL_MAX);
	if (s->n == s->room) {
		s->room = s->room > 0 ? 2 * s->room : 256;
		s->ends = xreallocarray(s->ends, s->room, sizeof(*s->ends));
	}
	s->ends[s->n++] = arg_spool_bytes(s);
	return 0;
}

size_t
arg_spool_count(const struct arg_spool *s)
{
	return s->n;
}

uint64_t
arg_spool_bytes(const struct arg_spool *s)
{
	return s->spooled + s->fill;
}

uint64_t
arg_spool_at_hand(const struct arg_spool *s)
{
	return arg_spool_bytes(s) - (s->n > 0 ? s->ends[s->n - 1] : 0);
}

static uint64_t
begin_of(const struct arg_spool *s, size_t i)
{
	return i > 0 ? s->ends[i - 1] : 0;
}

uint64_t
arg_spool_length(const struct arg_spool *s, size_t i)
{
	assert(i < s->n);
	return s->ends[i] - begin_of(s, i);
}

int
arg_spool_each(const struct arg_spool *s, size_t i,
    int (*put)(void *arg, const void *, size_t, struct err *), void *arg,
    struct err *err)
{
	unsigned char piece[READ_BYTES];
	uint64_t at = begin_of(s, i), end;

	assert(i < s->n);
	end = s->ends[i];
	while (at < end && at < s->spooled) {
		uint64_t n = (end < s->spooled ? end : s->spooled) - at;

		n = n < sizeof(piece) ? n : sizeof(piece);
		if (temp_file_read(s->fd, piece, (size_t)n, at, err) != 0 ||
		    put(arg, piece, (size_t)n, err) != 0)
			return -1;
		at += n;
	}
	if (at == end)
		return 0;
	return put(arg, s->mem + (at - s->spooled), (size_t)(end - at), err);
}
