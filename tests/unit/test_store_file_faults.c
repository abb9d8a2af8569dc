/* Disks that are full, read-only or somebody else's, and kill -9. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/xalloc.h"
#include "storage/store.h"
#include "tests/sim/file_ground.h"

/* Tried by a child, since root may write anywhere. */
static void
a_directory_of_somebody_else_is_an_error_of_permission(void **state)
{
	struct ground *g = *state;
	struct err err = {0};
	int status;
	pid_t child;

	assert_int_equal(file_ground_put(g, "old", "x", &err), 0);
	assert_int_equal(chmod(g->dir.path, 0555), 0);
	assert_int_equal(chmod(file_ground_path(g, ".drsync"), 0555), 0);
	assert_int_equal(chmod(file_ground_path(g, ".drsync/stage"), 0555), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		if (geteuid() == 0 && setuid(65534) != 0)
			_exit(100);
		_exit(file_ground_put(g, "new", "x", &err) == 0
			? 101
			: (int)err.kind);
	}
	waitpid(child, &status, 0);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), ERR_AUTH);
	assert_int_equal(chmod(file_ground_path(g, ".drsync/stage"), 0755), 0);
	assert_int_equal(chmod(file_ground_path(g, ".drsync"), 0755), 0);
	assert_int_equal(chmod(g->dir.path, 0755), 0);
}

static void
an_empty_directory_stands_in_no_blobs_way(void **state)
{
	struct ground *g = *state;
	struct err err = {0};

	assert_int_equal(mkdir(file_ground_path(g, "blob"), 0700), 0);
	assert_int_equal(file_ground_put(g, "blob", "x", &err), 0);
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
	assert_int_equal(file_ground_put(g, "old", "good", &err), 0);
	/* What a failed stage left behind is no part of the blob. */
	assert_int_equal(
	    file_ground_stage(g->s, &g->scope, "cut", 0, bytes, 600000, &err),
	    0);
	assert_int_equal(
	    file_ground_stage(g->s, &g->scope, "cut", 1, bytes, 600000, &err),
	    -1);
	assert_int_equal(g->s->ops->commit(g->s, &g->scope, "cut", &first, 1,
			     NULL, &props, &err),
	    0);
	assert_int_equal(props.size, 600000);
	assert_int_equal(
	    g->s->ops->remove(g->s, &g->scope, "cut", NULL, &err), 0);
	assert_int_equal(
	    file_ground_stage(g->s, &g->scope, "new", 0, bytes, 4 << 20, &err),
	    -1);
	assert_int_equal(err.kind, ERR_SYSTEM);
	assert_non_null(strstr(err.text, "no space left"));
	assert_int_equal(
	    store_put(g->s, &g->scope, "old", bytes, 4 << 20, NULL, NULL, &err),
	    -1);
	assert_int_equal(
	    g->s->ops->stat(g->s, &g->scope, "old", &props, &err), 0);
	assert_int_equal(props.size, 4);
	store_free(g->s);
	assert_int_equal(file_ground_entries(g, ".drsync/stage", NULL), 0);
	/* There is room again. */
	g->s = temp_dir_store(&g->dir);
	assert_int_equal(
	    store_put(g->s, &g->scope, "old", bytes, 500000, NULL, NULL, &err),
	    0);
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
	assert_int_equal(file_ground_put(g, "old", "good", &err), 0);
	assert_int_equal(
	    mount("tmpfs", g->dir.path, "tmpfs", MS_REMOUNT | MS_RDONLY, NULL),
	    0);
	assert_int_equal(file_ground_put(g, "new", "x", &err), -1);
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
	assert_int_equal(file_ground_put(g, "first", "x", &err), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(file_ground_stage(g->s, &g->scope, "b", 0, bytes,
			     sizeof(bytes), &err),
	    -1);
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
			if (file_ground_stage(
				s, &g->scope, name, i, bytes, PIECE, &err) != 0)
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
	return 0;
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
		assert_int_equal(
		    file_ground_put(g, "job/0/blob-00000", "", &err), 0);
		assert_int_equal(g->s->ops->remove(g->s, &g->scope,
				     "job/0/blob-00000", NULL, &err),
		    0);
		assert_int_equal(
		    store_each(g->s, &g->scope, &all, check_whole, g, &err), 0);
	}
	/* What the dead had staged is gone with the next one's first block. */
	store_free(g->s);
	g->s = temp_dir_store(&g->dir);
	assert_int_equal(file_ground_put(g, "job/0/blob-00005", "", &err), 0);
	assert_int_equal(file_ground_entries(g, ".drsync/stage", NULL), 0);
}

static void
what_a_living_process_staged_is_not_swept(void **state)
{
	struct ground *g = *state;
	struct store *other = temp_dir_store(&g->dir);
	struct block_id id = {"00000000000000aa00000000"};
	struct err err;

	assert_int_equal(
	    file_ground_stage(g->s, &g->scope, "b", 0, "x", 1, &err), 0);
	assert_int_equal(
	    file_ground_stage(other, &g->scope, "c", 0, "y", 1, &err), 0);
	assert_int_equal(file_ground_entries(g, ".drsync/stage", NULL), 2);
	store_free(other);
	assert_int_equal(
	    g->s->ops->commit(g->s, &g->scope, "b", &id, 1, NULL, NULL, &err),
	    0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_GROUND(a_directory_of_somebody_else_is_an_error_of_permission),
	    WITH_GROUND(an_empty_directory_stands_in_no_blobs_way),
	    WITH_GROUND(a_full_disk_fails_clearly_and_leaves_what_was_there),
	    WITH_GROUND(a_read_only_store_can_be_read),
	    WITH_GROUND(a_file_over_the_limit_fails_clearly),
	    WITH_GROUND(a_killed_writer_leaves_whole_blobs_only),
	    WITH_GROUND(what_a_living_process_staged_is_not_swept),
	};

	return cmocka_run_group_tests_name(
	    "store_file_faults", tests, NULL, NULL);
}
