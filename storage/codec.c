#include <stdlib.h>
#include <string.h>

#include "base/chunk.h"
#include "base/err.h"
#include "base/sink.h"
#include "base/xalloc.h"
#include "storage/encoder.h"
#include "storage/gzip_decoder.h"
#include "storage/gzip_encoder.h"
#include "storage/zstd_codec.h"

#include "storage/codec.h"

static int
pass_write(struct sink *s, struct chunk *c, struct err *err)
{
	struct encoder *e = (struct encoder *)s;

	e->raw += c->len;
	return sink_write(s->next, c, err);
}

static int
pass_finish(struct sink *s, struct err *err)
{
	return sink_finish(s->next, err);
}

static void
pass_free(struct sink *s)
{
	encoder_release((struct encoder *)s);
	free(s);
}

static const struct sink_ops pass_ops = {
    .name = "no codec",
    .write = pass_write,
    .finish = pass_finish,
    .free = pass_free,
};

/* Both ways of "none". */
static struct sink *
pass_new(
    const struct scope *scope, const struct codec_opts *opts, struct err *err)
{
	struct encoder *e = xcalloc(1, sizeof(*e));

	(void)scope;
	(void)err;
	encoder_init(e, &pass_ops, opts->seek_every);
	return &e->base;
}

static size_t
pass_cost(const struct codec_opts *opts)
{
	(void)opts;
	return 0;
}

static const struct {
	const char *name;
	const char *suffix;
	const char *magic;
	struct sink *(*encoder_new)(
	    const struct scope *, const struct codec_opts *, struct err *);
	struct sink *(*decoder_new)(
	    const struct scope *, const struct codec_opts *, struct err *);
	size_t (*encoder_cost)(const struct codec_opts *);
	size_t (*decoder_cost)(const struct codec_opts *);
	unsigned (*encoder_held)(const struct codec_opts *); /* NULL: 0 */
} codecs[] = {
    [CODEC_NONE] =
	{
	    .name = "none",
	    .suffix = "",
	    .magic = "",
	    .encoder_new = pass_new,
	    .decoder_new = pass_new,
	    .encoder_cost = pass_cost,
	    .decoder_cost = pass_cost,
	},
    [CODEC_GZIP] =
	{
	    .name = "gzip",
	    .suffix = ".gz",
	    .magic = "\x1f\x8b\x08",
	    .encoder_new = gzip_encoder_new,
	    .decoder_new = gzip_decoder_new,
	    .encoder_cost = gzip_encoder_cost,
	    .decoder_cost = gzip_decoder_cost,
	    .encoder_held = gzip_encoder_held,
	},
    [CODEC_ZSTD] =
	{
	    .name = "zstd",
	    .suffix = ".zst",
	    .magic = "\x28\xb5\x2f\xfd",
	    .encoder_new = zstd_encoder_new,
	    .decoder_new = zstd_decoder_new,
	    .encoder_cost = zstd_encoder_cost,
	    .decoder_cost = zstd_decoder_cost,
	},
};

#define NCODECS (sizeof(codecs) / sizeof(codecs[0]))

const char *
codec_name(enum codec c)
{
	return codecs[c].name;
}

const char *
codec_suffix(enum codec c)
{
	return codecs[c].suffix;
}

int
codec_parse(const char *name, enum codec *c, struct err *err)
{
	for (size_t i = 0; i < NCODECS; i++)
		if (strcmp(name, codecs[i].name) == 0) {
			*c = (enum codec)i;
			return 0;
		}
	return err_set(err, ERR_USAGE,
	    "no codec '%s': there are gzip, zstd and none", name);
}

struct sink *
encoder_new(enum codec c, const struct scope *scope,
    const struct codec_opts *opts, struct err *err)
{
	struct sink *s = codecs[c].encoder_new(scope, opts, err);

	if (s == NULL)
		err_in(err, "%s at level %d", codec_name(c), opts->level);
	return s;
}

size_t
encoder_cost(enum codec c, const struct codec_opts *opts)
{
	return codecs[c].encoder_cost(opts);
}

unsigned
encoder_held(enum codec c, const struct codec_opts *opts)
{
	return codecs[c].encoder_held ? codecs[c].encoder_held(opts) : 0;
}

struct sink *
decoder_new(enum codec c, const struct scope *scope,
    const struct codec_opts *opts, struct err *err)
{
	return codecs[c].decoder_new(scope, opts, err);
}

size_t
decoder_cost(enum codec c, const struct codec_opts *opts)
{
	return codecs[c].decoder_cost(opts);
}

enum codec
codec_sniff(const void *data, size_t len)
{
	for (size_t i = 0; i < NCODECS; i++) {
		size_t n = strlen(codecs[i].magic);

		if (n > 0 && len >= n && memcmp(data, codecs[i].magic, n) == 0)
			return (enum codec)i;
	}
	return CODEC_NONE;
}
