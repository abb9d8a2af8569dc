/*
 * lever_record.h -- what the journal keeps of a job's levers.
 *
 *	{"format": 1, "steps": [{"lever": SETTINGS, "state": STATE,
 *	                         "note": NOTE}]}
 */
#ifndef ARM_LEVER_RECORD_H
#define ARM_LEVER_RECORD_H

#include <stddef.h>

#include <cjson/cJSON.h>

struct err;
struct journal;
struct lever;

enum lever_state { LEVER_BEGUN, LEVER_PULLED, LEVER_UNDOING, LEVER_UNDONE };

struct lever_record {
	struct journal *journal;
	char key[160];
	cJSON *root; /* NULL: there is none */
};

/* Reads what there is; to be released also after a failure. */
int lever_record_open(
    struct lever_record *, struct journal *, const char *job, struct err *);
void lever_record_release(struct lever_record *);

size_t lever_record_count(const struct lever_record *);

/* Borrowed from the record; note may be NULL. */
int
lever_record_at(const struct lever_record *, size_t i, const cJSON **settings,
    enum lever_state *, const cJSON **note, struct err *);

/* Durable when it returns.  i is at most the count; takes note, which at NULL
 * stays as it is. */
int lever_record_put(struct lever_record *, size_t i, const cJSON *settings,
    enum lever_state, cJSON *note, struct err *);

/* Nothing is left to be undone. */
int lever_record_remove(struct lever_record *, struct err *);

#endif
