/*
 * handoff.h -- a stage that lets what follows it run on a thread of its own.
 *
 * Up to depth chunks wait in between; a full queue holds the writer up.
 */
#ifndef BASE_HANDOFF_H
#define BASE_HANDOFF_H

#include <stddef.h>

struct err;
struct scope;
struct sink;

/* scope (a flow's) must outlive it. */
struct sink *handoff_new(const struct scope *, size_t depth, struct err *);

#endif
