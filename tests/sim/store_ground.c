#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/chunk.h"
#include "base/digest.h"
#include "tests/sim/store_conformance.h"

#include "tests/sim/store_ground.h"

struct ground
ground_open(void **state)
{
	struct conformance_env *env = *state;
	unsigned char nonce[8];
	char hex[2 * sizeof(nonce) + 1];
	struct ground g = {.scope = scope_root(NULL)};

	g.scope = scope_within(&g.scope, 60000);
	g.s = env->open(env->arg);
	assert_non_null(g.s);
	scope_random(&g.scope, nonce, sizeof(nonce));
	hex_encode(nonce, sizeof(nonce), hex);
	snprintf(g.prefix, sizeof(g.prefix), "t-%s/", hex);
	return g;
}

/* Names live as long as the test; freed at its end by cmocka. */
char *
ground_name(const struct ground *g, const char *name)
{
	size_t len = strlen(g->prefix) + strlen(name) + 1;
	char *s = test_malloc(len);

	snprintf(s, len, "%s%s", g->prefix, name);
	return s;
}

static int
remove_item(void *arg, const struct list_item *item, struct err *err)
{
	struct ground *g = arg;

	return ops(g)->remove(g->s, &g->scope, item->name, NULL, err);
}

void
ground_close(struct ground *g)
{
	struct list_opts all = {.prefix = g->prefix};

	OK(store_each(g->s, &g->scope, &all, remove_item, g, &err));
	store_free(g->s);
}

struct block_id
ground_block(uint64_t writer, unsigned i)
{
	struct block_id id;

	snprintf(id.hex, sizeof(id.hex), "%016llx%08x",
	    (unsigned long long)writer, i);
	return id;
}

int
ground_stage(const struct ground *g, const char *blob,
    const struct block_id *id, const char *text, struct err *err)
{
	struct chunk *c = chunk_view(text, strlen(text));
	int rc = ops(g)->stage(g->s, &g->scope, blob, id, &c, 1, err);

	chunk_unref(c);
	return rc;
}

void
ground_put(const struct ground *g, const char *blob, const char *text)
{
	OK(store_put(
	    g->s, &g->scope, blob, text, strlen(text), NULL, NULL, &err));
}

void
ground_holds(const struct ground *g, const char *blob, const char *text)
{
	struct buf got;

	buf_init(&got, 1 << 20);
	OK(store_get(g->s, &g->scope, blob, 1 << 20, &got, NULL, &err));
	assert_int_equal(got.len, strlen(text));
	assert_memory_equal(got.data, text, got.len);
	buf_release(&got);
}

void
ground_lacks(const struct ground *g, const char *blob)
{
	struct blob_props props;

	FAILS(ops(g)->stat(g->s, &g->scope, blob, &props, &err), ERR_MISSING);
}
