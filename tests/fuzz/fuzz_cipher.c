/*
 * Without the key nobody gets a byte through: whatever is fed as a sealed
 * part is refused, and nothing of it is passed on.  The first byte is the size
 * of the pieces; when the second is odd a true header stands before the rest.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/budget.h"
#include "base/chunk.h"
#include "base/err.h"
#include "base/scope.h"
#include "base/secret.h"
#include "base/sink.h"
#include "storage/cipher.h"
#include "storage/cipher_key.h"

#define HEADER_BYTES 52

static int
wall_write(struct sink *s, struct chunk *c, struct err *err)
{
	(void)s;
	(void)c;
	(void)err;
	abort();
}

static int
wall_finish(struct sink *s, struct err *err)
{
	(void)s;
	(void)err;
	abort();
}

static const struct sink_ops wall_ops = {
    .name = "wall",
    .write = wall_write,
    .finish = wall_finish,
};

static int
feed(struct sink *s, const uint8_t *data, size_t size, size_t step,
    struct err *err)
{
	for (size_t off = 0; off < size;) {
		size_t n = size - off < step ? size - off : step;
		struct chunk *c = chunk_view(data + off, n);
		int rc = sink_write(s, c, err);

		chunk_unref(c);
		if (rc != 0)
			return -1;
		off += n;
	}
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const unsigned char raw[CIPHER_KEY_BYTES + 1] =
	    "no such key has ever been in use";
	struct scope scope = scope_root(NULL);
	struct secret key = {0};
	struct cipher_opts opts = {.key = &key, .snapshot = "fuzz"};
	struct sink wall = {&wall_ops, NULL};
	unsigned char header[HEADER_BYTES] = "DRSYNC1\0\0\x10\0";
	struct err err = {0};
	struct sink *s;
	size_t step;
	int rc = 0;

	if (size < 2)
		return 0;
	secret_set(&key, raw, CIPHER_KEY_BYTES);
	cipher_key_id(raw, header + HEADER_BYTES - CIPHER_KEY_ID_BYTES);
	opts.budget = budget_new(cipher_cost(&opts));
	s = cipher_open_new(&scope, &opts, &err);
	s->next = &wall;
	step = (size_t)data[0] * 16 + 1;
	if (data[1] & 1)
		rc = feed(s, header, sizeof(header), step, &err);
	if (rc == 0)
		rc = feed(s, data + 2, size - 2, step, &err);
	if (rc == 0)
		rc = sink_finish(s, &err);
	if (rc == 0 || (err.kind != ERR_CORRUPT && err.kind != ERR_AUTH))
		abort();
	sink_free(s);
	secret_release(&key);
	budget_free(opts.budget);
	return 0;
}
