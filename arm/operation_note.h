/*
 * operation_note.h -- what the journal keeps of an operation, and its form.
 *
 * Where to ask how it goes is a URL of up to 8 KiB, which tells nothing to who
 * has no token.  How an operation ended is kept when the service said it; what
 * is not known may be found out by the next who looks.
 */
#ifndef ARM_OPERATION_NOTE_H
#define ARM_OPERATION_NOTE_H

#include <stdbool.h>
#include <stdint.h>

#include "arm/operation.h"

struct buf;

#define OPERATION_TEXT_MAX ((size_t)4 << 10) /* of the caller's own */

struct operation_note {
	char *text;	    /* the caller's own */
	int64_t began_ms;   /* Unix time of the request */
	int64_t timeout_ms; /* from then on */
	bool accepted;	    /* the service said so */
	char *status_url;   /* Azure-AsyncOperation; NULL: none */
	char *location;	    /* NULL: none */
	bool seen_busy;	    /* the resource was, since it was accepted */
	bool ended;
	struct operation_end end; /* no OPERATION_UNKNOWN */
};

/* "arm/ACTION/RESOURCE", whose case is lowered: ids have none. */
void operation_note_key(struct buf *, const char *action, const char *resource);

char *operation_note_format(const struct operation_note *); /* to be freed */
int operation_note_parse(struct operation_note *, const char *, struct err *);
void operation_note_release(struct operation_note *);

#endif
