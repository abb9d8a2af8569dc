/* option_value.h -- whether a text can be the value of an option. */
#ifndef AGENT_JOB_OPTION_VALUE_H
#define AGENT_JOB_OPTION_VALUE_H

#include "agent/job/options.h"

struct err;

/* ERR_USAGE tells what it takes; what may be a secret is not repeated. */
int option_check(enum option, const char *value, struct err *);

#endif
