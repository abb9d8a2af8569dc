/*
 * encoder.h -- what all encoders of codec.h have: a size and seek points.
 *
 * Each embeds struct encoder as its first member.
 */
#ifndef STORAGE_ENCODER_H
#define STORAGE_ENCODER_H

#include <stddef.h>
#include <stdint.h>

#include "base/sink.h"
#include "storage/codec.h"

struct encoder {
	struct sink base;
	uint64_t raw;	/* bytes taken */
	uint64_t coded; /* bytes passed on */
	uint64_t seek_every;
	struct seek_point *points;
	size_t npoints;
	size_t points_alloc;
};

void encoder_init(struct encoder *, const struct sink_ops *, uint64_t every);
void encoder_release(struct encoder *);

/* Bytes from the last point, or the beginning, to raw. */
uint64_t encoder_since_point(const struct encoder *, uint64_t raw);

/* A decoder may start at raw with what is passed on from now. */
void encoder_add_point(struct encoder *, uint64_t raw);

#endif
