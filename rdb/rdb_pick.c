#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/xalloc.h"
#include "rdb/key_filter.h"
#include "rdb/rdb_reader.h"

#include "rdb/rdb_pick.h"

struct rdb_pick {
	struct rdb_visitor visitor;
	struct rdb_visitor_ops ops; /* those that the other one has */
	struct rdb_visitor *to;
	const struct key_filter *filter;
	int64_t at_ms;
	bool taken; /* the key under way */
	struct rdb_summary sum;
};

/* At most so many bytes tell a length. */
#define LENGTH_BYTES 9

static void
at_least(uint64_t *most, uint64_t n)
{
	if (*most < n)
		*most = n;
}

static int
on_header(struct rdb_visitor *v, int version, bool valkey, struct err *err)
{
	struct rdb_pick *p = (struct rdb_pick *)v;

	return p->to->ops->header(p->to, version, valkey, err);
}

static int
on_aux(struct rdb_visitor *v, const unsigned char *name, size_t name_len,
    const unsigned char *value, size_t value_len, struct err *err)
{
	struct rdb_pick *p = (struct rdb_pick *)v;

	return p->to->ops->aux(p->to, name, name_len, value, value_len, err);
}

static int
on_function(struct rdb_visitor *v, const unsigned char *source, size_t len,
    struct err *err)
{
	struct rdb_pick *p = (struct rdb_pick *)v;

	if (!key_filter_takes_functions(p->filter))
		return 0;
	p->sum.has_functions = true;
	p->sum.size += len;
	at_least(&p->sum.value_max, LENGTH_BYTES + len);
	if (p->to->ops->function == NULL)
		return 0;
	return p->to->ops->function(p->to, source, len, err);
}

static int
on_module_aux(struct rdb_visitor *v, uint64_t module_id, struct err *err)
{
	struct rdb_pick *p = (struct rdb_pick *)v;

	p->sum.has_modules = true;
	if (p->to->ops->module_aux == NULL)
		return 0;
	return p->to->ops->module_aux(p->to, module_id, err);
}

static void
count(struct rdb_pick *p, const struct rdb_key *k)
{
	struct rdb_summary *s = &p->sum;

	s->keys++;
	s->size += k->name_len;
	if (k->type < 32)
		s->types_seen |= UINT32_C(1) << k->type;
	if (k->db > s->db_max)
		s->db_max = k->db;
	s->has_modules = s->has_modules || k->kind == RDB_MODULE;
	at_least(&s->value_max, k->name_len);
}

static int
on_key_begin(struct rdb_visitor *v, const struct rdb_key *k, struct err *err)
{
	struct rdb_pick *p = (struct rdb_pick *)v;

	p->taken = key_filter_takes(p->filter, k, p->at_ms);
	if (!p->taken)
		return 0;
	count(p, k);
	if (p->to->ops->key_begin == NULL)
		return 0;
	return p->to->ops->key_begin(p->to, k, err);
}

static int
on_raw(struct rdb_visitor *v, const unsigned char *data, size_t len,
    struct err *err)
{
	struct rdb_pick *p = (struct rdb_pick *)v;

	return p->taken ? p->to->ops->raw(p->to, data, len, err) : 0;
}

static int
on_piece(struct rdb_visitor *v, enum rdb_part part, const unsigned char *data,
    size_t len, bool last, struct err *err)
{
	struct rdb_pick *p = (struct rdb_pick *)v;

	return p->taken ? p->to->ops->piece(p->to, part, data, len, last, err)
			: 0;
}

static int
on_block(struct rdb_visitor *v, uint64_t size, struct rdb_stream_id id,
    struct err *err)
{
	struct rdb_pick *p = (struct rdb_pick *)v;

	return p->taken ? p->to->ops->block(p->to, size, id, err) : 0;
}

static int
on_score(struct rdb_visitor *v, double score, struct err *err)
{
	struct rdb_pick *p = (struct rdb_pick *)v;

	return p->taken ? p->to->ops->score(p->to, score, err) : 0;
}

static int
on_field_expiry(struct rdb_visitor *v, int64_t expires_ms, struct err *err)
{
	struct rdb_pick *p = (struct rdb_pick *)v;

	return p->taken ? p->to->ops->field_expiry(p->to, expires_ms, err) : 0;
}

static int
on_stream_entry(struct rdb_visitor *v, struct rdb_stream_id id, uint64_t fields,
    struct err *err)
{
	struct rdb_pick *p = (struct rdb_pick *)v;

	return p->taken ? p->to->ops->stream_entry(p->to, id, fields, err) : 0;
}

static int
on_stream_fact(struct rdb_visitor *v, enum rdb_stream_fact fact,
    struct rdb_stream_id id, uint64_t n, int64_t ms, struct err *err)
{
	struct rdb_pick *p = (struct rdb_pick *)v;

	return p->taken ? p->to->ops->stream_fact(p->to, fact, id, n, ms, err)
			: 0;
}

static int
on_key_end(struct rdb_visitor *v, uint64_t raw_bytes, uint64_t elements,
    struct err *err)
{
	struct rdb_pick *p = (struct rdb_pick *)v;

	if (!p->taken)
		return 0;
	p->sum.size += raw_bytes;
	at_least(&p->sum.value_max, raw_bytes);
	if (p->to->ops->key_end == NULL)
		return 0;
	return p->to->ops->key_end(p->to, raw_bytes, elements, err);
}

/* What counts is told always; else the reader skips the work that nobody's
 * function asks for. */
static struct rdb_visitor_ops
ops_for(const struct rdb_visitor_ops *to)
{
	return (struct rdb_visitor_ops){
	    .header = to->header != NULL ? on_header : NULL,
	    .aux = to->aux != NULL ? on_aux : NULL,
	    .function = on_function,
	    .module_aux = on_module_aux,
	    .key_begin = on_key_begin,
	    .raw = to->raw != NULL ? on_raw : NULL,
	    .piece = to->piece != NULL ? on_piece : NULL,
	    .block = to->block != NULL ? on_block : NULL,
	    .score = to->score != NULL ? on_score : NULL,
	    .field_expiry = to->field_expiry != NULL ? on_field_expiry : NULL,
	    .stream_entry = to->stream_entry != NULL ? on_stream_entry : NULL,
	    .stream_fact = to->stream_fact != NULL ? on_stream_fact : NULL,
	    .key_end = on_key_end,
	};
}

struct rdb_pick *
rdb_pick_new(
    struct rdb_visitor *to, const struct key_filter *filter, int64_t at_ms)
{
	struct rdb_pick *p = xcalloc(1, sizeof(*p));

	p->ops = ops_for(to->ops);
	p->visitor.ops = &p->ops;
	p->to = to;
	p->filter = filter;
	p->at_ms = at_ms;
	return p;
}

void
rdb_pick_free(struct rdb_pick *p)
{
	free(p);
}

struct rdb_visitor *
rdb_pick_visitor(struct rdb_pick *p)
{
	return &p->visitor;
}

void
rdb_pick_summary(const struct rdb_pick *p, struct rdb_summary *s)
{
	s->keys = p->sum.keys;
	s->size = p->sum.size;
	s->types_seen = p->sum.types_seen;
	s->db_max = p->sum.db_max;
	s->value_max = p->sum.value_max;
	s->has_functions = p->sum.has_functions;
	s->has_modules = p->sum.has_modules;
}
