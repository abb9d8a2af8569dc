#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/xalloc.h"

#include "tests/sim/catcher.h"

static int
catcher_write(struct sink *s, struct chunk *c, struct err *err)
{
	struct catcher *k = (struct catcher *)s;

	if (k->on_write != NULL)
		k->on_write(k);
	if (++k->writes == k->fail_at)
		return err_set(err, ERR_TRANSIENT, "write %u", k->writes);
	while (k->room - k->len < c->len) {
		k->room = k->room ? 2 * k->room : 4096;
		k->data = xreallocarray(k->data, k->room, 1);
	}
	if (c->len > 0)
		memcpy(k->data + k->len, c->data, c->len);
	k->len += c->len;
	if (c->len > k->biggest)
		k->biggest = c->len;
	return 0;
}

static int
catcher_finish(struct sink *s, struct err *err)
{
	struct catcher *k = (struct catcher *)s;

	if (k->fail_finish)
		return err_set(err, ERR_TRANSIENT, "finish");
	k->finished = true;
	return 0;
}

static void
catcher_free(struct sink *s)
{
	(void)s;
}

static const struct sink_ops catcher_ops = {
    .name = "catcher",
    .write = catcher_write,
    .finish = catcher_finish,
    .free = catcher_free,
};

void
catcher_init(struct catcher *k)
{
	*k = (struct catcher){.base.ops = &catcher_ops};
}

void
catcher_release(struct catcher *k)
{
	free(k->data);
	k->data = NULL;
}

static uint32_t
next_random(uint32_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 17;
	*x ^= *x << 5;
	return *x;
}

void
fill_text(unsigned char *p, size_t n, unsigned seed)
{
	static const char *const words[] = {"{\"id\":", "\"name\":", "alpha",
	    "session:", "true,", "user", "}\n", "99", "created_at", "\x03\x1f"};
	uint32_t x = seed * 2654435761u + 1;

	for (size_t i = 0; i < n;) {
		uint32_t r = next_random(&x);
		const char *w = words[r % 10];

		if (r >> 30 == 0)
			p[i++] = (unsigned char)(r >> 8);
		for (; *w != '\0' && i < n; w++)
			p[i++] = (unsigned char)*w;
	}
}

void
fill_noise(unsigned char *p, size_t n, unsigned seed)
{
	uint32_t x = seed * 2654435761u + 1;

	for (size_t i = 0; i < n; i++)
		p[i] = (unsigned char)(next_random(&x) >> 11);
}

int
write_steps(
    struct sink *s, const void *data, size_t len, size_t step, struct err *err)
{
	const unsigned char *p = data;
	int rc = 0;

	for (size_t off = 0; off < len && rc == 0;) {
		size_t n = len - off;
		struct chunk *c;

		if (step != 0 && n > step)
			n = step;
		c = chunk_view(p + off, n);
		rc = sink_write(s, c, err);
		chunk_unref(c);
		off += n;
	}
	return rc;
}

int
catcher_run(struct catcher *end, struct sink *s, const void *data, size_t len,
    size_t step, struct err *err)
{
	int rc;

	catcher_init(end);
	s->next = &end->base;
	rc = write_steps(s, data, len, step, err);
	if (rc == 0)
		rc = sink_finish(s, err);
	sink_free(s);
	/* The benches have no cmocka. */
	assert(end->finished == (rc == 0));
	return rc;
}
