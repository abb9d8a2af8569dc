/*
 * Anything as what a server says to SCAN and DUMP: up to the first NUL on the
 * connection that walks the keys, and behind it on the one that fetches their
 * values.  What is written as a dump begins like one, and all that is said to
 * be in it has come; what fails says why in plain words.
 */
#include <assert.h>
#include <ctype.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/budget.h"
#include "base/chunk.h"
#include "base/err.h"
#include "base/scope.h"
#include "base/sink.h"
#include "rdb/redis_conn.h"
#include "rdb/scan_client.h"

#include "tests/fuzz/peer.h"

/* Of a name, an expiry and a value. */
#define KEY_LEAST 3

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

struct taken {
	struct sink sink;
	unsigned char head[6];
	size_t len;
};

static int
take(struct sink *s, struct chunk *c, struct err *err)
{
	struct taken *t = (struct taken *)s;

	(void)err;
	for (size_t i = 0; t->len + i < sizeof(t->head) && i < c->len; i++)
		t->head[t->len + i] = c->data[i];
	t->len += c->len;
	return 0;
}

static const struct sink_ops take_ops = {.name = "taken", .write = take};

static void
check_dump(const struct taken *t, const struct scan_facts *facts)
{
	assert(memcmp(t->head, "REDIS", 5) == 0 ||
	    memcmp(t->head, "VALKEY", 6) == 0);
	assert(t->len > facts->keys * KEY_LEAST);
	assert(facts->version[0] != '\0');
}

static void
check_failed(const struct err *err)
{
	assert(err->kind != ERR_NONE && err->text[0] != '\0');
	for (size_t i = 0; err->text[i] != '\0'; i++)
		assert(!iscntrl((unsigned char)err->text[i]));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct redis_opts none;
	const uint8_t *nul = size > 0 ? memchr(data, 0, size) : NULL;
	size_t walk = nul != NULL ? (size_t)(nul - data) : size;
	const struct peer_part said[] = {
	    {data, walk},
	    {data + walk + (nul != NULL), size - walk - (nul != NULL)},
	};
	struct taken t = {.sink.ops = &take_ops};
	struct scope scope = scope_root(NULL);
	struct redis_address address = {0};
	struct redis_target target = {.hosts = &address, .nhosts = 1};
	struct scan_opts opts = {0};
	struct scan_facts facts;
	struct err err = {0};
	struct peer *p;

	if (size > PEER_BYTES_MAX)
		return 0;
	p = peer_start(said, 2);
	address.host = (char *)peer_path(p);
	opts.budget = budget_new(BUDGET_DEFAULT);
	if (scan_dump(&target, &none, &scope, &opts, &t.sink, &facts, &err) ==
	    0)
		check_dump(&t, &facts);
	else
		check_failed(&err);
	assert(budget_left(opts.budget) == BUDGET_DEFAULT);
	budget_free(opts.budget);
	peer_stop(p);
	return 0;
}
