/*
 * compare_view.h -- what a comparison of A and B found, for its two forms:
 * compare_text.c is for people, compare_json.c the document.
 */
#ifndef AGENT_CMD_COMPARE_VIEW_H
#define AGENT_CMD_COMPARE_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "agent/snapshot/dataset_compare.h"

struct buf;

struct compare_view {
	const struct dataset_comparison *c;
	const char *shown[2]; /* A, B */
	bool live;	      /* one of them may have been written meanwhile */
	int64_t ms;	      /* that it took */
};

/* As the user sees it, whichever side was read first. */
enum change {
	CHANGE_MISSING, /* in A, and not in B */
	CHANGE_EXTRA,	/* in B, and not in A */
	CHANGE_TYPE,
	CHANGE_VALUE,
	CHANGE_TTL,
	CHANGES
};

const char *change_name(enum change);
uint64_t change_count(
    const struct compare_view *, const struct key_change_count *, enum change);
bool change_is(
    const struct compare_view *, const struct key_difference *, enum change);

/* Of A (0) or B (1); NULL when the key is not there. */
const struct key_facts *change_facts(
    const struct compare_view *, const struct key_difference *, int side);

/* The name as it may be shown; "..." stands for what was not kept. */
void change_key(const struct key_difference *, struct buf *);

/* The part of the keys that was looked into; 0 when they were not. */
double compare_looked_into(const struct compare_view *);

/* The databases of either side, ascending: NULL begins; false past the last. */
bool compare_next_db(
    const struct compare_view *, const uint32_t *after, uint32_t *db);

/* Of that database; zeros when no key of it differs. */
struct key_change_count compare_count(const struct compare_view *, uint32_t db);

/* All databases of one side in one sum. */
struct slot_sum compare_total(const struct compare_view *, int side);

void compare_show(const struct compare_view *);
cJSON *compare_document(const struct compare_view *);

#endif
