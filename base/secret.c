#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/xalloc.h"

#include "base/secret.h"

void
secret_set(struct secret *s, const void *data, size_t len)
{
	char *copy = xmalloc(len + 1);

	if (len > 0)
		memcpy(copy, data, len);
	copy[len] = '\0';
	secret_release(s);
	s->data = copy;
	s->len = len;
}

void
secret_copy(struct secret *s, const struct secret *from)
{
	if (from->data != NULL)
		secret_set(s, from->data, from->len);
	else
		secret_release(s);
}

void
secret_release(struct secret *s)
{
	if (s->data != NULL) {
		explicit_bzero(s->data, s->len);
		free(s->data);
	}
	*s = (struct secret){0};
}

int
secret_from_env(struct secret *s, const char *name, struct err *err)
{
	const char *value = getenv(name);

	if (value == NULL || value[0] == '\0')
		return err_set(err, ERR_USAGE,
		    "environment variable '%s' is %s", name,
		    value == NULL ? "not set" : "empty");
	if (strlen(value) > SECRET_MAX)
		return err_set(err, ERR_USAGE,
		    "environment variable '%s' is over %d bytes", name,
		    SECRET_MAX);
	secret_set(s, value, strlen(value));
	return 0;
}

/* Up to size bytes; -1 with errno. */
static ssize_t
read_up_to(int fd, char *out, size_t size)
{
	size_t len = 0;

	while (len < size) {
		ssize_t n = read(fd, out + len, size - len);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return -1;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	return (ssize_t)len;
}

int
secret_from_file(struct secret *s, const char *path, struct err *err)
{
	/* One more for the newline that does not count, one to see excess. */
	char text[SECRET_MAX + 2];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len = fd != -1 ? read_up_to(fd, text, sizeof(text)) : -1;
	int rc = -1;

	if (len == -1) {
		err_set(err, ERR_USAGE, "'%s': %s", path, strerror(errno));
	} else {
		if (len > 0 && text[len - 1] == '\n')
			len--;
		if (len == 0)
			err_set(err, ERR_USAGE, "'%s' is empty", path);
		else if (len > SECRET_MAX)
			err_set(err, ERR_USAGE, "'%s' is over %d bytes", path,
			    SECRET_MAX);
		else
			rc = 0;
	}
	if (rc == 0)
		secret_set(s, text, (size_t)len);
	if (fd != -1)
		close(fd);
	explicit_bzero(text, sizeof(text));
	return rc;
}
