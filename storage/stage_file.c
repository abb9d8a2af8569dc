#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/chunk.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/scope.h"
#include "base/xalloc.h"
#include "storage/direct_io.h"
#include "storage/file_dir.h"

#include "storage/stage_file.h"

#define SUB	   "stage"
#define IOV_COUNT  64
#define COPY_BYTES 65536

static void
sweep_one(const struct file_dir *d, const char *name)
{
	struct file_path p;
	int fd;

	file_path_make(&p, d, SUB, name);
	fd = open(p.s, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1)
		return;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		unlink(p.s);
	close(fd);
}

/* What cannot be removed now is left to the next. */
static void
sweep_dead(const struct file_dir *d)
{
	struct file_path p;
	struct dirent *e;
	DIR *dir;

	file_path_make(&p, d, SUB, "");
	dir = opendir(p.s);
	if (dir == NULL)
		return;
	while ((e = readdir(dir)) != NULL)
		if (e->d_name[0] != '.')
			sweep_one(d, e->d_name);
	closedir(dir);
}

static int
create(struct stage_file *f, const struct file_dir *d,
    const struct scope *scope, struct err *err)
{
	char name[2 * 8 + 1];
	unsigned char nonce[8];
	struct file_path p;

	scope_random(scope, nonce, sizeof(nonce));
	hex_encode(nonce, sizeof(nonce), name);
	file_path_make(&p, d, SUB, name);
	f->fd = open(p.s, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
	if (f->fd == -1)
		return file_err(d, "staging in", p.s, err);
	f->direct = direct_open(f->fd, O_WRONLY);
	f->path = xstrdup(p.s);
	if (flock(f->fd, LOCK_EX | LOCK_NB) != 0) {
		file_err(d, "locking", p.s, err);
		stage_file_close(f, false);
		return -1;
	}
	return 0;
}

int
stage_file_open(struct stage_file *f, const struct file_dir *d,
    const struct scope *scope, bool sweep, struct err *err)
{
	int lock;
	int rc;

	*f = STAGE_FILE_NONE;
	if (file_dir_prepare(d, SUB, err) != 0)
		return -1;
	/* Nobody may sweep between a file's making and its lock. */
	lock = file_dir_lock(d, scope, err);
	if (lock == -1)
		return -1;
	if (sweep)
		sweep_dead(d);
	rc = create(f, d, scope, err);
	file_dir_unlock(lock);
	return rc;
}

void
stage_file_close(struct stage_file *f, bool renamed)
{
	if (f->fd == -1)
		return;
	if (!renamed)
		unlink(f->path);
	close(f->fd);
	if (f->direct != -1)
		close(f->direct);
	free(f->path);
	*f = STAGE_FILE_NONE;
}

/* Take n written bytes off the front of the vector. */
static void
advance(struct iovec **v, int *count, size_t n)
{
	while (*count > 0 && n >= (*v)->iov_len) {
		n -= (*v)->iov_len;
		++*v;
		--*count;
	}
	if (*count > 0) {
		(*v)->iov_base = (char *)(*v)->iov_base + n;
		(*v)->iov_len -= n;
	}
}

static int
write_all(int fd, struct iovec *v, int count, uint64_t *off)
{
	advance(&v, &count, 0);
	while (count > 0) {
		ssize_t n = pwritev(fd, v, count, (off_t)*off);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return -1;
		*off += (uint64_t)n;
		advance(&v, &count, (size_t)n);
	}
	return 0;
}

int
stage_file_write(const struct stage_file *f, uint64_t off,
    struct chunk *const *chunks, size_t n)
{
	size_t direct = 0;
	uint64_t start;

	if (n == 1)
		direct = direct_write(
		    f->direct, off, chunks[0]->data, chunks[0]->len);
	start = off += direct;

	while (n > 0) {
		struct iovec v[IOV_COUNT];
		int count = 0;

		for (; count < IOV_COUNT && n > 0; count++, chunks++, n--)
			v[count] = (struct iovec){
			    .iov_base = (void *)((*chunks)->data + direct),
			    .iov_len = (*chunks)->len - direct,
			};
		if (write_all(f->fd, v, count, &off) != 0)
			return -1;
	}
	/* Only a hint: it lets the commit's fsync find little left to do.  Of
	 * no bytes, it would be to the file's end. */
	if (off > start)
		sync_file_range(f->fd, (off_t)start, (off_t)(off - start),
		    SYNC_FILE_RANGE_WRITE);
	return 0;
}

static int
copy_by_hand(int from, uint64_t from_off, int to, uint64_t to_off, uint64_t len)
{
	char bytes[COPY_BYTES];

	while (len > 0) {
		size_t want = len < sizeof(bytes) ? len : sizeof(bytes);
		ssize_t n = pread(from, bytes, want, (off_t)from_off);
		struct iovec v = {.iov_base = bytes, .iov_len = (size_t)n};

		if (n == -1 && errno == EINTR)
			continue;
		if (n == 0)
			errno = EIO;
		if (n <= 0 || write_all(to, &v, 1, &to_off) != 0)
			return -1;
		from_off += (uint64_t)n;
		len -= (uint64_t)n;
	}
	return 0;
}

int
stage_file_copy(
    int from, uint64_t from_off, int to, uint64_t to_off, uint64_t len)
{
	loff_t in = (loff_t)from_off, out = (loff_t)to_off;

	while (len > 0) {
		ssize_t n = copy_file_range(from, &in, to, &out, len, 0);

		if (n == -1 && errno == EINTR)
			continue;
		/* Not every file system and kernel has it. */
		if (n == -1 && errno != ENOSPC && errno != EDQUOT)
			return copy_by_hand(
			    from, (uint64_t)in, to, (uint64_t)out, len);
		if (n == 0)
			errno = EIO;
		if (n <= 0)
			return -1;
		len -= (uint64_t)n;
	}
	return 0;
}
