#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/chunk.h"
#include "base/err.h"
#include "base/scope.h"
#include "base/xalloc.h"
#include "storage/store.h"
#include "storage/store_file.h"
#include "tests/sim/fake_clock.h"
#include "tests/sim/store_conformance.h"
#include "tests/sim/temp_dir.h"

struct ground {
	struct temp_dir dir;
	struct store *s;
	struct scope scope;
};

static int
setup(void **state)
{
	struct ground *g = xcalloc(1, sizeof(*g));

	temp_dir_make(&g->dir);
	g->s = temp_dir_store(&g->dir);
	g->scope = scope_root(NULL);
	g->scope = scope_within(&g->scope, 60000);
	*state = g;
	return 0;
}

static int
teardown(void **state)
{
	struct ground *g = *state;

	store_free(g->s);
	temp_dir_remove(&g->dir);
	free(g);
	return 0;
}

static const char *
path_of(const struct ground *g, const char *name)
{
	static char path[600];

	snprintf(path, sizeof(path), "%s/%s", g->dir.path, name);
	return path;
}

static int
put(const struct ground *g, const char *blob, const char *text, struct err *err)
{
	*err = (struct err){0};
	return store_put(
	    g->s, &g->scope, blob, text, strlen(text), NULL, NULL, err);
}

static int
stage(struct store *s, const struct scope *scope, const char *blob, unsigned i,
    const void *data, size_t len, struct err *err)
{
	struct chunk *c = chunk_view(data, len);
	struct block_id id;
	int rc;

	*err = (struct err){0};
	snprintf(id.hex, sizeof(id.hex), "00000000000000aa%08x", i);
	rc = s->ops->stage(s, scope, blob, &id, &c, 1, err);
	chunk_unref(c);
	return rc;
}

/* How many entries, and the last one's path. */
static unsigned
entries_of(const struct ground *g, const char *name, char found[1000])
{
	DIR *dir = opendir(path_of(g, name));
	struct dirent *e;
	unsigned n = 0;

	assert_non_null(dir);
	while ((e = readdir(dir)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		n++;
		if (found != NULL)
			snprintf(found, 1000, "%s/%.255s", path_of(g, name),
			    e->d_name);
	}
	closedir(dir);
	return n;
}

static void
urls_are_taken_apart_or_refused(void **state)
{
	static const char *const bad[] = {"file://host/dir", "http://x/y",
	    "file:///a?b=c", "/just/a/path", "file:dir"};
	struct err err = {0};
	struct store *s;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		err = (struct err){0};
		assert_null(store_file_open(bad[i], &err));
		assert_int_equal(err.kind, ERR_USAGE);
	}
	s = store_file_open("file:///no/such%20place/", &err);
	assert_non_null(s);
	assert_string_equal(s->ops->scheme, "file");
	store_free(s);
}

static void
names_that_cannot_be_files_are_refused(void **state)
{
	static const char *const bad[] = {"", "/a", "a/", "a//b", ".", "..",
	    "a/../b", "./a", ".drsync", ".drsync/lock"};
	static const char *const good[] = {
	    "..a", "a..", "...", ".drsync2", "a/.drsync", ".hidden"};
	struct ground *g = *state;
	struct err err;
	char name[300];

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(put(g, bad[i], "x", &err), -1);
		assert_int_equal(err.kind, ERR_USAGE);
	}
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		assert_int_equal(put(g, good[i], "x", &err), 0);
	memset(name, 'n', sizeof(name));
	name[255] = '\0';
	assert_int_equal(put(g, name, "x", &err), 0);
	name[255] = 'n';
	name[256] = '\0';
	assert_int_equal(put(g, name, "x", &err), -1);
	assert_int_equal(err.kind, ERR_USAGE);
}

static void
a_blob_below_a_blob_is_an_error_that_says_so(void **state)
{
	struct ground *g = *state;
	struct blob_props props;
	struct err err;

	assert_int_equal(put(g, "a/b", "x", &err), 0);
	assert_int_equal(put(g, "a", "x", &err), -1);
	assert_int_equal(err.kind, ERR_UNSUPPORTED);
	assert_non_null(strstr(err.text, "others below it"));
	assert_int_equal(put(g, "a/b/c/d", "x", &err), -1);
	assert_int_equal(err.kind, ERR_UNSUPPORTED);
	assert_non_null(strstr(err.text, "'a/b' is a blob"));
	err = (struct err){0};
	assert_int_equal(
	    g->s->ops->stat(g->s, &g->scope, "a", &props, &err), -1);
	assert_int_equal(err.kind, ERR_MISSING);
	assert_int_equal(put(g, "a/b", "again", &err), 0);
}

/* So a snapshot to a file: store costs one writing of its bytes. */
static void
a_writers_blocks_are_renamed_and_not_copied(void **state)
{
	struct ground *g = *state;
	struct block_id ids[3];
	struct stat staged, made;
	struct err err;
	char found[1000];

	assert_int_equal(stage(g->s, &g->scope, "b", 1, "4567", 4, &err), 0);
	assert_int_equal(stage(g->s, &g->scope, "b", 2, "89", 2, &err), 0);
	assert_int_equal(stage(g->s, &g->scope, "b", 0, "0123", 4, &err), 0);
	assert_int_equal(entries_of(g, ".drsync/stage", found), 1);
	assert_int_equal(stat(found, &staged), 0);
	for (unsigned i = 0; i < 3; i++)
		snprintf(
		    ids[i].hex, sizeof(ids[i].hex), "00000000000000aa%08x", i);
	assert_int_equal(
	    g->s->ops->commit(g->s, &g->scope, "b", ids, 3, NULL, NULL, &err),
	    0);
	assert_int_equal(stat(path_of(g, "b"), &made), 0);
	assert_int_equal(made.st_ino, staged.st_ino);
	assert_int_equal(made.st_size, 10);
	assert_int_equal(entries_of(g, ".drsync/stage", NULL), 0);
}

static void
discarded_and_forgotten_blocks_leave_no_file(void **state)
{
	struct ground *g = *state;
	struct block_id id = {"00000000000000aa00000000"};
	struct err err;

	assert_int_equal(stage(g->s, &g->scope, "b", 0, "x", 1, &err), 0);
	assert_int_equal(entries_of(g, ".drsync/stage", NULL), 1);
	g->s->ops->discard(g->s, "b", &id, 1);
	assert_int_equal(entries_of(g, ".drsync/stage", NULL), 0);
	assert_int_equal(stage(g->s, &g->scope, "b", 0, "x", 1, &err), 0);
	store_free(g->s);
	g->s = temp_dir_store(&g->dir);
	assert_int_equal(entries_of(g, ".drsync/stage", NULL), 0);
}

static void
a_removal_takes_its_empty_directories_along(void **state)
{
	struct ground *g = *state;
	struct list_opts top = {.by_directory = true};
	struct list_page page;
	struct err err;

	assert_int_equal(put(g, "a/b/c", "x", &err), 0);
	assert_int_equal(put(g, "a/d", "x", &err), 0);
	assert_int_equal(
	    g->s->ops->remove(g->s, &g->scope, "a/b/c", NULL, &err), 0);
	assert_int_equal(access(path_of(g, "a/b"), F_OK), -1);
	assert_int_equal(access(path_of(g, "a/d"), F_OK), 0);
	/* An empty directory of somebody else is no prefix. */
	assert_int_equal(mkdir(path_of(g, "empty"), 0700), 0);
	assert_int_equal(mkdir(path_of(g, "lost+found"), 0), 0);
	assert_int_equal(symlink("/etc/passwd", path_of(g, "link")), 0);
	assert_int_equal(
	    g->s->ops->list(g->s, &g->scope, &top, NULL, &page, &err), 0);
	assert_int_equal(page.n, 1);
	assert_string_equal(page.items[0].name, "a/");
	list_page_release(&page);
}

static void
symbolic_links_are_not_followed(void **state)
{
	struct ground *g = *state;
	struct blob_props props;
	struct err err = {0};

	assert_int_equal(symlink("/etc/passwd", path_of(g, "link")), 0);
	assert_int_equal(
	    g->s->ops->stat(g->s, &g->scope, "link", &props, &err), -1);
	assert_int_equal(mkfifo(path_of(g, "fifo"), 0600), 0);
	err = (struct err){0};
	assert_int_equal(
	    g->s->ops->stat(g->s, &g->scope, "fifo", &props, &err), -1);
	assert_int_equal(err.kind, ERR_MISSING);
}

static void
an_edit_from_outside_is_seen(void **state)
{
	struct ground *g = *state;
	struct blob_props was, is;
	struct err err = {0};
	char byte;
	int fd;

	assert_int_equal(
	    store_put(g->s, &g->scope, "b", "hello", 5, NULL, &was, &err), 0);
	fd = open(path_of(g, "b"), O_WRONLY);
	assert_int_equal(pwrite(fd, "J", 1, 0), 1);
	close(fd);
	assert_int_equal(g->s->ops->stat(g->s, &g->scope, "b", &is, &err), 0);
	assert_string_not_equal(is.etag, was.etag);
	assert_false(is.has_md5);
	assert_int_equal(
	    g->s->ops->read(g->s, &g->scope, "b", was.etag, 0, &byte, 1, &err),
	    -1);
	assert_int_equal(err.kind, ERR_CONFLICT);
}

static void
etags_change_although_the_clock_stands_or_goes_back(void **state)
{
	struct ground *g = *state;
	struct fake_clock clock;
	struct scope scope = fake_clock_init(&clock);
	struct blob_props was = {0}, is;
	struct err err;

	for (int i = 0; i < 4; i++) {
		err = (struct err){0};
		assert_int_equal(
		    store_put(g->s, &scope, "b", "same", 4, NULL, &is, &err),
		    0);
		assert_string_not_equal(is.etag, was.etag);
		was = is;
		if (i == 2)
			clock.wall_ms -= 5000;
	}
}

static void
a_lease_ends_when_it_expires(void **state)
{
	struct ground *g = *state;
	const struct store_lease_ops *lease = g->s->ops->lease;
	struct fake_clock clock;
	struct scope scope = fake_clock_init(&clock);
	struct commit_opts opts = {0};
	char first[LEASE_ID_MAX], second[LEASE_ID_MAX];
	struct err err = {0};

	assert_int_equal(lease->acquire(g->s, &scope, "l", 20, first, &err), 0);
	clock.wall_ms += 19999;
	assert_int_equal(
	    lease->acquire(g->s, &scope, "l", 20, second, &err), -1);
	assert_int_equal(err.kind, ERR_LOCKED);
	assert_non_null(strstr(err.text, "for 1 more seconds"));
	clock.wall_ms += 2;
	/* Nobody took it: it may be renewed after its time. */
	assert_int_equal(lease->renew(g->s, &scope, "l", first, &err), 0);
	clock.wall_ms += 20001;
	opts.cond.lease_id = first;
	err = (struct err){0};
	assert_int_equal(
	    store_put(g->s, &scope, "l", "x", 1, &opts, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_CONFLICT);
	scope.clock = &clock_system;
	assert_int_equal(
	    lease->acquire(g->s, &scope, "l", 15, second, &err), 0);
	assert_int_equal(lease->renew(g->s, &scope, "l", first, &err), -1);
	assert_int_equal(err.kind, ERR_LOCKED);
	assert_int_equal(
	    lease->acquire(g->s, &scope, "l", 14, second, &err), -1);
	assert_int_equal(err.kind, ERR_USAGE);
}

static void
a_broken_lease_file_is_nobodys_lease(void **state)
{
	struct ground *g = *state;
	const struct store_lease_ops *lease = g->s->ops->lease;
	char id[LEASE_ID_MAX];
	char found[1000];
	struct err err = {0};

	assert_int_equal(lease->acquire(g->s, &g->scope, "l", 20, id, &err), 0);
	assert_int_equal(entries_of(g, ".drsync/lease", found), 1);
	assert_int_equal(truncate(found, 0), 0);
	assert_int_equal(
	    lease->acquire(g->s, &g->scope, "l", 20, id, &err), -1);
	assert_int_equal(err.kind, ERR_CORRUPT);
	assert_non_null(strstr(err.text, "the lease of 'l'"));
}

static void
a_store_that_does_not_exist_is_made_by_the_first_write(void **state)
{
	struct ground *g = *state;
	struct list_opts all = {0};
	struct list_page page;
	struct err err = {0};
	struct store *s;
	char url[400];

	snprintf(url, sizeof(url), "file://%s/new", g->dir.path);
	s = store_file_open(url, &err);
	assert_int_equal(
	    s->ops->list(s, &g->scope, &all, NULL, &page, &err), -1);
	assert_int_equal(err.kind, ERR_MISSING);
	assert_int_equal(access(path_of(g, "new"), F_OK), -1);
	assert_int_equal(
	    store_put(s, &g->scope, "b", "x", 1, NULL, NULL, &err), 0);
	assert_int_equal(access(path_of(g, "new/b"), F_OK), 0);
	store_free(s);
	/* But not the directory above it: that may be a disk not mounted. */
	snprintf(url, sizeof(url), "file://%s/none/new", g->dir.path);
	s = store_file_open(url, &err);
	assert_int_equal(
	    store_put(s, &g->scope, "b", "x", 1, NULL, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_MISSING);
	assert_non_null(strstr(err.text, "mounted"));
	store_free(s);
}

/* Tried by a child, since root may write anywhere. */
static void
a_directory_of_somebody_else_is_an_error_of_permission(void **state)
{
	struct ground *g = *state;
	struct err err = {0};
	int status;
	pid_t child;

	assert_int_equal(put(g, "old", "x", &err), 0);
	assert_int_equal(chmod(g->dir.path, 0555), 0);
	assert_int_equal(chmod(path_of(g, ".drsync"), 0555), 0);
	assert_int_equal(chmod(path_of(g, ".drsync/stage"), 0555), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		if (geteuid() == 0 && setuid(65534) != 0)
			_exit(100);
		_exit(put(g, "new", "x", &err) == 0 ? 101 : (int)err.kind);
	}
	waitpid(child, &status, 0);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), ERR_AUTH);
	assert_int_equal(chmod(path_of(g, ".drsync/stage"), 0755), 0);
	assert_int_equal(chmod(path_of(g, ".drsync"), 0755), 0);
	assert_int_equal(chmod(g->dir.path, 0755), 0);
}

static void
an_empty_directory_stands_in_no_blobs_way(void **state)
{
	struct ground *g = *state;
	struct err err = {0};

	assert_int_equal(mkdir(path_of(g, "blob"), 0700), 0);
	assert_int_equal(put(g, "blob", "x", &err), 0);
}

static bool
mount_small(const struct ground *g)
{
	return mount("tmpfs", g->dir.path, "tmpfs", 0, "size=1m") == 0;
}

static void
a_full_disk_fails_clearly_and_leaves_what_was_there(void **state)
{
	struct ground *g = *state;
	struct block_id first = {"00000000000000aa00000000"};
	char *bytes = xmalloc(4 << 20);
	struct blob_props props;
	struct err err;

	if (!mount_small(g)) {
		free(bytes);
		print_message("not allowed to mount a small tmpfs\n");
		skip();
	}
	memset(bytes, 'x', 4 << 20);
	assert_int_equal(put(g, "old", "good", &err), 0);
	/* What a failed stage left behind is no part of the blob. */
	assert_int_equal(
	    stage(g->s, &g->scope, "cut", 0, bytes, 600000, &err), 0);
	assert_int_equal(
	    stage(g->s, &g->scope, "cut", 1, bytes, 600000, &err), -1);
	assert_int_equal(g->s->ops->commit(g->s, &g->scope, "cut", &first, 1,
			     NULL, &props, &err),
	    0);
	assert_int_equal(props.size, 600000);
	assert_int_equal(
	    g->s->ops->remove(g->s, &g->scope, "cut", NULL, &err), 0);
	assert_int_equal(
	    stage(g->s, &g->scope, "new", 0, bytes, 4 << 20, &err), -1);
	assert_int_equal(err.kind, ERR_SYSTEM);
	assert_non_null(strstr(err.text, "no space left"));
	assert_int_equal(
	    store_put(g->s, &g->scope, "old", bytes, 4 << 20, NULL, NULL, &err),
	    -1);
	assert_int_equal(
	    g->s->ops->stat(g->s, &g->scope, "old", &props, &err), 0);
	assert_int_equal(props.size, 4);
	store_free(g->s);
	assert_int_equal(entries_of(g, ".drsync/stage", NULL), 0);
	/* There is room again. */
	g->s = temp_dir_store(&g->dir);
	assert_int_equal(
	    store_put(g->s, &g->scope, "old", bytes, 500000, NULL, NULL, &err),
	    0);
	umount2(g->dir.path, MNT_DETACH);
	free(bytes);
}

static void
a_read_only_store_can_be_read(void **state)
{
	struct ground *g = *state;
	struct list_opts all = {0};
	struct list_page page;
	struct err err;
	char byte;

	if (!mount_small(g)) {
		print_message("not allowed to mount a small tmpfs\n");
		skip();
	}
	assert_int_equal(put(g, "old", "good", &err), 0);
	assert_int_equal(
	    mount("tmpfs", g->dir.path, "tmpfs", MS_REMOUNT | MS_RDONLY, NULL),
	    0);
	assert_int_equal(put(g, "new", "x", &err), -1);
	assert_int_equal(err.kind, ERR_SYSTEM);
	assert_non_null(strstr(err.text, "read-only"));
	err = (struct err){0};
	assert_int_equal(
	    g->s->ops->remove(g->s, &g->scope, "old", NULL, &err), -1);
	assert_non_null(strstr(err.text, "read-only"));
	assert_int_equal(
	    g->s->ops->read(g->s, &g->scope, "old", NULL, 0, &byte, 1, &err),
	    0);
	assert_int_equal(
	    g->s->ops->list(g->s, &g->scope, &all, NULL, &page, &err), 0);
	assert_int_equal(page.n, 1);
	list_page_release(&page);
	umount2(g->dir.path, MNT_DETACH);
}

/* A limit on the file's size is the other way to run out of room. */
static void
a_file_over_the_limit_fails_clearly(void **state)
{
	struct ground *g = *state;
	struct rlimit was, small;
	char bytes[3000] = "";
	struct err err;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	small = (struct rlimit){.rlim_cur = 1000, .rlim_max = was.rlim_max};
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(put(g, "first", "x", &err), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(
	    stage(g->s, &g->scope, "b", 0, bytes, sizeof(bytes), &err), -1);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	assert_int_equal(err.kind, ERR_SYSTEM);
	assert_non_null(strstr(err.text, "writing 'b'"));
}

#define PIECE 20000

/* Blob n is PIECE * (n % 5 + 1) bytes of the letter n. */
static void
write_for_ever(const struct ground *g)
{
	char *bytes = xmalloc(PIECE);
	struct store *s = temp_dir_store(&g->dir);

	for (unsigned n = 0;; n++) {
		struct block_id ids[5];
		struct err err;
		char name[40];
		unsigned pieces = n % 5 + 1;

		snprintf(name, sizeof(name), "job/%u/blob-%05u", n % 3, n);
		memset(bytes, 'a' + (int)(n % 26), PIECE);
		for (unsigned i = 0; i < pieces; i++) {
			snprintf(ids[i].hex, sizeof(ids[i].hex),
			    "00000000000000aa%08x", i);
			if (stage(s, &g->scope, name, i, bytes, PIECE, &err) !=
			    0)
				_exit(1);
		}
		if (s->ops->commit(
			s, &g->scope, name, ids, pieces, NULL, NULL, &err) != 0)
			_exit(1);
	}
}

static int
check_whole(void *arg, const struct list_item *item, struct err *err)
{
	struct ground *g = arg;
	struct buf buf;
	unsigned n;

	buf_init(&buf, 5 * PIECE);
	assert_int_equal(sscanf(item->name, "job/%*u/blob-%u", &n), 1);
	assert_int_equal(
	    store_get(g->s, &g->scope, item->name, 5 * PIECE, &buf, NULL, err),
	    0);
	assert_int_equal(buf.len, PIECE * (n % 5 + 1));
	for (size_t i = 0; i < buf.len; i++)
		if (buf.data[i] != 'a' + (char)(n % 26))
			fail_msg("'%s' is torn at %zu", item->name, i);
	buf_release(&buf);
	return err->kind == ERR_NONE ? 0 : -1;
}

static void
a_killed_writer_leaves_whole_blobs_only(void **state)
{
	struct ground *g = *state;
	struct list_opts all = {.page_size = 7};
	struct err err;

	for (int round = 0; round < 12; round++) {
		struct timespec t = {.tv_nsec = 1000000 + 7919993 * round};
		pid_t child = fork();

		assert_true(child >= 0);
		if (child == 0)
			write_for_ever(g);
		nanosleep(&t, NULL);
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		err = (struct err){0};
		assert_int_equal(put(g, "job/0/blob-00000", "", &err), 0);
		assert_int_equal(g->s->ops->remove(g->s, &g->scope,
				     "job/0/blob-00000", NULL, &err),
		    0);
		assert_int_equal(
		    store_each(g->s, &g->scope, &all, check_whole, g, &err), 0);
	}
	/* What the dead had staged is gone with the next one's first block. */
	store_free(g->s);
	g->s = temp_dir_store(&g->dir);
	assert_int_equal(put(g, "job/0/blob-00005", "", &err), 0);
	assert_int_equal(entries_of(g, ".drsync/stage", NULL), 0);
}

static void
what_a_living_process_staged_is_not_swept(void **state)
{
	struct ground *g = *state;
	struct store *other = temp_dir_store(&g->dir);
	struct block_id id = {"00000000000000aa00000000"};
	struct err err;

	assert_int_equal(stage(g->s, &g->scope, "b", 0, "x", 1, &err), 0);
	assert_int_equal(stage(other, &g->scope, "c", 0, "y", 1, &err), 0);
	assert_int_equal(entries_of(g, ".drsync/stage", NULL), 2);
	store_free(other);
	assert_int_equal(
	    g->s->ops->commit(g->s, &g->scope, "b", &id, 1, NULL, NULL, &err),
	    0);
}

static struct store *
open_for_suite(void *arg)
{
	return temp_dir_store(arg);
}

static bool
has_attributes(const struct temp_dir *d)
{
	return setxattr(d->path, "user.drsync.test", "x", 1, 0) == 0;
}

#define WITH_GROUND(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(urls_are_taken_apart_or_refused),
	    WITH_GROUND(names_that_cannot_be_files_are_refused),
	    WITH_GROUND(a_blob_below_a_blob_is_an_error_that_says_so),
	    WITH_GROUND(a_writers_blocks_are_renamed_and_not_copied),
	    WITH_GROUND(discarded_and_forgotten_blocks_leave_no_file),
	    WITH_GROUND(a_removal_takes_its_empty_directories_along),
	    WITH_GROUND(symbolic_links_are_not_followed),
	    WITH_GROUND(an_edit_from_outside_is_seen),
	    WITH_GROUND(etags_change_although_the_clock_stands_or_goes_back),
	    WITH_GROUND(a_lease_ends_when_it_expires),
	    WITH_GROUND(a_broken_lease_file_is_nobodys_lease),
	    WITH_GROUND(a_store_that_does_not_exist_is_made_by_the_first_write),
	    WITH_GROUND(a_directory_of_somebody_else_is_an_error_of_permission),
	    WITH_GROUND(an_empty_directory_stands_in_no_blobs_way),
	    WITH_GROUND(a_full_disk_fails_clearly_and_leaves_what_was_there),
	    WITH_GROUND(a_read_only_store_can_be_read),
	    WITH_GROUND(a_file_over_the_limit_fails_clearly),
	    WITH_GROUND(a_killed_writer_leaves_whole_blobs_only),
	    WITH_GROUND(what_a_living_process_staged_is_not_swept),
	};
	struct temp_dir dir;
	struct conformance_env env = {.open = open_for_suite, .arg = &dir};
	int failed;

	temp_dir_make(&dir);
	env.no_props = !has_attributes(&dir);
	failed = store_conformance_run("store_file conformance", &env);
	temp_dir_remove(&dir);
	return failed +
	    cmocka_run_group_tests_name("store_file", tests, NULL, NULL);
}
