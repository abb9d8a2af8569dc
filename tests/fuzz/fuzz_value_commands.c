/*
 * Any dump as plain commands: no crash, and what is written is whole commands
 * of as many arguments as they say.  The first byte chooses the server, the
 * second is none of the dump either: the seeds are those of fuzz_rdb.
 */
#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "rdb/rdb_reader.h"
#include "rdb/value_carry.h"
#include "rdb/value_commands.h"

#define BYTES_MAX ((size_t)1 << 20)

struct taker {
	char *bytes;
	size_t n;
};

static int
put(void *arg, const void *data, size_t len, struct err *err)
{
	struct taker *t = arg;

	if (len > BYTES_MAX - t->n)
		return err_set(err, ERR_SYSTEM, "enough");
	memcpy(t->bytes + t->n, data, len);
	t->n += len;
	return 0;
}

/* "*3\r\n" or "$5\r\n" at p. */
static size_t
number(const char **p, const char *stop, char sign)
{
	size_t n = 0;

	assert(*p < stop && **p == sign);
	for (++*p; *p < stop && **p != '\r'; ++*p) {
		assert(**p >= '0' && **p <= '9');
		n = 10 * n + (size_t)(**p - '0');
	}
	assert(stop - *p >= 2 && (*p)[1] == '\n');
	*p += 2;
	return n;
}

static int
end(void *arg, enum value_step step, struct err *err)
{
	struct taker *t = arg;
	const char *p = t->bytes, *stop = p + t->n;

	(void)step;
	(void)err;
	for (size_t args = number(&p, stop, '*'); args > 0; args--) {
		size_t n = number(&p, stop, '$');

		assert((size_t)(stop - p) >= n + 2);
		p += n;
		assert(memcmp(p, "\r\n", 2) == 0);
		p += 2;
	}
	assert(p == stop);
	t->n = 0;
	return 0;
}

static int
hold(void *arg, struct err *err)
{
	(void)arg;
	(void)err;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const int versions[] = {30200, 50000, 60200, 70000, 70400};
	struct taker t = {.bytes = malloc(BYTES_MAX)};
	const struct value_out out = {put, end, hold, &t};
	struct value_server server = {.arg_setting = "proto-max-bulk-len"};
	struct value_commands *c;
	struct rdb_reader *r;
	struct err err = {0};

	assert(t.bytes != NULL);
	if (len > 2) {
		server.version = versions[data[0] % 5];
		server.valkey = data[0] > 200;
		server.arg_max = server.string_max = 16 + data[0];
		c = value_commands_new(&out, &server);
		r = rdb_reader_new();
		value_commands_next(c, data[0] % 2 == 0 ? "temp:" : NULL);
		rdb_reader_add(r, value_commands_visitor(c));
		(void)rdb_reader_feed(r, data + 2, len - 2, &err);
		rdb_reader_free(r);
		value_commands_free(c);
	}
	free(t.bytes);
	return 0;
}
