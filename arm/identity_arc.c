/*
 * Azure Arc proves that the caller may read a file that only some users of
 * this machine can: the first answer names the file, the second request shows
 * what stands in it.
 *
 * The name comes over the wire and what it points to is sent back, so it is
 * looked at: one file of the agent's own directory, no link, ".key", small.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"

#include "arm/identity_private.h"

#define API_VERSION "2020-06-01"
#define KEY_MAX	    4096

/* The name of the file in the directory, within challenge; or NULL. */
static const char *
challenge_name(const char *challenge, const char *dir)
{
	size_t len = strlen(dir);
	const char *name;

	if (challenge == NULL || strncasecmp(challenge, "Basic ", 6) != 0)
		return NULL;
	challenge += 6 + strspn(challenge + 6, " ");
	if (strncasecmp(challenge, "realm=", 6) != 0)
		return NULL;
	challenge += 6;
	if (strncmp(challenge, dir, len) != 0 || challenge[len] != '/')
		return NULL;
	name = challenge + len + 1;
	len = strlen(name);
	if (len <= 4 || strcmp(name + len - 4, ".key") != 0 || name[0] == '.' ||
	    strchr(name, '/') != NULL)
		return NULL;
	return name;
}

static int
open_key(const char *dir, const char *name, struct err *err)
{
	int at = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd = -1, why;

	if (at != -1)
		/* A pipe put there would else keep us waiting. */
		fd = openat(
		    at, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd == -1) {
		why = errno;
		err_sys(err, "'%.160s/%.80s'", dir, name);
		err->kind = ERR_AUTH;
		if (why == EACCES)
			err_in(err,
			    "the user of this process may not read the "
			    "challenge (is it in the group of the Arc agent?)");
	}
	if (at != -1)
		close(at);
	return fd;
}

/* Less a newline at its end, which no header carries. */
static int
read_key(int fd, struct secret *key, struct err *err)
{
	char text[KEY_MAX + 1];
	struct stat st;
	ssize_t len = -1;
	int rc = -1;

	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		len = read(fd, text, sizeof(text));
	if (len > 0 && len <= KEY_MAX) {
		if (text[len - 1] == '\n')
			len--;
		secret_set(key, text, (size_t)len);
		rc = 0;
	} else {
		err_set(err, ERR_AUTH,
		    "the challenge's file is no file of 1 to %d bytes",
		    KEY_MAX);
	}
	explicit_bzero(text, sizeof(text));
	return rc;
}

static int
answer_challenge(struct http_request *r, const char *challenge, const char *dir,
    struct err *err)
{
	const char *name = challenge_name(challenge, dir);
	struct secret key = {0};
	struct buf value;
	int fd, rc;

	if (name == NULL)
		return err_set(err, ERR_AUTH,
		    "it asks to be shown what is no challenge of its own "
		    "('.key', in '%.200s')",
		    dir);
	fd = open_key(dir, name, err);
	if (fd == -1)
		return -1;
	rc = read_key(fd, &key, err);
	close(fd);
	if (rc == 0) {
		buf_init(&value, KEY_MAX + 16);
		buf_addf(&value, "Basic %s", key.data);
		http_headers_set(&r->headers, "Authorization", value.data);
		explicit_bzero(value.data, value.size);
		buf_release(&value);
	}
	secret_release(&key);
	return rc;
}

int
identity_ask_arc(struct identity *id, const struct scope *scope,
    const char *resource, struct token *token, struct err *err)
{
	struct http_response response;
	struct http_request r;
	int rc;

	rc = identity_local_init(&r, id, API_VERSION, resource, NULL, err);
	if (rc == 0) {
		http_headers_add(&r.headers, "Metadata", "true");
		rc = identity_send(id, scope, &r, &response, err);
	}
	if (rc == 0 && response.status == 401) {
		rc = answer_challenge(&r,
		    http_headers_get(&response.headers, "WWW-Authenticate"),
		    id->arc_dir, err);
		if (rc != 0)
			err_in(err, "%s", id->name);
		identity_answer_release(&response);
		if (rc == 0)
			rc = identity_send(id, scope, &r, &response, err);
	}
	if (rc == 0)
		rc = identity_take(id, scope, &response, token, err);
	identity_local_release(&r);
	return rc;
}
