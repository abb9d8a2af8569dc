/*
 * lever_rig.h -- a lever, and services that answer as a test lists (arm_rig.h).
 *
 * "{host}" in the settings becomes their URL, as in the steps.
 */
#ifndef TESTS_SIM_LEVER_RIG_H
#define TESTS_SIM_LEVER_RIG_H

#include "arm/cloud.h"
#include "arm/lever_set.h"
#include "tests/sim/arm_rig.h"

struct lever_rig {
	struct arm_rig arm;
	struct cloud cloud;
	struct credential *credential;
	struct lever_env env;
	struct lever *lever; /* of lever_rig_parse() */
	struct lever_view view;
	cJSON *note; /* of the last look ahead */
	bool changed;

	unsigned leaves; /* how often leave was asked for */
	bool no_leave;
};

void lever_rig_up(struct lever_rig *, const struct arm_step *, size_t n);
#define LEVER_RIG(r, steps) \
	lever_rig_up(r, steps, sizeof(steps) / sizeof(*(steps)))
void lever_rig_down(struct lever_rig *);

/* Settings, single quotes for double ones. */
cJSON *lever_rig_json(struct lever_rig *, const char *settings);
void lever_rig_parse(struct lever_rig *, const char *settings);

/* Settings that are none: each is ERR_USAGE, and says so. */
struct lever_wrong {
	const char *settings, *says;
};
void lever_rig_refuses(const struct lever_wrong *, size_t n);
#define LEVER_RIG_REFUSES(list) \
	lever_rig_refuses(list, sizeof(list) / sizeof(*(list)))

/* The calls of lever.h, on what the ones before left. */
int lever_rig_look(struct lever_rig *, enum lever_way);
int lever_rig_move(struct lever_rig *, enum lever_way);
int lever_rig_check(struct lever_rig *, enum lever_way, int64_t wait_ms);

/* They succeed, and change something or nothing. */
void lever_rig_looks(struct lever_rig *, enum lever_way, size_t changes);
void lever_rig_moves(struct lever_rig *, enum lever_way, bool changed);
void lever_rig_holds(struct lever_rig *, enum lever_way);

/* A note, as text, holds that, or does not. */
bool lever_rig_noted(struct lever_rig *, const char *text);

#endif
