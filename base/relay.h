/*
 * relay.h -- ends of a chain that keep nothing: nowhere, or another chain.
 */
#ifndef BASE_RELAY_H
#define BASE_RELAY_H

struct sink;

/* An end that takes everything and keeps nothing. */
struct sink *null_sink_new(void);

/* Passes on to another stage, which it neither finishes nor frees. */
struct sink *relay_new(struct sink *to);

#endif
