/* zstd_codec.h -- codec.h's zstd encoder and decoder, for its table. */
#ifndef STORAGE_ZSTD_CODEC_H
#define STORAGE_ZSTD_CODEC_H

#include <stddef.h>

struct codec_opts;
struct err;
struct scope;
struct sink;

struct sink *
zstd_encoder_new(const struct scope *, const struct codec_opts *, struct err *);
size_t zstd_encoder_cost(const struct codec_opts *);

struct sink *
zstd_decoder_new(const struct scope *, const struct codec_opts *, struct err *);
size_t zstd_decoder_cost(const struct codec_opts *);

#endif
