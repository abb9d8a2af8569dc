/*
 * azure_sim.h -- the stand-in for Azure (tests/sim/azure), for a test of its
 * own: a program of Node's, which checks each request against the shape that
 * the service wants.
 *
 * It is found as azurite.h tells, and speaks plain HTTP.
 */
#ifndef TESTS_SIM_AZURE_SIM_H
#define TESTS_SIM_AZURE_SIM_H

#include <cjson/cJSON.h>

struct azure_sim;

/* Skips the test that calls, where Node and its packages are not there. */
void azure_sim_require(void);

/* config, as of tests/sim/azure/main.mjs, is taken.  Fails the test. */
struct azure_sim *azure_sim_start(cJSON *config);

/* Fails the test when a request did not have its shape; NULL is fine. */
void azure_sim_stop(struct azure_sim *);

/* What main.mjs says of itself: "urls", "env", "identities" ... */
const cJSON *azure_sim_told(const struct azure_sim *);

/* Of its urls: "arm", "login", "imds" ... */
const char *azure_sim_url(const struct azure_sim *, const char *name);

#endif
