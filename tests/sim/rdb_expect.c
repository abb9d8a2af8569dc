#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rdb/rdb_reader.h"
#include "tests/sim/rdb_bytes.h"
#include "tests/sim/rdb_record.h"

#include "tests/sim/rdb_expect.h"

char *
rdb_tell(const struct buf *b)
{
	char *whole = rdb_record_cut(b->data, b->len, b->len, b->len);
	char *cut = rdb_record_cut(b->data, b->len, 1, 1);

	assert_string_equal(whole, cut);
	free(cut);
	return whole;
}

void
rdb_expect(struct buf *b, const char *lines)
{
	char *text;

	rdb_end(b);
	text = rdb_tell(b);
	if (strstr(text, "\nread ") == NULL || strstr(text, lines) == NULL)
		fail_msg("want:\n%s\ngot:\n%s", lines, text);
	free(text);
	buf_release(b);
}

void
rdb_refuse(struct buf *b, enum err_kind kind, const char *why)
{
	struct rdb_reader *r = rdb_reader_new();
	struct rdb_record rec;
	struct err err = {0};

	rdb_end(b);
	rdb_record_init(&rec);
	rdb_reader_add(r, &rec.visitor);
	if (rdb_reader_feed(r, b->data, b->len, &err) == 0 &&
	    rdb_reader_finish(r, &err) == 0)
		fail_msg("read as:\n%s", rec.text.data);
	assert_int_equal(err.kind, kind);
	if (strstr(err.text, why) == NULL)
		fail_msg("'%s' does not say '%s'", err.text, why);
	rdb_record_release(&rec);
	rdb_reader_free(r);
	buf_release(b);
}
