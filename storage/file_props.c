#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>

#include "base/buf.h"
#include "base/err.h"
#include "storage/blob_traits.h"
#include "storage/file_traits.h"
#include "storage/store.h"

#include "storage/file_props.h"

#define ATTRIBUTE    "user.drsync"
#define TYPE_DEFAULT "application/octet-stream"
#define NO_MD5	     "-"
#define TRAITS_BEGIN '?'

uint64_t
file_mtime_ns(const struct stat *st)
{
	return (uint64_t)st->st_mtim.tv_sec * 1000000000 +
	    (uint64_t)st->st_mtim.tv_nsec;
}

void
file_etag(const struct stat *st, char *etag)
{
	snprintf(etag, ETAG_MAX, "\"%" PRIx64 "-%" PRIx64 "\"",
	    file_mtime_ns(st), (uint64_t)st->st_size);
}

static ssize_t
read_attribute(int fd, const char *path, char *text, size_t size)
{
	ssize_t n = fd != -1 ? fgetxattr(fd, ATTRIBUTE, text, size - 1)
			     : lgetxattr(path, ATTRIBUTE, text, size - 1);

	if (n > 0)
		text[n] = '\0';
	return n;
}

/*
 * "ETAG MD5 TYPE", or "ETAG MD5 ?TRAITS": a type cannot begin so.  What they
 * hold behind the MD5, or NULL when it is of another state of the file.
 */
static char *
parse_head(char *text, struct blob_props *props)
{
	struct err ignored;
	char *rest = text;
	const char *etag = strsep(&rest, " ");
	const char *sum = strsep(&rest, " ");

	if (rest == NULL || strcmp(etag, props->etag) != 0)
		return NULL;
	props->has_md5 = hex_decode(sum, props->md5, MD5_BYTES, &ignored) == 0;
	return rest;
}

static void
take_type(struct blob_props *props, const char *type)
{
	if (type != NULL && strlen(type) < sizeof(props->content_type))
		snprintf(props->content_type, sizeof(props->content_type), "%s",
		    type);
}

void
file_props_look(int fd, const char *path, const struct stat *st,
    struct arena *arena, struct blob_props *props, struct blob_traits *traits)
{
	char text[FILE_PROPS_MAX + 1];
	char *rest = NULL;

	*props = (struct blob_props){
	    .size = (uint64_t)st->st_size,
	    .modified_ms = (int64_t)(file_mtime_ns(st) / 1000000),
	    .content_type = TYPE_DEFAULT,
	};
	file_traits_none(traits);
	file_etag(st, props->etag);
	if (read_attribute(fd, path, text, sizeof(text)) > 0)
		rest = parse_head(text, props);
	if (rest != NULL && *rest == TRAITS_BEGIN)
		file_traits_parse(rest + 1, arena, traits);
	else if (rest != NULL)
		traits->content_type = arena_strdup(arena, rest);
	take_type(props, traits->content_type);
	if (traits->content_type == NULL)
		traits->content_type = TYPE_DEFAULT;
}

void
file_props_get(
    int fd, const char *path, const struct stat *st, struct blob_props *props)
{
	struct blob_traits ignored;
	struct arena arena = {0};

	file_props_look(fd, path, st, &arena, props, &ignored);
	arena_release(&arena);
}

static void
add_kept(struct buf *out, const struct stat *st, const struct commit_opts *opts)
{
	char sum[2 * MD5_BYTES + 1] = NO_MD5;
	char etag[ETAG_MAX];
	struct buf traits;

	file_etag(st, etag);
	if (opts->md5 != NULL)
		hex_encode(opts->md5, MD5_BYTES, sum);
	buf_addf(out, "%s %s ", etag, sum);
	if (opts->traits == NULL) {
		buf_adds(out,
		    opts->content_type != NULL ? opts->content_type
					       : TYPE_DEFAULT);
		return;
	}
	buf_init(&traits, FILE_PROPS_MAX);
	file_traits_format(&traits, opts->traits);
	buf_addc(out, TRAITS_BEGIN);
	buf_adds(out, traits.data);
	if (traits.overflowed)
		out->overflowed = true;
	buf_release(&traits);
}

int
file_props_keep(int fd, const struct stat *st, const struct commit_opts *opts)
{
	struct buf text;
	int rc = 0;

	buf_init(&text, FILE_PROPS_MAX);
	add_kept(&text, st, opts);
	if (text.overflowed) {
		errno = E2BIG;
		rc = -1;
	} else if (fsetxattr(fd, ATTRIBUTE, text.data, text.len, 0) != 0 &&
	    errno != ENOTSUP) {
		rc = -1;
	}
	buf_release(&text);
	return rc;
}

int
file_props_set(int fd, uint64_t mtime_ns, const struct commit_opts *opts)
{
	const struct timespec times[2] = {
	    {.tv_nsec = UTIME_OMIT},
	    {.tv_sec = (time_t)(mtime_ns / 1000000000),
		.tv_nsec = (long)(mtime_ns % 1000000000)},
	};
	struct stat st;

	if (futimens(fd, times) != 0 || fstat(fd, &st) != 0)
		return -1;
	return file_props_keep(fd, &st, opts);
}
