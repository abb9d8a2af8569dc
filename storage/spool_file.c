#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "base/xalloc.h"

#include "storage/spool_file.h"

/* A multiple of the block size of any file system we may meet: a hole that
 * ends within a block leaves that block, and the next hole does not get it. */
#define HOLE_ALIGN ((uint64_t)64 << 10)

struct spool_file {
	int fd;
	char *dir;
};

/* NFS and some overlays have no O_TMPFILE. */
static int
open_unlinked(const char *dir)
{
	char path[4096];
	int n;
	int fd;

	fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR))
		return fd;
	n = snprintf(path, sizeof(path), "%s/drsync-spool.XXXXXX", dir);
	if (n < 0 || (size_t)n >= sizeof(path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = mkostemp(path, O_CLOEXEC);
	if (fd >= 0)
		unlink(path);
	return fd;
}

struct spool_file *
spool_file_open(const char *dir, struct err *err)
{
	struct spool_file *f;
	int fd = open_unlinked(dir);

	if (fd < 0) {
		err_sys(err, "a spool file in '%s' (spool.dir)", dir);
		return NULL;
	}
	f = xcalloc(1, sizeof(*f));
	f->fd = fd;
	f->dir = xstrdup(dir);
	return f;
}

void
spool_file_close(struct spool_file *f)
{
	if (f == NULL)
		return;
	close(f->fd);
	free(f->dir);
	free(f);
}

int
spool_file_write(struct spool_file *f, const void *data, size_t len,
    uint64_t at, struct err *err)
{
	const unsigned char *p = data;

	for (size_t off = 0; off < len;) {
		ssize_t n = pwrite(
		    f->fd, p + off, len - off, (off_t)(at + off));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(
			    err, "writing the spool in '%s'", f->dir);
		off += (size_t)n;
	}
	return 0;
}

int
spool_file_read(
    struct spool_file *f, void *data, size_t len, uint64_t at, struct err *err)
{
	unsigned char *p = data;

	for (size_t off = 0; off < len;) {
		ssize_t n = pread(f->fd, p + off, len - off, (off_t)(at + off));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(
			    err, "reading the spool in '%s'", f->dir);
		if (n == 0)
			return err_set(err, ERR_CORRUPT,
			    "the spool in '%s' lost bytes", f->dir);
		off += (size_t)n;
	}
	return 0;
}

uint64_t
spool_file_drop(struct spool_file *f, uint64_t from, uint64_t to)
{
	to -= to % HOLE_ALIGN;
	if (to <= from ||
	    fallocate(f->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		(off_t)from, (off_t)(to - from)) != 0)
		return from;
	return to;
}

int
spool_file_clear(struct spool_file *f, struct err *err)
{
	if (ftruncate(f->fd, 0) != 0)
		return err_sys(err, "emptying the spool in '%s'", f->dir);
	return 0;
}
