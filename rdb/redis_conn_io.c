#include <assert.h>
#include <string.h>

#include "base/xalloc.h"

#include "rdb/redis_conn_private.h"

int
redis_conn_named(const struct redis_conn *c, struct err *err)
{
	return err_in(err, "'%s'", c->name);
}

int
redis_conn_check(const struct redis_conn *c, struct err *err)
{
	if (c->spent.kind == ERR_NONE)
		return 0;
	*err = c->spent;
	return -1;
}

int
redis_conn_spend(struct redis_conn *c, struct err *err)
{
	redis_conn_named(c, err);
	c->spent = *err;
	return -1;
}

int
redis_conn_closed(struct err *err)
{
	return err_set(err, ERR_TRANSIENT, "the server closed the connection");
}

int
redis_conn_fill(
    struct redis_conn *c, const struct scope *scope, bool *end, struct err *err)
{
	size_t got;

	if (c->in_start > 0) {
		memmove(c->in, c->in + c->in_start, c->in_end - c->in_start);
		c->in_end -= c->in_start;
		c->in_start = 0;
	}
	assert(c->in_end < CONN_IN_SIZE);
	if (redis_socket_read(c->socket, scope, c->in + c->in_end,
		CONN_IN_SIZE - c->in_end, &got, err) != 0)
		return -1;
	c->in_end += got;
	*end = got == 0;
	return 0;
}

int
redis_conn_read(struct redis_conn *c, const struct scope *scope, void *out,
    size_t size, size_t *got, struct err *err)
{
	size_t have = c->in_end - c->in_start;

	assert(c->ready == NULL && !resp_guard_inside(&c->guard));
	if (redis_conn_check(c, err) != 0)
		return -1;
	if (have > 0) {
		*got = have < size ? have : size;
		memcpy(out, c->in + c->in_start, *got);
		c->in_start += *got;
		return 0;
	}
	if (redis_socket_read(c->socket, scope, out, size, got, err) != 0)
		return redis_conn_named(c, err);
	return 0;
}

void
redis_conn_set_batch(struct redis_conn *c, int bytes)
{
	redis_socket_set_batch(c->socket, bytes);
}

/* The line at the front of the input, if it is whole; 1 when it was. */
static int
take_line(struct redis_conn *c, char *out, size_t max, struct err *err)
{
	const unsigned char *line = c->in + c->in_start;
	size_t have = c->in_end - c->in_start;
	const unsigned char *nl = memchr(line, '\n', have);
	size_t len = nl != NULL ? (size_t)(nl - line) : have;

	if (nl != NULL && len > 0 && line[len - 1] == '\r')
		len--;
	if (len >= max && (nl != NULL || have > max))
		return err_set(err, ERR_CORRUPT,
		    "a line of the server is over %zu bytes", max - 1);
	if (nl == NULL)
		return 0;
	if (memchr(line, '\0', len) != NULL)
		return err_set(err, ERR_CORRUPT,
		    "a line of the server has a zero byte in it");
	memcpy(out, line, len);
	out[len] = '\0';
	c->in_start += (size_t)(nl - line) + 1;
	return 1;
}

int
redis_conn_line(struct redis_conn *c, const struct scope *scope, char *out,
    size_t max, struct err *err)
{
	bool end = false;
	int rc;

	assert(c->ready == NULL && !resp_guard_inside(&c->guard));
	assert(max > 1 && max < CONN_IN_SIZE - 2);
	if (redis_conn_check(c, err) != 0)
		return -1;
	while ((rc = take_line(c, out, max, err)) == 0) {
		if (redis_conn_fill(c, scope, &end, err) != 0)
			return redis_conn_named(c, err);
		if (end) {
			redis_conn_closed(err);
			return redis_conn_spend(c, err);
		}
	}
	return rc == 1 ? 0 : redis_conn_spend(c, err);
}

int
redis_conn_flush(
    struct redis_conn *c, const struct scope *scope, struct err *err)
{
	size_t len = c->out_len;

	if (redis_conn_check(c, err) != 0)
		return -1;
	c->out_len = 0;
	if (redis_socket_write(c->socket, scope, c->out, len, err) != 0)
		return redis_conn_spend(c, err);
	return 0;
}

int
redis_conn_write(struct redis_conn *c, const struct scope *scope,
    const void *data, size_t len, struct err *err)
{
	if (redis_conn_flush(c, scope, err) != 0)
		return -1;
	if (redis_socket_write(c->socket, scope, data, len, err) != 0)
		return redis_conn_spend(c, err);
	return 0;
}

int
redis_conn_queue(struct redis_conn *c, const struct scope *scope,
    const void *data, size_t len, struct err *err)
{
	if (len > CONN_OUT_MAX - c->out_len &&
	    redis_conn_flush(c, scope, err) != 0)
		return -1;
	if (len > CONN_OUT_MAX)
		return redis_conn_write(c, scope, data, len, err);
	if (redis_conn_check(c, err) != 0)
		return -1;
	if (c->out == NULL)
		c->out = xmalloc(CONN_OUT_MAX);
	memcpy(c->out + c->out_len, data, len);
	c->out_len += len;
	return 0;
}
