#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "rdb/crc64.h"
#include "rdb/key_show.h"
#include "rdb/lzf.h"
#include "rdb/packed.h"
#include "rdb/rdb_private.h"

#include "rdb/rdb_reader.h"

#define END_MARK 40 /* hex digits that end a diskless replication */

struct rdb_reader *
rdb_reader_new(void)
{
	struct rdb_reader *r = xcalloc(1, sizeof(*r));
	struct lzf_out lzf_out = {rdb_string_lzf, r};
	struct packed_out packed_out = {rdb_unpack_item, r};

	r->lzf = lzf_new(&lzf_out);
	r->packed = packed_new(&packed_out);
	buf_init(&r->name, RDB_WHOLE_MAX);
	buf_init(&r->kept[0], RDB_WHOLE_MAX);
	buf_init(&r->kept[1], RDB_WHOLE_MAX);
	buf_init(&r->node.fields, RDB_WHOLE_MAX);
	r->step = rdb_layout_header;
	r->end_at = UINT64_MAX;
	r->key.expires_ms = RDB_NO_EXPIRY;
	r->key.idle_s = r->key.lfu = -1;
	return r;
}

void
rdb_reader_free(struct rdb_reader *r)
{
	if (r == NULL)
		return;
	buf_release(&r->node.fields);
	buf_release(&r->kept[1]);
	buf_release(&r->kept[0]);
	buf_release(&r->name);
	packed_free(r->packed);
	lzf_free(r->lzf);
	free(r);
}

void
rdb_reader_libraries(struct rdb_reader *r, struct library_set *told)
{
	r->told = told;
}

void
rdb_reader_add(struct rdb_reader *r, struct rdb_visitor *v)
{
	const struct rdb_visitor_ops *ops = v->ops;

	assert(r->nvisitors < RDB_VISITORS_MAX);
	assert(r->in.end_at == 0);
	r->visitors[r->nvisitors++] = v;
	r->want_raw = r->want_raw || ops->raw != NULL;
	r->want_count = r->want_count || ops->key_end != NULL;
	r->want_blocks = r->want_blocks || ops->block != NULL;
	r->want_decoded = r->want_decoded || ops->piece != NULL ||
	    ops->score != NULL || ops->field_expiry != NULL ||
	    ops->stream_entry != NULL;
}

static int
fail(struct rdb_reader *r, enum err_kind kind, const char *fmt, va_list ap)
{
	char text[sizeof(r->err.text)];

	vsnprintf(text, sizeof(text), fmt, ap);
	return err_set(&r->err, kind, "%s", text);
}

int
rdb_corrupt(struct rdb_reader *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fail(r, ERR_CORRUPT, fmt, ap);
	va_end(ap);
	return -1;
}

int
rdb_unsupported(struct rdb_reader *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fail(r, ERR_UNSUPPORTED, fmt, ap);
	va_end(ap);
	return -1;
}

/* Adds to an error of ours where it happened. */
static void
locate(struct rdb_reader *r)
{
	struct rdb_key *key = &r->key;
	struct err cause = r->err;
	struct buf where;

	buf_init(&where, sizeof(cause.text));
	buf_addf(&where, "at offset %" PRIu64, intake_offset(&r->in));
	if (r->in_key) {
		size_t n = key->name_len < RDB_ERR_KEY_MAX ? key->name_len
							   : RDB_ERR_KEY_MAX;

		buf_addf(&where, ", database %" PRIu32 ", key '", key->db);
		key_show(&where, key->name, n);
		buf_adds(&where, n < key->name_len ? "...'" : "'");
	}
	err_set(&r->err, cause.kind, "%s (%s)", cause.text, where.data);
	buf_release(&where);
}

static int
spent(struct rdb_reader *r, struct err *err)
{
	*err = r->err;
	return -1;
}

void
rdb_crc_to(struct rdb_reader *r, uint64_t offset)
{
	if (offset <= r->crc_at)
		return;
	r->sum.crc64 = crc64(r->sum.crc64, r->fed + (r->crc_at - r->fed_at),
	    (size_t)(offset - r->crc_at));
	r->crc_at = offset;
}

/*
 * The CRC64 runs over a feed in one go, after the parser, while the bytes are
 * in the cache: it is an order of magnitude faster than in small pieces.
 */
static int
feed_until_end(struct rdb_reader *r, const void *data, size_t len)
{
	uint64_t end = r->in.end_at + len;
	int rc;

	r->fed = data;
	r->fed_at = r->in.end_at;
	rc = intake_feed(&r->in, data, len, rdb_run, r);
	if (rc < 0) {
		r->failed = true;
		if (!r->visitor_failed)
			locate(r);
		return -1;
	}
	rdb_crc_to(r, end < r->end_at ? end : r->end_at);
	r->fed = NULL;
	return 0;
}

int
rdb_reader_feed_some(struct rdb_reader *r, const void *data, size_t len,
    size_t *taken, struct err *err)
{
	uint64_t before = r->in.end_at;

	*taken = 0;
	if (r->failed)
		return spent(r, err);
	if (r->sum.complete)
		return 0;
	if (feed_until_end(r, data, len) != 0)
		return spent(r, err);
	*taken = r->sum.complete ? (size_t)(r->sum.size - before) : len;
	return 0;
}

static bool
mark_cut(const struct rdb_reader *r)
{
	return r->mark > 0 && r->mark < END_MARK;
}

static int
foreign_tail(struct rdb_reader *r)
{
	r->failed = true;
	return err_set(&r->err, ERR_CORRUPT,
	    "the dump ends at offset %" PRIu64
	    ", but bytes that are not its own follow",
	    r->sum.size);
}

/*
 * Azure's page blobs end in zeros up to a page; a dump that was taken off a
 * diskless replication may still have the stream's end mark.
 */
static int
take_tail(struct rdb_reader *r, const unsigned char *p, size_t n)
{
	while (n > 0 && r->mark < END_MARK && r->sum.padding == 0 && *p != 0 &&
	    strchr("0123456789abcdef", *p) != NULL) {
		r->mark++;
		p++;
		n--;
	}
	if (n == 0)
		return 0;
	if (p[0] != 0 || memcmp(p, p + 1, n - 1) != 0 || mark_cut(r))
		return foreign_tail(r);
	r->sum.padding += n;
	return 0;
}

int
rdb_reader_feed(
    struct rdb_reader *r, const void *data, size_t len, struct err *err)
{
	size_t taken;

	if (rdb_reader_feed_some(r, data, len, &taken, err) != 0)
		return -1;
	if (taken < len &&
	    take_tail(r, (const unsigned char *)data + taken, len - taken) != 0)
		return spent(r, err);
	return 0;
}

int
rdb_reader_finish(struct rdb_reader *r, struct err *err)
{
	if (!r->failed && r->sum.complete && mark_cut(r))
		foreign_tail(r);
	if (r->failed)
		return spent(r, err);
	if (r->sum.complete)
		return 0;
	r->failed = true;
	rdb_corrupt(r, "the dump is cut short");
	locate(r);
	return spent(r, err);
}

static void
join(uint64_t *most, uint64_t n)
{
	if (n > *most)
		*most = n;
}

void
rdb_sizes_join(struct rdb_sizes *all, const struct rdb_sizes *s)
{
	join(&all->string, s->string);
	join(&all->element, s->element);
	join(&all->whole, s->whole);
	join(&all->label, s->label);
	join(&all->fields, s->fields);
}

void
rdb_reader_summary(const struct rdb_reader *r, struct rdb_summary *sum)
{
	*sum = r->sum;
	if (!sum->complete)
		sum->size = r->in.end_at;
}

bool
rdb_reader_at_end(const struct rdb_reader *r)
{
	return r->sum.complete;
}
