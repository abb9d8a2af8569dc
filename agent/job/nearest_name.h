/* nearest_name.h -- "did you mean": the name that a mistyped one may be. */
#ifndef AGENT_JOB_NEAREST_NAME_H
#define AGENT_JOB_NEAREST_NAME_H

#include <stddef.h>

/* NULL when none is near.  next is asked for names until it returns NULL. */
const char *nearest_name(
    const char *name, const char *(*next)(void *arg, size_t i), void *arg);

#endif
