/*
 * node_sim.h -- a stand-in that is a program of Node's, for a test of its own.
 *
 * It is given its options in a file, says where it is in one line of JSON, and
 * ends when it is told to.  Node is found as azurite.h tells.
 */
#ifndef TESTS_SIM_NODE_SIM_H
#define TESTS_SIM_NODE_SIM_H

#include <cjson/cJSON.h>

struct node_sim;

/* program: below tests/sim, "blobs/main.mjs".  config is taken.  Fails the
 * test. */
struct node_sim *node_sim_start(const char *program, cJSON *config);

/* With all that it started; NULL is fine. */
void node_sim_stop(struct node_sim *);

/* What it said of itself. */
const cJSON *node_sim_told(const struct node_sim *);

#endif
