#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/temp_file.h"
#include "base/xalloc.h"
#include "rdb/crc64.h"

#include "rdb/dump_payload.h"

/* FUNCTION2 of the RDB format, of version 10. */
#define OPCODE_FUNCTION2     245
#define FUNCTION_RDB_VERSION 10

struct dump_payload {
	unsigned char *mem;
	size_t fill, memory_max;
	uint64_t size;
	uint64_t spooled; /* bytes in the file, which come before mem's */
	uint64_t crc;	  /* of the spooled ones */
	int fd;		  /* -1 until a value was too big for mem */
	unsigned char footer[DUMP_FOOTER_BYTES];
};

struct dump_payload *
dump_payload_new(size_t memory_max)
{
	struct dump_payload *p = xcalloc(1, sizeof(*p));

	p->mem = xmalloc(memory_max);
	p->memory_max = memory_max;
	p->fd = -1;
	return p;
}

void
dump_payload_free(struct dump_payload *p)
{
	if (p == NULL)
		return;
	if (p->fd >= 0)
		close(p->fd);
	free(p->mem);
	free(p);
}

static int
open_file(struct dump_payload *p, struct err *err)
{
	if (p->fd < 0)
		p->fd = temp_file_open(NULL, err);
	return p->fd < 0 ? -1 : 0;
}

/* Not every file system can keep room. */
int
dump_payload_reserve(struct dump_payload *p, uint64_t bytes, struct err *err)
{
	if (bytes <= p->memory_max)
		return 0;
	if (open_file(p, err) != 0)
		return -1;
	if (fallocate(p->fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)bytes) != 0 &&
	    errno != EOPNOTSUPP && errno != ENOSYS)
		return err_sys(err,
		    "room for a value of %" PRIu64 " bytes in a temporary file",
		    bytes);
	return 0;
}

static int
spool(struct dump_payload *p, struct err *err)
{
	if (open_file(p, err) != 0)
		return -1;
	if (temp_file_write(p->fd, p->mem, p->fill, p->spooled, err) != 0)
		return -1;
	p->crc = crc64(p->crc, p->mem, p->fill);
	p->spooled += p->fill;
	p->fill = 0;
	return 0;
}

int
dump_payload_begin(struct dump_payload *p, struct err *err)
{
	if (p->spooled > 0 && ftruncate(p->fd, 0) != 0)
		return err_sys(err, "temporary file");
	p->fill = 0;
	p->size = 0;
	p->spooled = 0;
	p->crc = 0;
	return 0;
}

int
dump_payload_add(
    struct dump_payload *p, const void *data, size_t len, struct err *err)
{
	const unsigned char *from = data;

	p->size += len;
	while (len > 0) {
		size_t n = p->memory_max - p->fill;

		if (n == 0) {
			if (spool(p, err) != 0)
				return -1;
			continue;
		}
		n = len < n ? len : n;
		memcpy(p->mem + p->fill, from, n);
		p->fill += n;
		from += n;
		len -= n;
	}
	return 0;
}

int
dump_payload_end(struct dump_payload *p, int rdb_version, struct err *err)
{
	uint64_t crc;

	assert(rdb_version > 0 && rdb_version <= UINT16_MAX);
	/* The memory is what a spooled value will be read back into. */
	if (p->spooled > 0 && spool(p, err) != 0)
		return -1;
	p->footer[0] = (unsigned char)rdb_version;
	p->footer[1] = (unsigned char)(rdb_version >> 8);
	crc = crc64(p->crc, p->mem, p->fill);
	crc = crc64(crc, p->footer, 2);
	for (int i = 0; i < 8; i++)
		p->footer[2 + i] = (unsigned char)(crc >> 8 * i);
	p->size += DUMP_FOOTER_BYTES;
	return 0;
}

/* A length as the RDB format writes it. */
static size_t
encode_length(uint64_t n, unsigned char out[9])
{
	if (n < 64) {
		out[0] = (unsigned char)n;
		return 1;
	}
	out[0] = 0x81;
	for (int i = 0; i < 8; i++)
		out[1 + i] = (unsigned char)(n >> 8 * (7 - i));
	return 9;
}

int
dump_payload_function(struct dump_payload *p, const unsigned char *source,
    size_t len, struct err *err)
{
	unsigned char head[10] = {OPCODE_FUNCTION2};
	size_t n = 1 + encode_length(len, head + 1);

	if (dump_payload_begin(p, err) != 0 ||
	    dump_payload_add(p, head, n, err) != 0 ||
	    dump_payload_add(p, source, len, err) != 0)
		return -1;
	return dump_payload_end(p, FUNCTION_RDB_VERSION, err);
}

uint64_t
dump_payload_size(const struct dump_payload *p)
{
	return p->size;
}

static int
each_spooled(struct dump_payload *p,
    int (*each)(void *, const void *, size_t, struct err *), void *arg,
    struct err *err)
{
	for (uint64_t at = 0, n; at < p->spooled; at += n) {
		n = p->spooled - at;
		n = n < p->memory_max ? n : p->memory_max;
		if (temp_file_read(p->fd, p->mem, n, at, err) != 0 ||
		    each(arg, p->mem, n, err) != 0)
			return -1;
	}
	return 0;
}

int
dump_payload_each(struct dump_payload *p,
    int (*each)(void *, const void *, size_t, struct err *), void *arg,
    struct err *err)
{
	if (p->spooled > 0 && each_spooled(p, each, arg, err) != 0)
		return -1;
	if (p->fill > 0 && each(arg, p->mem, p->fill, err) != 0)
		return -1;
	return each(arg, p->footer, sizeof(p->footer), err);
}

/* What is between the type and the footer. */
struct middle {
	int (*each)(void *arg, const void *, size_t, struct err *);
	void *arg;
	uint64_t at, end;
};

static int
put_middle(void *arg, const void *data, size_t len, struct err *err)
{
	struct middle *m = arg;
	const unsigned char *p = data;
	uint64_t at = m->at;

	m->at += len;
	if (at == 0) {
		p++;
		len--;
		at++;
	}
	if (at >= m->end)
		return 0;
	len = len < m->end - at ? len : (size_t)(m->end - at);
	return m->each(m->arg, p, len, err);
}

int
dump_payload_value(struct dump_payload *p,
    int (*each)(void *, const void *, size_t, struct err *), void *arg,
    struct err *err)
{
	struct middle m = {each, arg, .end = p->size - DUMP_FOOTER_BYTES};

	return dump_payload_each(p, put_middle, &m, err);
}
