#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/scope.h"
#include "base/xalloc.h"
#include "rdb/key_filter.h"
#include "rdb/rdb_reader.h"
#include "rdb/rdb_writer.h"

#include "rdb/rdb_filter.h"

/* From here on a dump ends in the CRC64 that the writer gives it; values are
 * told apart by their types, and need no version of their own. */
#define VERSION_LEAST 5

struct rdb_filter {
	struct rdb_visitor visitor;
	struct sink *out;
	struct scope scope;
	struct rdb_filter_opts opts;
	struct rdb_writer *writer; /* NULL: no header yet */
	bool taken;		   /* the key under way */
	struct rdb_left_out left_out;
};

static int
on_header(struct rdb_visitor *v, int version, bool valkey, struct err *err)
{
	struct rdb_filter *f = (struct rdb_filter *)v;
	struct rdb_writer_opts opts = {
	    .version = version > VERSION_LEAST ? version : VERSION_LEAST,
	    .valkey = valkey,
	    .budget = f->opts.budget,
	};

	(void)err;
	f->writer = rdb_writer_new(f->out, &f->scope, &opts);
	return 0;
}

static bool
is(const unsigned char *name, size_t len, const char *word)
{
	return len == strlen(word) && memcmp(name, word, len) == 0;
}

/* When the dump was made, to the second; what is none is passed over. */
static void
take_time(struct rdb_filter *f, const unsigned char *value, size_t len)
{
	int64_t s = 0;

	if (len == 0 || len > 12)
		return;
	for (size_t i = 0; i < len; i++) {
		if (value[i] < '0' || value[i] > '9')
			return;
		s = s * 10 + (value[i] - '0');
	}
	f->opts.at_ms = s * 1000;
}

static int
on_aux(struct rdb_visitor *v, const unsigned char *name, size_t name_len,
    const unsigned char *value, size_t value_len, struct err *err)
{
	struct rdb_filter *f = (struct rdb_filter *)v;

	if (is(name, name_len, "repl-id") ||
	    is(name, name_len, "repl-offset") ||
	    is(name, name_len, "repl-stream-db"))
		return 0;
	if (is(name, name_len, "ctime"))
		take_time(f, value, value_len);
	return rdb_writer_aux_bytes(
	    f->writer, name, name_len, value, value_len, err);
}

static int
on_function(struct rdb_visitor *v, const unsigned char *source, size_t len,
    struct err *err)
{
	struct rdb_filter *f = (struct rdb_filter *)v;

	if (!key_filter_takes_functions(f->opts.filter))
		return 0;
	return rdb_writer_function(f->writer, source, len, err);
}

static int
on_module_aux(struct rdb_visitor *v, uint64_t module_id, struct err *err)
{
	(void)module_id;
	(void)err;
	((struct rdb_filter *)v)->left_out.module_data++;
	return 0;
}

static int
on_key(struct rdb_visitor *v, const struct rdb_key *k, struct err *err)
{
	struct rdb_filter *f = (struct rdb_filter *)v;

	f->taken = key_filter_takes(f->opts.filter, k, f->opts.at_ms);
	if (f->taken)
		return rdb_writer_key(f->writer, k, err);
	f->left_out.keys++;
	return 0;
}

static int
on_raw(
    struct rdb_visitor *v, const unsigned char *p, size_t len, struct err *err)
{
	struct rdb_filter *f = (struct rdb_filter *)v;

	return f->taken ? rdb_writer_value(f->writer, p, len, err) : 0;
}

static const struct rdb_visitor_ops filter_ops = {
    .header = on_header,
    .aux = on_aux,
    .function = on_function,
    .module_aux = on_module_aux,
    .key_begin = on_key,
    .raw = on_raw,
};

struct rdb_filter *
rdb_filter_new(struct sink *out, const struct scope *scope,
    const struct rdb_filter_opts *opts)
{
	struct rdb_filter *f = xcalloc(1, sizeof(*f));

	f->visitor.ops = &filter_ops;
	f->out = out;
	f->scope = *scope;
	f->opts = *opts;
	return f;
}

void
rdb_filter_free(struct rdb_filter *f)
{
	if (f == NULL)
		return;
	rdb_writer_free(f->writer);
	free(f);
}

struct rdb_visitor *
rdb_filter_visitor(struct rdb_filter *f)
{
	return &f->visitor;
}

int
rdb_filter_finish(struct rdb_filter *f, struct err *err)
{
	assert(f->writer != NULL);
	return rdb_writer_finish(f->writer, err);
}

const struct rdb_left_out *
rdb_filter_left_out(const struct rdb_filter *f)
{
	return &f->left_out;
}
