#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/xalloc.h"
#include "rdb/packed_private.h"

#include "rdb/packed.h"

static const struct {
	const char *name;
	int (*run)(struct packed *);
} formats[] = {
    [PACKED_ZIPLIST] = {"ziplist", packed_run_ziplist},
    [PACKED_LISTPACK] = {"listpack", packed_run_listpack},
    [PACKED_INTSET] = {"intset", packed_run_intset},
    [PACKED_ZIPMAP] = {"zipmap", packed_run_zipmap},
};

struct packed *
packed_new(const struct packed_out *out)
{
	struct packed *k = xcalloc(1, sizeof(*k));

	k->out = *out;
	return k;
}

void
packed_free(struct packed *k)
{
	free(k);
}

void
packed_start(struct packed *k, enum packed_format format, bool quiet)
{
	k->format = format;
	k->state = PACKED_HEAD;
	k->quiet = quiet;
	k->in.end_at = 0;
	k->in.carried = 0;
	k->claimed = PACKED_UNKNOWN;
	k->count = 0;
	k->entry = 0;
	k->last_at = 0;
	k->total = 0;
}

int
packed_body(struct packed *k, enum packed_state then)
{
	size_t n = intake_left(&k->in);
	const unsigned char *p = k->in.p;

	if (n == 0 && k->body > 0)
		return 0;
	if (n > k->body)
		n = (size_t)k->body;
	k->in.p += n;
	k->body -= n;
	if (k->body == 0)
		k->state = then;
	if (packed_bytes(k, p, n, k->body == 0) != 0)
		return -1;
	return k->body == 0;
}

int
packed_end(struct packed *k)
{
	uint64_t at = intake_offset(&k->in);

	if (k->format != PACKED_ZIPMAP && at != k->total)
		return err_set(k->err, ERR_CORRUPT,
		    "%s ends after %" PRIu64 " bytes, its head says %" PRIu64,
		    formats[k->format].name, at, k->total);
	if (k->claimed != PACKED_UNKNOWN && k->claimed != k->count)
		return err_set(k->err, ERR_CORRUPT,
		    "%s has %" PRIu64 " elements, its head says %" PRIu64,
		    formats[k->format].name, k->count, k->claimed);
	k->state = PACKED_END;
	return 0;
}

static int
run(void *arg)
{
	struct packed *k = arg;

	if (k->state != PACKED_END && formats[k->format].run(k) != 0)
		return -1;
	if (k->state == PACKED_END && intake_left(&k->in) > 0)
		return err_set(k->err, ERR_CORRUPT,
		    "%s is followed by bytes that are not its own",
		    formats[k->format].name);
	return 0;
}

int
packed_feed(struct packed *k, const void *data, size_t len, struct err *err)
{
	k->err = err;
	return intake_feed(&k->in, data, len, run, k) == 0 ? 0 : -1;
}

int
packed_finish(struct packed *k, struct err *err)
{
	if (k->state != PACKED_END)
		return err_set(err, ERR_CORRUPT,
		    "%s of %" PRIu64 " bytes lacks its end",
		    formats[k->format].name, k->in.end_at);
	return 0;
}

bool
packed_claims(const struct packed *k, uint64_t *count)
{
	if (k->state == PACKED_HEAD || k->claimed == PACKED_UNKNOWN)
		return false;
	*count = k->claimed;
	return true;
}

uint64_t
packed_count(const struct packed *k)
{
	return k->count;
}
