#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>

#include "base/err.h"
#include "storage/store.h"

#include "storage/file_props.h"

#define ATTRIBUTE     "user.drsync"
#define TYPE_DEFAULT  "application/octet-stream"
#define NO_MD5	      "-"
#define ATTRIBUTE_MAX (ETAG_MAX + 2 * MD5_BYTES + 64 + 3)

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

/* "ETAG MD5 TYPE"; the type comes last since it may hold spaces. */
static void
parse(char *text, struct blob_props *props)
{
	struct err ignored;
	char *rest = text;
	const char *etag = strsep(&rest, " ");
	const char *sum = strsep(&rest, " ");

	if (rest == NULL || strcmp(etag, props->etag) != 0)
		return;
	props->has_md5 = hex_decode(sum, props->md5, MD5_BYTES, &ignored) == 0;
	snprintf(props->content_type, sizeof(props->content_type), "%s", rest);
}

void
file_props_get(
    int fd, const char *path, const struct stat *st, struct blob_props *props)
{
	char text[ATTRIBUTE_MAX + 1];
	ssize_t n;

	*props = (struct blob_props){
	    .size = (uint64_t)st->st_size,
	    .modified_ms = (int64_t)(file_mtime_ns(st) / 1000000),
	    .content_type = TYPE_DEFAULT,
	};
	file_etag(st, props->etag);
	if (fd != -1)
		n = fgetxattr(fd, ATTRIBUTE, text, sizeof(text) - 1);
	else
		n = lgetxattr(path, ATTRIBUTE, text, sizeof(text) - 1);
	if (n > 0) {
		text[n] = '\0';
		parse(text, props);
	}
}

int
file_props_set(int fd, uint64_t mtime_ns, const struct commit_opts *opts)
{
	const struct timespec times[2] = {
	    {.tv_nsec = UTIME_OMIT},
	    {.tv_sec = (time_t)(mtime_ns / 1000000000),
		.tv_nsec = (long)(mtime_ns % 1000000000)},
	};
	const char *type = opts->content_type;
	char sum[2 * MD5_BYTES + 1] = NO_MD5;
	char text[ATTRIBUTE_MAX + 1];
	char etag[ETAG_MAX];
	struct stat st;
	int n;

	if (futimens(fd, times) != 0 || fstat(fd, &st) != 0)
		return -1;
	file_etag(&st, etag);
	if (opts->md5 != NULL)
		hex_encode(opts->md5, MD5_BYTES, sum);
	n = snprintf(text, sizeof(text), "%s %s %s", etag, sum,
	    type != NULL ? type : TYPE_DEFAULT);
	if (fsetxattr(fd, ATTRIBUTE, text, (size_t)n, 0) != 0 &&
	    errno != ENOTSUP)
		return -1;
	return 0;
}
