/*
 * The canonical form.  A value becomes a digest of 16 bytes, and so does a
 * key with its value; the latter are what is summed.
 *
 *   item    = XXH3(bytes of one element)
 *   string  = item
 *   list    = XXH3(item of each element, in order)
 *   set     = XXH3(sum of items, count)
 *   hash    = XXH3(sum of XXH3(item field, item value, -1), count), of the
 *             fields that do not expire
 *   zset    = XXH3(sum of XXH3(item member, score as a double), count)
 *   stream  = XXH3(entries, facts, groups, pending entries and consumers as
 *             they come: Redis keeps each of these sorted; but for what is
 *             pending of messages that were trimmed)
 *   head    = db, kind, expiry, length of the name, name
 *   key     = XXH3(head, value)
 *   field   = XXH3(XXH3(head), item field, item value, expiry), of a hash's
 *             fields that expire, each
 *
 * Integers are little endian, 8 bytes unless said otherwise; XXH3 is the
 * 128-bit form with seed 0, its low half first.  Elements of unordered types
 * are summed, so nothing has to be sorted or kept, and a value of any size
 * takes the same memory.
 */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/xalloc.h"
#include "rdb/digest_run.h"

#include "rdb/key_digest.h"

/* Of a key's head, a field and its value, and an expiry. */
#define FIELD_BYTES (3 * DIGEST128_BYTES + 8)

struct key_digester {
	struct rdb_visitor visitor;
	struct digest_visitor *next;
	struct key_digest out; /* the key that is being read */
	struct digest_run whole_key;
	struct digest_run order; /* lists and streams */
	struct digest_run meta;	 /* stream fields, or a module's bytes */
	uint64_t sum[2];
	uint64_t count;
	bool with_times;

	/* The element being read. */
	XXH3_state_t *item;
	bool item_open; /* pieces of it are in item */
	struct digest128 whole, field, value;
	bool have_field; /* a hash field with its value is not summed yet */
	int64_t field_expires_ms;
	struct digest128 head; /* of a hash */
	int64_t last_field_ms; /* of those that expire */
	bool has_entries;      /* of a stream, */
	struct rdb_stream_id first_entry;
};

struct digest128
digest128_of(const void *p, size_t n)
{
	return digest_of_xxh(XXH3_128bits(p, n));
}

void
digest128_add(uint64_t sum[2], const struct digest128 *d)
{
	uint64_t lo = get64(d->b), hi = get64(d->b + 8);

	sum[0] += lo;
	sum[1] += hi + (sum[0] < lo);
}

/* Of two expiries, of which a may be none. */
static int64_t
earlier(int64_t a, int64_t b)
{
	return a != RDB_NO_EXPIRY && a < b ? a : b;
}

/* All of a key's digest but its value. */
static void
begin_key(struct digest_run *r, const struct rdb_key *key)
{
	unsigned char b[21];

	for (int i = 0; i < 4; i++)
		b[i] = (unsigned char)(key->db >> (8 * i));
	b[4] = (unsigned char)key->kind;
	put64(b + 5, (uint64_t)key->expires_ms);
	put64(b + 13, key->name_len);
	digest_run_reset(r);
	digest_run_add(r, b, sizeof(b));
	digest_run_add(r, key->name, key->name_len);
}

static int
on_key_begin(struct rdb_visitor *v, const struct rdb_key *key, struct err *err)
{
	struct key_digester *r = (struct key_digester *)v;

	r->out.db = key->db;
	r->out.kind = key->kind;
	r->out.type = key->type;
	r->out.expires_ms = r->out.gone_ms = key->expires_ms;
	r->out.bytes = 0;
	begin_key(&r->whole_key, key);
	if (key->kind == RDB_HASH)
		r->head = digest_run_end(&r->whole_key);
	r->last_field_ms = RDB_NO_EXPIRY;
	r->has_entries = false;
	digest_run_reset(&r->order);
	digest_run_reset(&r->meta);
	r->sum[0] = r->sum[1] = 0;
	r->count = 0;
	r->item_open = false;
	r->have_field = false;
	if (r->next->ops->begin == NULL)
		return 0;
	return r->next->ops->begin(r->next, key, err);
}

static int
tell_expiring_field(
    struct key_digester *r, const unsigned char b[FIELD_BYTES], struct err *err)
{
	struct field_digest f = {
	    .db = r->out.db,
	    .expires_ms = earlier(r->out.expires_ms, r->field_expires_ms),
	    .digest = digest128_of(b, FIELD_BYTES),
	};

	if (r->field_expires_ms > r->last_field_ms)
		r->last_field_ms = r->field_expires_ms;
	if (r->next->ops->field == NULL)
		return 0;
	return r->next->ops->field(r->next, &f, err);
}

/* The hash field that was read before, now that its expiry is known. */
static int
close_field(struct key_digester *r, struct err *err)
{
	unsigned char b[FIELD_BYTES], *own = b + DIGEST128_BYTES;
	struct digest128 d;

	if (!r->have_field)
		return 0;
	r->have_field = false;
	memcpy(b, r->head.b, DIGEST128_BYTES);
	memcpy(own, r->field.b, DIGEST128_BYTES);
	memcpy(own + DIGEST128_BYTES, r->value.b, DIGEST128_BYTES);
	put64(b + FIELD_BYTES - 8, (uint64_t)r->field_expires_ms);
	if (r->field_expires_ms != RDB_NO_EXPIRY)
		return tell_expiring_field(r, b, err);
	d = digest128_of(own, FIELD_BYTES - DIGEST128_BYTES);
	digest128_add(r->sum, &d);
	r->count++;
	return 0;
}

static int
close_item(struct key_digester *r, enum rdb_part part,
    const struct digest128 *d, struct err *err)
{
	unsigned char tag = (unsigned char)part;

	switch (part) {
	case RDB_PART_STRING:
	case RDB_PART_MEMBER:
		r->whole = *d;
		break;
	case RDB_PART_ITEM:
		if (r->out.kind == RDB_SET)
			digest128_add(r->sum, d);
		else
			digest_run_add(&r->order, d->b, DIGEST128_BYTES);
		r->count++;
		break;
	case RDB_PART_FIELD:
		if (close_field(r, err) != 0)
			return -1;
		r->field = *d;
		break;
	case RDB_PART_VALUE:
		r->value = *d;
		r->have_field = true;
		r->field_expires_ms = RDB_NO_EXPIRY;
		break;
	case RDB_PART_GROUP:
	case RDB_PART_CONSUMER:
	case RDB_PART_STREAM_FIELD:
	case RDB_PART_STREAM_VALUE:
		digest_run_add(&r->order, &tag, 1);
		digest_run_add(&r->order, d->b, DIGEST128_BYTES);
		break;
	case RDB_PART_MODULE:
		digest_run_add(&r->meta, d->b, DIGEST128_BYTES);
		break;
	}
	return 0;
}

static int
on_piece(struct rdb_visitor *v, enum rdb_part part, const unsigned char *p,
    size_t n, bool last, struct err *err)
{
	struct key_digester *r = (struct key_digester *)v;
	struct digest128 d;

	r->out.bytes += n;
	if (last && !r->item_open) {
		d = digest128_of(p, n);
		return close_item(r, part, &d, err);
	}
	if (!r->item_open)
		XXH3_128bits_reset(r->item);
	r->item_open = true;
	XXH3_128bits_update(r->item, p, n);
	if (last) {
		r->item_open = false;
		d = digest_of_xxh(XXH3_128bits_digest(r->item));
		return close_item(r, part, &d, err);
	}
	return 0;
}

static int
on_score(struct rdb_visitor *v, double score, struct err *err)
{
	struct key_digester *r = (struct key_digester *)v;
	unsigned char b[DIGEST128_BYTES + 8];
	struct digest128 d;
	uint64_t bits;

	(void)err;
	if (score == 0)
		score = 0; /* -0 and 0 are one score to Redis */
	memcpy(&bits, &score, sizeof(bits));
	memcpy(b, r->whole.b, DIGEST128_BYTES);
	put64(b + DIGEST128_BYTES, bits);
	d = digest128_of(b, sizeof(b));
	digest128_add(r->sum, &d);
	r->count++;
	return 0;
}

static int
on_field_expiry(struct rdb_visitor *v, int64_t expires_ms, struct err *err)
{
	struct key_digester *r = (struct key_digester *)v;

	(void)err;
	r->field_expires_ms = expires_ms;
	return 0;
}

static int
on_stream_entry(struct rdb_visitor *v, struct rdb_stream_id id, uint64_t fields,
    struct err *err)
{
	struct key_digester *r = (struct key_digester *)v;
	unsigned char b[1 + 24];

	(void)err;
	if (!r->has_entries)
		r->first_entry = id;
	r->has_entries = true;
	b[0] = 'e';
	put64(b + 1, id.ms);
	put64(b + 9, id.seq);
	put64(b + 17, fields);
	digest_run_add(&r->order, b, sizeof(b));
	return 0;
}

/* What only newer encodings carry goes into a sum of its own. */
static bool
is_meta(enum rdb_stream_fact fact)
{
	switch (fact) {
	case RDB_STREAM_FIRST_ID:
	case RDB_STREAM_MAX_DELETED:
	case RDB_STREAM_ADDED:
	case RDB_STREAM_GROUP_READ:
	case RDB_STREAM_ACTIVE:
		return true;
	case RDB_STREAM_LENGTH:
	case RDB_STREAM_LAST_ID:
	case RDB_STREAM_GROUP_LAST:
	case RDB_STREAM_PENDING:
	case RDB_STREAM_SEEN:
	case RDB_STREAM_OWNED:
		break;
	}
	return false;
}

/*
 * Pending with somebody, though the message was trimmed since.  No command
 * makes such an entry, and all it can do is be acknowledged; so a copy may lack
 * it.  (Of messages that were deleted from the midst nothing tells here.)
 */
static bool
is_of_trimmed(const struct key_digester *r, enum rdb_stream_fact fact,
    const struct rdb_stream_id *id)
{
	const struct rdb_stream_id *first = &r->first_entry;

	if (fact != RDB_STREAM_PENDING && fact != RDB_STREAM_OWNED)
		return false;
	return !r->has_entries || id->ms < first->ms ||
	    (id->ms == first->ms && id->seq < first->seq);
}

static int
on_stream_fact(struct rdb_visitor *v, enum rdb_stream_fact fact,
    struct rdb_stream_id id, uint64_t n, int64_t ms, struct err *err)
{
	struct key_digester *r = (struct key_digester *)v;
	unsigned char b[2 + 32];

	(void)err;
	if (!r->with_times &&
	    (fact == RDB_STREAM_SEEN || fact == RDB_STREAM_ACTIVE))
		return 0;
	if (is_of_trimmed(r, fact, &id))
		return 0;
	b[0] = 'f';
	b[1] = (unsigned char)fact;
	put64(b + 2, id.ms);
	put64(b + 10, id.seq);
	put64(b + 18, n);
	put64(b + 26, (uint64_t)ms);
	digest_run_add(is_meta(fact) ? &r->meta : &r->order, b, sizeof(b));
	return 0;
}

static struct digest128
value_digest(struct key_digester *r)
{
	static const struct digest128 none;
	unsigned char b[24];

	switch (r->out.kind) {
	case RDB_STRING:
		return r->whole;
	case RDB_LIST:
	case RDB_STREAM:
		return digest_run_end(&r->order);
	case RDB_HASH:
	case RDB_SET:
	case RDB_ZSET:
		break;
	case RDB_MODULE:
	case RDB_KINDS:
		return none;
	}
	put64(b, r->sum[0]);
	put64(b + 8, r->sum[1]);
	put64(b + 16, r->count);
	return digest128_of(b, sizeof(b));
}

static int
on_key_end(struct rdb_visitor *v, uint64_t raw_bytes, uint64_t elements,
    struct err *err)
{
	static const struct digest128 none;
	struct key_digester *r = (struct key_digester *)v;
	struct key_digest *d = &r->out;

	(void)raw_bytes;
	if (d->kind == RDB_HASH) {
		if (close_field(r, err) != 0)
			return -1;
		if (r->count == 0 && r->last_field_ms != RDB_NO_EXPIRY)
			d->gone_ms = earlier(d->expires_ms, r->last_field_ms);
	}
	d->elements = elements;
	d->value = value_digest(r);
	digest_run_add(&r->whole_key, d->value.b, DIGEST128_BYTES);
	d->key = digest_run_end(&r->whole_key);
	d->extra = none;
	if (d->kind == RDB_STREAM || d->kind == RDB_MODULE) {
		digest_run_add(&r->meta, d->key.b, DIGEST128_BYTES);
		d->extra = digest_run_end(&r->meta);
	}
	return r->next->ops->key(r->next, d, err);
}

static int
on_function(struct rdb_visitor *v, const unsigned char *source, size_t len,
    struct err *err)
{
	struct key_digester *r = (struct key_digester *)v;
	struct digest128 d;

	if (r->next->ops->function == NULL)
		return 0;
	d = digest128_of(source, len);
	return r->next->ops->function(r->next, &d, err);
}

static const struct rdb_visitor_ops visitor_ops = {
    .function = on_function,
    .key_begin = on_key_begin,
    .piece = on_piece,
    .score = on_score,
    .field_expiry = on_field_expiry,
    .stream_entry = on_stream_entry,
    .stream_fact = on_stream_fact,
    .key_end = on_key_end,
};

struct key_digester *
key_digester_new(struct digest_visitor *next)
{
	struct key_digester *r = xcalloc(1, sizeof(*r));

	r->visitor.ops = &visitor_ops;
	r->next = next;
	r->whole_key.state = digest_state_new();
	r->order.state = digest_state_new();
	r->meta.state = digest_state_new();
	r->item = digest_state_new();
	return r;
}

void
key_digester_free(struct key_digester *r)
{
	if (r == NULL)
		return;
	free(r->whole_key.state);
	free(r->order.state);
	free(r->meta.state);
	free(r->item);
	free(r);
}

void
key_digester_with_times(struct key_digester *r)
{
	r->with_times = true;
}

struct rdb_visitor *
key_digester_visitor(struct key_digester *r)
{
	return &r->visitor;
}
