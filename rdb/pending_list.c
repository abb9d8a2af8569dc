/*
 * Blocks of entries: full ones in the file, with the first id of each in
 * memory; the last one in memory.  A consumer's ids ascend too, so the block
 * that was read for one serves many.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "base/temp_file.h"
#include "base/xalloc.h"

#include "rdb/pending_list.h"

#define BLOCK	    2048
#define BLOCK_BYTES (BLOCK * sizeof(struct pending_entry))

struct pending_list {
	struct pending_entry last[BLOCK], read[BLOCK];
	size_t n;		     /* in last */
	size_t at;		     /* the block in read; SIZE_MAX: none */
	struct rdb_stream_id *first; /* of each block in the file */
	size_t blocks, room;
	int fd; /* -1: not needed yet */
};

struct pending_list *
pending_list_new(void)
{
	struct pending_list *l = xcalloc(1, sizeof(*l));

	l->fd = -1;
	l->at = SIZE_MAX;
	return l;
}

void
pending_list_free(struct pending_list *l)
{
	if (l == NULL)
		return;
	if (l->fd >= 0)
		close(l->fd);
	free(l->first);
	free(l);
}

void
pending_list_clear(struct pending_list *l)
{
	l->n = l->blocks = 0;
	l->at = SIZE_MAX;
}

static int
compare(const void *va, const void *vb)
{
	const struct rdb_stream_id *a = va, *b = vb;

	if (a->ms != b->ms)
		return a->ms < b->ms ? -1 : 1;
	return a->seq < b->seq ? -1 : a->seq > b->seq;
}

static int
put_away(struct pending_list *l, struct err *err)
{
	if (l->fd < 0 && (l->fd = temp_file_open(NULL, err)) < 0)
		return -1;
	if (temp_file_write(
		l->fd, l->last, BLOCK_BYTES, l->blocks * BLOCK_BYTES, err) != 0)
		return -1;
	if (l->blocks == l->room) {
		l->room = l->room > 0 ? 2 * l->room : 64;
		l->first = xreallocarray(l->first, l->room, sizeof(*l->first));
	}
	l->first[l->blocks++] = l->last[0].id;
	/* What comes next is compared with the last of them. */
	l->last[0] = l->last[BLOCK - 1];
	l->n = 0;
	return 0;
}

int
pending_list_add(
    struct pending_list *l, const struct pending_entry *e, struct err *err)
{
	const struct pending_entry *before = &l->last[l->n > 0 ? l->n - 1 : 0];

	if (l->n + l->blocks > 0 && compare(&e->id, &before->id) <= 0)
		return err_set(err, ERR_CORRUPT,
		    "pending entry %" PRIu64 "-%" PRIu64
		    " is not behind the one before it",
		    e->id.ms, e->id.seq);
	l->last[l->n++] = *e;
	return l->n == BLOCK ? put_away(l, err) : 0;
}

/* The last block that does not begin behind the id. */
static size_t
block_of(const struct pending_list *l, const struct rdb_stream_id *id)
{
	size_t low = 0, high = l->blocks;

	while (high - low > 1) {
		size_t mid = low + (high - low) / 2;

		if (compare(&l->first[mid], id) <= 0)
			low = mid;
		else
			high = mid;
	}
	return low;
}

int
pending_list_find(struct pending_list *l, struct rdb_stream_id id,
    struct pending_entry *out, struct err *err)
{
	const struct pending_entry *in = l->last, *found;
	size_t n = l->n;

	if (l->blocks > 0 && (n == 0 || compare(&id, &l->last[0].id) < 0)) {
		size_t block = block_of(l, &id);

		if (block != l->at) {
			l->at = SIZE_MAX;
			if (temp_file_read(l->fd, l->read, BLOCK_BYTES,
				block * BLOCK_BYTES, err) != 0)
				return -1;
			l->at = block;
		}
		in = l->read;
		n = BLOCK;
	}
	found = bsearch(&id, in, n, sizeof(*in), compare);
	if (found == NULL)
		return err_set(err, ERR_CORRUPT,
		    "a consumer has entry %" PRIu64 "-%" PRIu64
		    ", which its group does not have pending",
		    id.ms, id.seq);
	*out = *found;
	return 0;
}
