#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "base/chunk.h"

#include "storage/direct_io.h"

int
direct_open(int fd, int mode)
{
	char path[sizeof("/proc/self/fd/") + 11];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, mode | O_DIRECT | O_CLOEXEC);
}

/* How much of the front may be tried. */
static size_t
whole_pages(int direct, uint64_t off, const void *bytes, size_t len)
{
	if (direct == -1 || off % CHUNK_ALIGN != 0 ||
	    (uintptr_t)bytes % CHUNK_ALIGN != 0)
		return 0;
	return len - len % CHUNK_ALIGN;
}

/* Whether to go on after n bytes of it. */
static bool
took(ssize_t n, size_t *done)
{
	if (n == -1)
		return errno == EINTR;
	*done += (size_t)n;
	return n > 0 && n % CHUNK_ALIGN == 0;
}

size_t
direct_read(int direct, uint64_t off, void *out, size_t len)
{
	size_t want = whole_pages(direct, off, out, len);
	size_t done = 0;

	while (done < want &&
	    took(pread(direct, (char *)out + done, want - done,
		     (off_t)(off + done)),
		&done))
		;
	return done;
}

size_t
direct_write(int direct, uint64_t off, const void *data, size_t len)
{
	size_t want = whole_pages(direct, off, data, len);
	size_t done = 0;

	while (done < want &&
	    took(pwrite(direct, (const char *)data + done, want - done,
		     (off_t)(off + done)),
		&done))
		;
	return done;
}
