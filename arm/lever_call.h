/*
 * lever_call.h -- what the two blind kinds of levers, which call somebody,
 * have in common: the id of a call, which outlives a crash in the journal's
 * note, and by which the called one takes several calls for one.
 */
#ifndef ARM_LEVER_CALL_H
#define ARM_LEVER_CALL_H

#include "arm/lever_private.h"

#define LEVER_CALL_ID 48

struct lever_call {
	const char *event;	/* "promote" or "undo" */
	char id[LEVER_CALL_ID]; /* the undo has one of its own */
	char of[LEVER_CALL_ID]; /* the call that is undone; else "" */
	int64_t at_ms;		/* when it was planned: Unix time */
};

/* A note with a new id. */
cJSON *lever_call_note(const struct scope *);

/* ERR_CORRUPT for a note that is none. */
int lever_call_read(
    struct lever_call *, enum lever_way, const cJSON *note, struct err *);

/* The look of either kind: it would be called, and nothing can be read. */
int lever_call_look(struct lever *, const struct scope *, enum lever_way,
    const cJSON *note, const char *then, struct lever_view *, struct err *);

#endif
