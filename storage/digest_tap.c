#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/chunk.h"
#include "base/sink.h"
#include "base/xalloc.h"

#include "storage/digest_tap.h"

struct digest_tap {
	struct sink base;
	enum digest_kind kind;
	struct digest *digest;
	unsigned char sum[SHA256_BYTES]; /* the longer of the two */
	uint64_t bytes;
	bool finished;
};

static int
tap_write(struct sink *s, struct chunk *c, struct err *err)
{
	struct digest_tap *t = (struct digest_tap *)s;

	digest_update(t->digest, c->data, c->len);
	t->bytes += c->len;
	return sink_write(s->next, c, err);
}

static int
tap_finish(struct sink *s, struct err *err)
{
	struct digest_tap *t = (struct digest_tap *)s;

	digest_final(t->digest, t->sum);
	t->finished = true;
	return sink_finish(s->next, err);
}

static void
tap_free(struct sink *s)
{
	struct digest_tap *t = (struct digest_tap *)s;

	digest_free(t->digest);
	free(t);
}

static const struct sink_ops tap_ops = {
    .name = "digest",
    .write = tap_write,
    .finish = tap_finish,
    .free = tap_free,
};

static struct sink *
tap_new(enum digest_kind kind)
{
	struct digest_tap *t = xcalloc(1, sizeof(*t));

	t->base.ops = &tap_ops;
	t->kind = kind;
	t->digest = digest_new(kind);
	return &t->base;
}

struct sink *
digest_tap_new(void)
{
	return tap_new(DIGEST_SHA256);
}

struct sink *
digest_tap_new_md5(void)
{
	return tap_new(DIGEST_MD5);
}

static void
tap_get(const struct sink *s, enum digest_kind kind, unsigned char *sum,
    uint64_t *bytes)
{
	const struct digest_tap *t = (const struct digest_tap *)s;

	assert(t->finished && t->kind == kind);
	memcpy(
	    sum, t->sum, kind == DIGEST_MD5 ? (size_t)MD5_BYTES : SHA256_BYTES);
	if (bytes != NULL)
		*bytes = t->bytes;
}

void
digest_tap_get(
    const struct sink *s, unsigned char sha[SHA256_BYTES], uint64_t *bytes)
{
	tap_get(s, DIGEST_SHA256, sha, bytes);
}

void
digest_tap_get_md5(
    const struct sink *s, unsigned char sum[MD5_BYTES], uint64_t *bytes)
{
	tap_get(s, DIGEST_MD5, sum, bytes);
}
