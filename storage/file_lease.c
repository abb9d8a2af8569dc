#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/err.h"
#include "base/json.h"
#include "base/scope.h"
#include "storage/file_dir.h"
#include "storage/store.h"

#include "storage/file_lease.h"

#define SUB	  "lease"
#define LEASE_MAX 8192 /* bytes of its file */

struct lease {
	char id[LEASE_ID_MAX]; /* "": nobody's */
	int64_t seconds;
	int64_t expires_ms;
};

static void
lease_path(struct file_path *p, const struct file_dir *d, const char *blob)
{
	unsigned char sum[SHA256_BYTES];
	char name[2 * SHA256_BYTES + 1];

	sha256(blob, strlen(blob), sum);
	hex_encode(sum, sizeof(sum), name);
	file_path_make(p, d, SUB, name);
}

static int
lease_parse(const char *text, size_t len, struct lease *l, struct err *err)
{
	cJSON *doc = json_parse(text, len, LEASE_MAX, false, err);
	const char *id;
	int rc = -1;

	if (doc == NULL)
		return -1;
	if (json_get_str(doc, "id", &id, err) == 0 &&
	    json_get_int(doc, "seconds", &l->seconds, err) == 0 &&
	    json_get_int(doc, "expires_ms", &l->expires_ms, err) == 0) {
		snprintf(l->id, sizeof(l->id), "%s", id);
		rc = 0;
	}
	cJSON_Delete(doc);
	return rc;
}

/* No file is no lease; one that does not parse is nobody's guess to make. */
static int
lease_load(const struct file_dir *d, const char *blob, struct lease *l,
    struct err *err)
{
	char text[LEASE_MAX];
	struct file_path p;
	ssize_t n;
	int fd;

	*l = (struct lease){.seconds = 0};
	lease_path(&p, d, blob);
	fd = open(p.s, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1 && errno == ENOENT)
		return 0;
	if (fd == -1)
		return file_err(d, "reading the lease of", blob, err);
	n = read(fd, text, sizeof(text));
	if (n == -1)
		file_err(d, "reading the lease of", blob, err);
	close(fd);
	if (n == -1)
		return -1;
	if (lease_parse(text, (size_t)n, l, err) != 0)
		return err_in(
		    err, "the lease of '%.200s' in '%.100s'", blob, p.s);
	return 0;
}

static char *
lease_format(const char *blob, const struct lease *l)
{
	cJSON *doc = cJSON_CreateObject();
	char *text;

	cJSON_AddStringToObject(doc, "blob", blob);
	cJSON_AddStringToObject(doc, "id", l->id);
	json_add_int(doc, "seconds", l->seconds);
	json_add_int(doc, "expires_ms", l->expires_ms);
	text = json_format(doc);
	cJSON_Delete(doc);
	return text;
}

static int
write_new(const char *path, const char *text)
{
	size_t len = strlen(text);
	int fd = open(
	    path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, FILE_MODE);
	ssize_t n;
	int rc;

	if (fd == -1)
		return -1;
	n = write(fd, text, len);
	rc = n == (ssize_t)len ? fsync(fd) : -1;
	if (n >= 0 && n < (ssize_t)len)
		errno = ENOSPC;
	if (close(fd) != 0)
		rc = -1;
	return rc;
}

/* The lock makes one name for the file to come enough. */
static int
lease_save(const struct file_dir *d, const char *blob, const struct lease *l,
    struct err *err)
{
	struct file_path p, fresh;
	char *text;
	int rc;

	if (file_dir_prepare(d, SUB, err) != 0)
		return -1;
	lease_path(&p, d, blob);
	file_path_make(&fresh, d, SUB, "fresh");
	text = lease_format(blob, l);
	rc = write_new(fresh.s, text);
	free(text);
	if (rc == 0)
		rc = rename(fresh.s, p.s);
	if (rc != 0) {
		file_err(d, "writing the lease of", blob, err);
		unlink(fresh.s);
		return -1;
	}
	return 0;
}

static bool
held(const struct lease *l, const struct scope *scope)
{
	return l->id[0] != '\0' && scope_wall_ms(scope) < l->expires_ms;
}

int
file_lease_check(const struct file_dir *d, const struct scope *scope,
    const char *blob, const char *id, struct err *err)
{
	struct lease l;

	if (lease_load(d, blob, &l, err) != 0)
		return -1;
	if (id == NULL && held(&l, scope))
		return err_set(
		    err, ERR_LOCKED, "'%.200s' is leased by another", blob);
	if (id != NULL && (!held(&l, scope) || strcmp(l.id, id) != 0))
		return err_set(
		    err, ERR_CONFLICT, "the lease on '%.200s' was lost", blob);
	return 0;
}

int
file_lease_acquire(const struct file_dir *d, const struct scope *scope,
    const char *blob, int seconds, const char *id, struct err *err)
{
	struct lease l;

	if (lease_load(d, blob, &l, err) != 0)
		return -1;
	if (held(&l, scope) && strcmp(l.id, id) != 0)
		return err_set(err, ERR_LOCKED,
		    "'%.200s' is leased by another for %" PRId64
		    " more seconds",
		    blob, (l.expires_ms - scope_wall_ms(scope) + 999) / 1000);
	snprintf(l.id, sizeof(l.id), "%s", id);
	l.seconds = seconds;
	l.expires_ms = scope_wall_ms(scope) + l.seconds * 1000;
	return lease_save(d, blob, &l, err);
}

static int
load_mine(const struct file_dir *d, const char *blob, const char *id,
    struct lease *l, struct err *err)
{
	if (lease_load(d, blob, l, err) != 0)
		return -1;
	if (l->id[0] == '\0' || strcmp(l->id, id) != 0)
		return err_set(err, ERR_LOCKED,
		    "the lease on '%.200s' was lost to another", blob);
	return 0;
}

int
file_lease_renew(const struct file_dir *d, const struct scope *scope,
    const char *blob, const char *id, struct err *err)
{
	struct lease l;

	if (load_mine(d, blob, id, &l, err) != 0)
		return -1;
	l.expires_ms = scope_wall_ms(scope) + l.seconds * 1000;
	return lease_save(d, blob, &l, err);
}

int
file_lease_release(const struct file_dir *d, const struct scope *scope,
    const char *blob, const char *id, struct err *err)
{
	struct lease l;

	(void)scope;
	if (load_mine(d, blob, id, &l, err) != 0)
		return -1;
	file_lease_forget(d, blob);
	return 0;
}

void
file_lease_forget(const struct file_dir *d, const char *blob)
{
	struct file_path p;

	lease_path(&p, d, blob);
	unlink(p.s);
}
