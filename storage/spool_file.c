#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "base/temp_file.h"
#include "base/xalloc.h"

#include "storage/spool_file.h"

/* A multiple of the block size of any file system we may meet: a hole that
 * ends within a block leaves that block, and the next hole does not get it. */
#define HOLE_ALIGN ((uint64_t)64 << 10)

struct spool_file {
	int fd;
	char *dir;
};

struct spool_file *
spool_file_open(const char *dir, struct err *err)
{
	struct spool_file *f;
	int fd = temp_file_open(dir, err);

	if (fd < 0) {
		err_in(err, "the spool (spool.dir)");
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
	if (temp_file_write(f->fd, data, len, at, err) != 0)
		return err_in(err, "writing the spool in '%s'", f->dir);
	return 0;
}

int
spool_file_read(
    struct spool_file *f, void *data, size_t len, uint64_t at, struct err *err)
{
	if (temp_file_read(f->fd, data, len, at, err) != 0)
		return err_in(err, "reading the spool in '%s'", f->dir);
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
