/* gzip_encoder.h -- codec.h's gzip encoder, for its table. */
#ifndef STORAGE_GZIP_ENCODER_H
#define STORAGE_GZIP_ENCODER_H

#include <stddef.h>

struct codec_opts;
struct err;
struct scope;
struct sink;

struct sink *
gzip_encoder_new(const struct scope *, const struct codec_opts *, struct err *);
size_t gzip_encoder_cost(const struct codec_opts *);
unsigned gzip_encoder_held(const struct codec_opts *);

#endif
