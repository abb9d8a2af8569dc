#include <assert.h>
#include <string.h>

#include "rdb/intake.h"

/*
 * Runs over the carried bytes and the first of data.  A token that began in
 * the carry is whole with INTAKE_TOKEN_MAX bytes of data, so either all of
 * data is in the carry now or the run got past what was carried; *used says
 * how much of data it consumed.
 */
static int
feed_carry(struct intake *in, const unsigned char *data, size_t len,
    int (*run)(void *), void *arg, size_t *used)
{
	size_t old = in->carried;
	size_t n = len < INTAKE_TOKEN_MAX ? len : INTAKE_TOKEN_MAX;
	size_t done;
	int rc;

	memcpy(in->carry + old, data, n);
	in->p = in->carry;
	in->end = in->carry + old + n;
	in->end_at += n;
	rc = run(arg);
	done = (size_t)(in->p - in->carry);
	if (rc != 0)
		return rc;
	if (done >= old) {
		*used = done - old;
		in->carried = 0;
		in->end_at -= n - *used;
		return 0;
	}
	assert(n == len);
	in->carried = old + n - done;
	memmove(in->carry, in->p, in->carried);
	in->p = in->end = in->carry;
	*used = len;
	return 0;
}

int
intake_feed(struct intake *in, const void *data, size_t len, int (*run)(void *),
    void *arg)
{
	const unsigned char *p = data;
	size_t used = 0;
	int rc;

	if (len == 0)
		return 0;
	if (in->carried > 0) {
		rc = feed_carry(in, p, len, run, arg, &used);
		if (rc != 0 || in->carried > 0)
			return rc;
	}
	in->p = p + used;
	in->end = p + len;
	in->end_at += len - used;
	rc = run(arg);
	if (rc != 0)
		return rc;
	in->carried = intake_left(in);
	assert(in->carried < INTAKE_TOKEN_MAX);
	memcpy(in->carry, in->p, in->carried);
	in->p = in->end = in->carry;
	return 0;
}
