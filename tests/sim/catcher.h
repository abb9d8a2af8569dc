/* catcher.h -- the end of a chain under test: keeps all that it is given. */
#ifndef TESTS_SIM_CATCHER_H
#define TESTS_SIM_CATCHER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/chunk.h"
#include "base/sink.h"

struct catcher {
	struct sink base;
	unsigned char *data;
	size_t len, room;
	size_t biggest; /* chunk */
	unsigned writes;
	bool finished;

	/* To set: */
	unsigned fail_at; /* this write fails, from 1; 0: none */
	bool fail_finish;
	void (*on_write)(struct catcher *); /* called before each */
	void *arg;
};

/* On the stack: freeing the sink does nothing. */
void catcher_init(struct catcher *);
void catcher_release(struct catcher *);

/* Bytes that look like a dump: words, numbers and some noise. */
void fill_text(unsigned char *, size_t, unsigned seed);
void fill_noise(unsigned char *, size_t, unsigned seed);

/* Write in pieces of at most step bytes; 0: all at once. */
int
write_steps(struct sink *, const void *, size_t len, size_t step, struct err *);

/* All of it through one stage, which is freed, into the catcher, which is
 * filled and heard of the end when, and only when, that went well. */
int catcher_run(struct catcher *, struct sink *, const void *, size_t len,
    size_t step, struct err *);

#endif
