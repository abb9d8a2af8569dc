#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/temp_file.h"
#include "base/xalloc.h"
#include "storage/replica_book.h"

#include "storage/gone_spool.h"

#define GATHERED ((size_t)64 << 10)

/* Each followed by its three strings, with their NULs. */
struct head {
	uint64_t size;
	uint32_t name, etag, version; /* bytes of them, with the NUL */
};

/* Names, ETags and version ids are bounded by who lists them. */
#define RECORD_MAX (sizeof(struct head) + 4096)

struct gone_spool {
	int fd;
	unsigned char *data; /* being gathered, or read from */
	size_t fill, at;
	uint64_t file_at; /* in the file, of what follows data */
	uint64_t file_size;
	uint64_t count;
	bool reading;
};

struct gone_spool *
gone_spool_new(struct err *err)
{
	struct gone_spool *s;
	int fd = temp_file_open(NULL, err);

	if (fd < 0)
		return NULL;
	s = xcalloc(1, sizeof(*s));
	s->fd = fd;
	s->data = xmalloc(GATHERED);
	return s;
}

void
gone_spool_free(struct gone_spool *s)
{
	if (s == NULL)
		return;
	close(s->fd);
	free(s->data);
	free(s);
}

static int
flush(struct gone_spool *s, struct err *err)
{
	if (temp_file_write(s->fd, s->data, s->fill, s->file_size, err) != 0)
		return err_in(err, "noting what is missing at the source");
	s->file_size += s->fill;
	s->fill = 0;
	return 0;
}

static void
put(struct gone_spool *s, const void *data, size_t len)
{
	memcpy(s->data + s->fill, data, len);
	s->fill += len;
}

int
gone_spool_add(
    struct gone_spool *s, const struct book_gone *gone, struct err *err)
{
	struct head head;
	size_t all;

	memset(&head, 0, sizeof(head));
	head.size = gone->size;
	head.name = (uint32_t)strlen(gone->name) + 1;
	head.etag = (uint32_t)strlen(gone->etag) + 1;
	head.version = (uint32_t)strlen(gone->version) + 1;
	all = sizeof(head) + head.name + head.etag + head.version;
	if (all > RECORD_MAX)
		return err_set(err, ERR_CORRUPT,
		    "the name or ETag of '%.80s...' is too long", gone->name);
	if (s->fill + all > GATHERED && flush(s, err) != 0)
		return -1;
	put(s, &head, sizeof(head));
	put(s, gone->name, head.name);
	put(s, gone->etag, head.etag);
	put(s, gone->version, head.version);
	s->count++;
	return 0;
}

uint64_t
gone_spool_count(const struct gone_spool *s)
{
	return s->count;
}

int
gone_spool_rewind(struct gone_spool *s, struct err *err)
{
	if (!s->reading && flush(s, err) != 0)
		return -1;
	s->reading = true;
	s->fill = s->at = 0;
	s->file_at = 0;
	return 0;
}

/* What is left moves to the front, and the file's next bytes behind it. */
static int
refill(struct gone_spool *s, struct err *err)
{
	size_t left = s->fill - s->at, more = GATHERED - left;

	if (more > s->file_size - s->file_at)
		more = (size_t)(s->file_size - s->file_at);
	memmove(s->data, s->data + s->at, left);
	s->at = 0;
	s->fill = left;
	if (temp_file_read(s->fd, s->data + left, more, s->file_at, err) != 0)
		return err_in(err, "reading what is missing at the source");
	s->fill += more;
	s->file_at += more;
	return 0;
}

int
gone_spool_next(struct gone_spool *s, struct book_gone *gone, struct err *err)
{
	struct head head;
	const char *text;

	if (s->fill - s->at < RECORD_MAX && s->file_at < s->file_size &&
	    refill(s, err) != 0)
		return -1;
	if (s->at == s->fill)
		return 0;
	memcpy(&head, s->data + s->at, sizeof(head));
	text = (const char *)s->data + s->at + sizeof(head);
	*gone = (struct book_gone){
	    .name = text,
	    .etag = text + head.name,
	    .version = text + head.name + head.etag,
	    .size = head.size,
	};
	s->at += sizeof(head) + head.name + head.etag + head.version;
	return 1;
}
