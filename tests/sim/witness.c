#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/sim/real_redis.h"

#include "tests/sim/witness.h"

redisContext *
witness_connect(struct real_redis *server)
{
	redisContext *c = redisConnectUnix(real_redis_socket(server));

	assert_non_null(c);
	assert_int_equal(c->err, 0);
	return c;
}

static redisReply *
ask(redisContext *c, const char *format, va_list ap)
{
	redisReply *reply = redisvCommand(c, format, ap);

	if (reply == NULL || reply->type == REDIS_REPLY_ERROR)
		fail_msg("%s: %s", format, reply ? reply->str : c->errstr);
	return reply;
}

redisReply *
witness_ask(redisContext *c, const char *format, ...)
{
	redisReply *reply;
	va_list ap;

	va_start(ap, format);
	reply = ask(c, format, ap);
	va_end(ap);
	return reply;
}

void
witness_do(redisContext *c, const char *command)
{
	freeReplyObject(witness_ask(c, command));
}

long long
witness_number(redisContext *c, const char *format, ...)
{
	redisReply *reply;
	long long n;
	va_list ap;

	va_start(ap, format);
	reply = ask(c, format, ap);
	va_end(ap);
	assert_int_equal(reply->type, REDIS_REPLY_INTEGER);
	n = reply->integer;
	freeReplyObject(reply);
	return n;
}
