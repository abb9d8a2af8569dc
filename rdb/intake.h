/*
 * intake.h -- bytes that arrive cut anywhere, read as whole tokens.
 *
 * A parser's run function consumes tokens from p to end.  When the next one is
 * not all there it returns 0 and leaves p at its first byte; the rest, always
 * less than INTAKE_TOKEN_MAX bytes, is carried into the next feed.  What is
 * longer than a token (the bytes of a string) the parser takes in pieces.
 */
#ifndef RDB_INTAKE_H
#define RDB_INTAKE_H

#include <stddef.h>
#include <stdint.h>

#define INTAKE_TOKEN_MAX 32

struct intake {
	const unsigned char *p, *end;
	uint64_t end_at; /* offset of end in the whole stream */
	unsigned char carry[2 * INTAKE_TOKEN_MAX];
	size_t carried;
};

/*
 * run returns 0 for more, 1 to stop for good, -1 for an error; so does this.
 * With 1, intake_offset() is where it stopped.
 */
int intake_feed(
    struct intake *, const void *, size_t, int (*run)(void *), void *arg);

static inline size_t
intake_left(const struct intake *in)
{
	return (size_t)(in->end - in->p);
}

static inline uint64_t
intake_offset(const struct intake *in)
{
	return in->end_at - intake_left(in);
}

#endif
