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
#include "base/credential.h"
#include "base/err.h"
#include "base/scope.h"
#include "base/xalloc.h"
#include "rdb/redis_conn.h"
#include "tests/sim/real_redis.h"

#include "tests/sim/redis_data.h"

#define COMMAND_MAX ((size_t)4 << 20)

struct redis_conn *
redis_data_connect(struct real_redis *server, const char *password)
{
	struct redis_address a = {.host = (char *)real_redis_socket(server)};
	struct redis_opts opts = {0};
	struct scope scope = scope_root(NULL);
	struct secret secret = {0};
	struct err err = {0};
	struct redis_conn *c;

	if (password != NULL) {
		secret_set(&secret, password, strlen(password));
		opts.password = credential_fixed_new(&secret);
		secret_release(&secret);
	}
	c = redis_connect(&a, NULL, &opts, &scope, &err);
	if (c == NULL)
		fail_msg("%s", err.text);
	if (opts.password != NULL)
		opts.password->ops->free(opts.password);
	return c;
}

/* A server's words, cut at spaces, so that scripts of tests stay readable. */
static redisReply *
ask(struct redis_conn *c, const char *format, va_list ap)
{
	const char *argv[64];
	size_t lens[64];
	struct scope scope = scope_root(NULL);
	struct err err = {0};
	redisReply *r;
	char *line, *rest, *word;
	int argc = 0;

	if (vasprintf(&line, format, ap) < 0)
		fail_msg("out of memory");
	rest = line;
	while ((word = strsep(&rest, " ")) != NULL) {
		assert_true(argc < 64);
		argv[argc] = word;
		lens[argc++] = strlen(word);
	}
	r = redis_command_argv(c, &scope, argc, argv, lens, &err);
	if (r == NULL)
		fail_msg("%s: %s", argv[0], err.text);
	free(line);
	return r;
}

void
redis_data_do(struct redis_conn *c, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	freeReplyObject(ask(c, format, ap));
	va_end(ap);
}

long long
redis_data_int(struct redis_conn *c, const char *format, ...)
{
	redisReply *r;
	long long n;
	va_list ap;

	va_start(ap, format);
	r = ask(c, format, ap);
	va_end(ap);
	assert_int_equal(r->type, REDIS_REPLY_INTEGER);
	n = r->integer;
	freeReplyObject(r);
	return n;
}

char *
redis_data_text(struct redis_conn *c, const char *format, ...)
{
	redisReply *r;
	char *text = NULL;
	va_list ap;

	va_start(ap, format);
	r = ask(c, format, ap);
	va_end(ap);
	/* Of an array, CONFIG GET's, the second element. */
	if (r->type == REDIS_REPLY_ARRAY && r->elements == 2)
		text = xstrdup(r->element[1]->str);
	else if (r->str != NULL)
		text = xstrdup(r->str);
	freeReplyObject(r);
	return text;
}

static void
fill_kinds(struct redis_conn *c)
{
	redis_data_do(c, "SET s:int 12345");
	redis_data_do(c, "SET s:long %0300d", 7);
	redis_data_do(c, "SETRANGE s:big 1048000 x");
	redis_data_do(c, "SET {odd}\x01\xff\r\n key");
	redis_data_do(c, "RPUSH l:small a b 3 -4");
	redis_data_do(c, "RPUSH l:plain a %09000d", 1);
	redis_data_do(c, "SADD t:int 1 2 70000 5000000000");
	redis_data_do(c, "SADD t:words a b c");
	redis_data_do(c, "ZADD z:small 1.5 a -inf b 3 c");
	redis_data_do(c, "HSET h:small f v n 17");
	for (int i = 0; i < 700; i++) {
		redis_data_do(c, "RPUSH l:large item:%d:%0100d", i, i);
		redis_data_do(c, "SADD t:large member:%d", i);
		redis_data_do(c, "ZADD z:large %d.25 member:%d", i, i);
		redis_data_do(c, "HSET h:large field:%d %0100d", i, i);
	}
	for (int i = 1; i <= 300; i++)
		redis_data_do(c, "XADD x %d-1 f %d g v", i, i);
	redis_data_do(c, "XGROUP CREATE x workers 0");
	redis_data_do(c, "XREADGROUP GROUP workers ann COUNT 7 STREAMS x >");
	redis_data_do(c, "XACK x workers 2-1");
	redis_data_do(c, "XDEL x 5-1");
}

void
redis_data_fill(struct redis_conn *c, unsigned extra)
{
	static const int dbs[] = {0, 3, 15};

	for (size_t i = 0; i < 3; i++) {
		redis_data_do(c, "SELECT %d", dbs[i]);
		fill_kinds(c);
		redis_data_do(c, "SET ttl:%d v PXAT 4102444800123", dbs[i]);
		redis_data_do(c, "PEXPIREAT h:small 4102444800000");
	}
	redis_data_do(c, "SELECT 1");
	for (unsigned i = 0; i < extra; i++)
		redis_data_do(c, "SET extra:%u value:%u:%040u", i, i, i);
	redis_data_do(c, "SELECT 0");
	redis_data_do(c,
	    "FUNCTION LOAD REPLACE #!lua\tname=mylib\n"
	    "redis.register_function('f',function()return\t1\tend)");
}

char *
redis_data_digest(struct redis_conn *c)
{
	struct buf b;
	char *part;

	buf_init(&b, COMMAND_MAX);
	part = redis_data_text(c, "DEBUG DIGEST");
	buf_adds(&b, part);
	free(part);
	/* Its footer has a checksum, and its body no zero byte. */
	part = redis_data_text(c, "FUNCTION DUMP");
	buf_addf(&b, " %s", part);
	free(part);
	return buf_take(&b);
}

unsigned char *
redis_data_dump(struct real_redis *server, struct redis_conn *c, size_t *len)
{
	unsigned char *data;
	char path[256];
	long size;
	FILE *f;

	redis_data_do(c, "SAVE");
	snprintf(path, sizeof(path), "%s/dump.rdb", real_redis_dir(server));
	f = fopen(path, "rb");
	if (f == NULL)
		fail_msg("no dump at %s", path);
	assert_int_equal(fseek(f, 0, SEEK_END), 0);
	size = ftell(f);
	assert_true(size > 0);
	rewind(f);
	data = xmalloc((size_t)size);
	assert_int_equal(fread(data, 1, (size_t)size, f), size);
	fclose(f);
	*len = (size_t)size;
	return data;
}
