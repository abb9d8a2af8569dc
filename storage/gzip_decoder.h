/* gzip_decoder.h -- codec.h's gzip decoder, for its table. */
#ifndef STORAGE_GZIP_DECODER_H
#define STORAGE_GZIP_DECODER_H

#include <stddef.h>

struct codec_opts;
struct err;
struct scope;
struct sink;

struct sink *
gzip_decoder_new(const struct scope *, const struct codec_opts *, struct err *);
size_t gzip_decoder_cost(const struct codec_opts *);

#endif
