#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "rdb/rdb_reader.h"
#include "tests/sim/rdb_bytes.h"

#include "tests/sim/rdb_keys.h"

#define DUMP_MAX ((size_t)64 << 20)

void
rdb_keys_begin(struct buf *b)
{
	rdb_begin(b, "REDIS0012");
	b->max = DUMP_MAX;
	rdb_keys_select(b, 0);
}

void
rdb_keys_select(struct buf *b, unsigned char db)
{
	buf_addc(b, (char)0xfe);
	buf_addc(b, (char)db);
}

void
rdb_keys_expire(struct buf *b, int64_t ms)
{
	buf_addc(b, (char)0xfc);
	rdb_put_le(b, (uint64_t)ms, 8);
}

void
rdb_keys_key(struct buf *b, int type, const char *name)
{
	buf_addc(b, (char)type);
	rdb_put_string(b, name);
}

void
rdb_keys_string(struct buf *b, const char *name, const char *value)
{
	rdb_keys_key(b, 0, name);
	rdb_put_string(b, value);
}

void
rdb_keys_end(struct buf *b)
{
	rdb_end(b);
	assert_false(b->overflowed);
}

int
rdb_keys_read(const struct buf *b, struct rdb_visitor *v, struct err *err)
{
	struct rdb_reader *r = rdb_reader_new();
	int rc;

	rdb_reader_add(r, v);
	rc = rdb_reader_feed(r, b->data, b->len, err);
	if (rc == 0)
		rc = rdb_reader_finish(r, err);
	rdb_reader_free(r);
	return rc;
}

void
rdb_keys_show(const struct buf *b, struct rdb_visitor *v)
{
	struct err err = {0};

	if (rdb_keys_read(b, v, &err) != 0)
		fail_msg("%s", err.text);
}
