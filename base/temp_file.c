#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"

#include "base/temp_file.h"

/* NFS and some overlays have no O_TMPFILE. */
static int
open_unlinked(const char *dir)
{
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	char path[4096];

	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR))
		return fd;
	if (snprintf(path, sizeof(path), "%s/drsync-XXXXXX", dir) >=
	    (int)sizeof(path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = mkostemp(path, O_CLOEXEC);
	if (fd >= 0)
		unlink(path);
	return fd;
}

int
temp_file_open(const char *dir, struct err *err)
{
	int fd;

	if (dir == NULL)
		dir = getenv("TMPDIR");
	if (dir == NULL || dir[0] == '\0')
		dir = "/var/tmp";
	fd = open_unlinked(dir);
	return fd >= 0 ? fd : err_sys(err, "a temporary file in '%s'", dir);
}

int
temp_file_write(
    int fd, const void *data, size_t len, uint64_t at, struct err *err)
{
	const unsigned char *p = data;

	for (size_t off = 0; off < len;) {
		ssize_t n = pwrite(fd, p + off, len - off, (off_t)(at + off));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, "a temporary file");
		off += (size_t)n;
	}
	return 0;
}

int
temp_file_read(int fd, void *data, size_t len, uint64_t at, struct err *err)
{
	unsigned char *p = data;

	for (size_t off = 0; off < len;) {
		ssize_t n = pread(fd, p + off, len - off, (off_t)(at + off));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, "a temporary file");
		if (n == 0)
			return err_set(err, ERR_SYSTEM,
			    "a temporary file is shorter than what was "
			    "written to it");
		off += (size_t)n;
	}
	return 0;
}
