/* operation_private.h -- what operation.c and operation_follow.c share. */
#ifndef ARM_OPERATION_PRIVATE_H
#define ARM_OPERATION_PRIVATE_H

#include <stddef.h>

#include "base/buf.h"

#include "arm/operation.h"
#include "arm/operation_note.h"

struct operation {
	struct operation_site site;
	char *action;
	struct buf key;
	struct operation_note note;
	bool unsaved;	   /* the journal does not have the note as it is */
	struct err doubt;  /* how the answer to the request was lost */
	struct err hidden; /* why its status cannot be asked */
	int64_t pause_ms;  /* the next of our own; 0: the first */
	bool waits;	   /* before the first look, */
	int first_told_ms; /* as the answer to the request said; 0: nothing */
};

#define OPERATION_DOING_SIZE 160

/* "following the import of 'cache1/default'" */
void operation_say(const struct operation *, const char *doing,
    char out[OPERATION_DOING_SIZE]);

int operation_save(struct operation *, struct err *);

#endif
