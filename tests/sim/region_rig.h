/*
 * region_rig.h -- the Azure driver on the stand-in for two regions.
 *
 * tests/sim/blobs does what Azurite does not: Put Blob From URL, copies that
 * take their time, pages and appends from another account.  Each Copy Blob
 * shows up as pending once; one into "held" in the north, and the first into
 * "late", are so until they are aborted.
 */
#ifndef TESTS_SIM_REGION_RIG_H
#define TESTS_SIM_REGION_RIG_H

#include "base/scope.h"

struct http;
struct node_sim;
struct store;

struct region_rig {
	struct node_sim *sim;
	struct http *http;
	struct scope scope; /* real time, a minute */
	struct store *west, *north;
};

/* All zeros where there is no Azurite; a test then calls azurite_require(). */
void region_rig_up(struct region_rig *);
void region_rig_down(struct region_rig *);

/* One of a program's own, for cmocka's setup and teardown. */
int region_rig_setup(void **state);
int region_rig_teardown(void **state);

#endif
