/* option_value.h -- whether a text can be the value of an option. */
#ifndef AGENT_JOB_OPTION_VALUE_H
#define AGENT_JOB_OPTION_VALUE_H

#include <stdint.h>

#include "agent/job/options.h"

struct err;

/* ERR_USAGE tells what it takes; what may be a secret is not repeated. */
int option_check(enum option, const char *value, struct err *);

/* "8MiB", "64GiB", bytes; "500ms", "90s", "15m", "2h", "1d". */
int parse_size(const char *, uint64_t *bytes, struct err *);
int parse_duration(const char *, int64_t *ms, struct err *);

#endif
