#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/scope.h"
#include "rdb/rdb_reader.h"
#include "rdb/redis_conn.h"
#include "rdb/restore_loader.h"

#include "tests/sim/load_dump.h"

#define PIECE 100003

int
load_dump(int port, struct credential *password, const void *dump, size_t len,
    const struct restore_opts *opts, struct restore_facts *facts,
    struct err *err)
{
	const struct redis_opts redis = {
	    .password = password, .reply_timeout_ms = 10000};
	struct scope scope = scope_root(NULL);
	struct rdb_reader *reader = rdb_reader_new();
	const unsigned char *p = dump;
	struct restore_loader *l;
	struct redis_target t;
	char url[64];
	int rc = -1;

	snprintf(url, sizeof(url), "redis://127.0.0.1:%d", port);
	assert_int_equal(redis_target_parse(url, &t, err), 0);
	l = restore_loader_new(&t, &redis, &scope, opts, err);
	if (l == NULL)
		goto out;
	rdb_reader_add(reader, restore_loader_visitor(l));
	for (size_t at = 0; at < len;) {
		size_t n = len - at < PIECE ? len - at : PIECE;

		if (rdb_reader_feed(reader, p + at, n, err) != 0)
			goto out;
		at += n;
	}
	if (rdb_reader_finish(reader, err) == 0)
		rc = restore_loader_finish(l, facts, err);
out:
	restore_loader_free(l);
	rdb_reader_free(reader);
	redis_target_release(&t);
	return rc;
}
