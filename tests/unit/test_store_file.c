#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/scope.h"
#include "storage/lease.h"
#include "storage/blob_traits.h"
#include "storage/store.h"
#include "storage/store_file.h"
#include "tests/sim/fake_clock.h"
#include "tests/sim/file_ground.h"
#include "tests/sim/store_conformance.h"

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
		assert_int_equal(file_ground_put(g, bad[i], "x", &err), -1);
		assert_int_equal(err.kind, ERR_USAGE);
	}
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		assert_int_equal(file_ground_put(g, good[i], "x", &err), 0);
	memset(name, 'n', sizeof(name));
	name[255] = '\0';
	assert_int_equal(file_ground_put(g, name, "x", &err), 0);
	name[255] = 'n';
	name[256] = '\0';
	assert_int_equal(file_ground_put(g, name, "x", &err), -1);
	assert_int_equal(err.kind, ERR_USAGE);
}

static void
a_blob_below_a_blob_is_an_error_that_says_so(void **state)
{
	struct ground *g = *state;
	struct blob_props props;
	struct err err;

	assert_int_equal(file_ground_put(g, "a/b", "x", &err), 0);
	assert_int_equal(file_ground_put(g, "a", "x", &err), -1);
	assert_int_equal(err.kind, ERR_UNSUPPORTED);
	assert_non_null(strstr(err.text, "others below it"));
	assert_int_equal(file_ground_put(g, "a/b/c/d", "x", &err), -1);
	assert_int_equal(err.kind, ERR_UNSUPPORTED);
	assert_non_null(strstr(err.text, "'a/b' is a blob"));
	err = (struct err){0};
	assert_int_equal(
	    g->s->ops->stat(g->s, &g->scope, "a", &props, &err), -1);
	assert_int_equal(err.kind, ERR_MISSING);
	assert_int_equal(file_ground_put(g, "a/b", "again", &err), 0);
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

	assert_int_equal(
	    file_ground_stage(g->s, &g->scope, "b", 1, "4567", 4, &err), 0);
	assert_int_equal(
	    file_ground_stage(g->s, &g->scope, "b", 2, "89", 2, &err), 0);
	assert_int_equal(
	    file_ground_stage(g->s, &g->scope, "b", 0, "0123", 4, &err), 0);
	assert_int_equal(file_ground_entries(g, ".drsync/stage", found), 1);
	assert_int_equal(stat(found, &staged), 0);
	for (unsigned i = 0; i < 3; i++)
		snprintf(
		    ids[i].hex, sizeof(ids[i].hex), "00000000000000aa%08x", i);
	assert_int_equal(
	    g->s->ops->commit(g->s, &g->scope, "b", ids, 3, NULL, NULL, &err),
	    0);
	assert_int_equal(stat(file_ground_path(g, "b"), &made), 0);
	assert_int_equal(made.st_ino, staged.st_ino);
	assert_int_equal(made.st_size, 10);
	assert_int_equal(file_ground_entries(g, ".drsync/stage", NULL), 0);
}

static void
discarded_and_forgotten_blocks_leave_no_file(void **state)
{
	struct ground *g = *state;
	struct block_id id = {"00000000000000aa00000000"};
	struct err err;

	assert_int_equal(
	    file_ground_stage(g->s, &g->scope, "b", 0, "x", 1, &err), 0);
	assert_int_equal(file_ground_entries(g, ".drsync/stage", NULL), 1);
	g->s->ops->discard(g->s, "b", &id, 1);
	assert_int_equal(file_ground_entries(g, ".drsync/stage", NULL), 0);
	assert_int_equal(
	    file_ground_stage(g->s, &g->scope, "b", 0, "x", 1, &err), 0);
	store_free(g->s);
	g->s = temp_dir_store(&g->dir);
	assert_int_equal(file_ground_entries(g, ".drsync/stage", NULL), 0);
}

static void
a_removal_takes_its_empty_directories_along(void **state)
{
	struct ground *g = *state;
	struct list_opts top = {.by_directory = true};
	struct list_page page;
	struct err err;

	assert_int_equal(file_ground_put(g, "a/b/c", "x", &err), 0);
	assert_int_equal(file_ground_put(g, "a/d", "x", &err), 0);
	assert_int_equal(
	    g->s->ops->remove(g->s, &g->scope, "a/b/c", NULL, &err), 0);
	assert_int_equal(access(file_ground_path(g, "a/b"), F_OK), -1);
	assert_int_equal(access(file_ground_path(g, "a/d"), F_OK), 0);
	/* An empty directory of somebody else is no prefix. */
	assert_int_equal(mkdir(file_ground_path(g, "empty"), 0700), 0);
	assert_int_equal(mkdir(file_ground_path(g, "lost+found"), 0), 0);
	assert_int_equal(
	    symlink("/etc/passwd", file_ground_path(g, "link")), 0);
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

	assert_int_equal(
	    symlink("/etc/passwd", file_ground_path(g, "link")), 0);
	assert_int_equal(
	    g->s->ops->stat(g->s, &g->scope, "link", &props, &err), -1);
	assert_int_equal(mkfifo(file_ground_path(g, "fifo"), 0600), 0);
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
	fd = open(file_ground_path(g, "b"), O_WRONLY);
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

	lease_id_make(&g->scope, first);
	lease_id_make(&g->scope, second);
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
}

/* As after an answer that was lost on the way. */
static void
who_asks_again_by_the_id_that_holds_has_it_for_longer(void **state)
{
	struct ground *g = *state;
	const struct store_lease_ops *lease = g->s->ops->lease;
	struct fake_clock clock;
	struct scope scope = fake_clock_init(&clock);
	char mine[LEASE_ID_MAX], theirs[LEASE_ID_MAX];
	struct err err = {0};

	lease_id_make(&g->scope, mine);
	lease_id_make(&g->scope, theirs);
	assert_int_equal(lease->acquire(g->s, &scope, "l", 15, mine, &err), 0);
	clock.wall_ms += 10000;
	assert_int_equal(lease->acquire(g->s, &scope, "l", 15, mine, &err), 0);
	clock.wall_ms += 10000;
	assert_int_equal(
	    lease->acquire(g->s, &scope, "l", 15, theirs, &err), -1);
	assert_int_equal(err.kind, ERR_LOCKED);
	clock.wall_ms += 5001;
	assert_int_equal(
	    lease->acquire(g->s, &scope, "l", 15, theirs, &err), 0);
}

static void
a_broken_lease_file_is_nobodys_lease(void **state)
{
	struct ground *g = *state;
	const struct store_lease_ops *lease = g->s->ops->lease;
	char id[LEASE_ID_MAX];
	char found[1000];
	struct err err = {0};

	lease_id_make(&g->scope, id);
	assert_int_equal(lease->acquire(g->s, &g->scope, "l", 20, id, &err), 0);
	assert_int_equal(file_ground_entries(g, ".drsync/lease", found), 1);
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
	assert_int_equal(access(file_ground_path(g, "new"), F_OK), -1);
	assert_int_equal(
	    store_put(s, &g->scope, "b", "x", 1, NULL, NULL, &err), 0);
	assert_int_equal(access(file_ground_path(g, "new/b"), F_OK), 0);
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

static void
a_store_is_made_when_asked_and_found(void **state)
{
	struct ground *g = *state;
	struct err err = {0};
	struct store *s;
	char url[400];

	snprintf(url, sizeof(url), "file://%s/made", g->dir.path);
	s = store_file_open(url, &err);
	assert_int_equal(s->ops->traits->exists(s, &g->scope, &err), -1);
	assert_int_equal(err.kind, ERR_MISSING);
	assert_int_equal(s->ops->traits->create(s, &g->scope, &err), 0);
	assert_int_equal(s->ops->traits->create(s, &g->scope, &err), 0);
	assert_int_equal(s->ops->traits->exists(s, &g->scope, &err), 0);
	store_free(s);
}

static bool
has_attributes(const struct temp_dir *d)
{
	return setxattr(d->path, "user.drsync.test", "x", 1, 0) == 0;
}

static void
what_does_not_fit_beside_a_file_makes_none(void **state)
{
	static char large[70000];
	struct trait one = {"a", large};
	const struct blob_traits traits = {.metadata = {&one, 1}};
	const struct commit_opts opts = {.traits = &traits};
	struct ground *g = *state;
	struct err err = {0};

	memset(large, 'x', sizeof(large) - 1);
	assert_int_equal(
	    store_put(g->s, &g->scope, "b", "x", 1, &opts, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_UNSUPPORTED);
	assert_non_null(strstr(err.text, "more metadata and tags"));
	assert_int_equal(access(file_ground_path(g, "b"), F_OK), -1);
}

static void
a_type_of_any_length_is_kept_among_traits(void **state)
{
	static const char type[] =
	    "application/vnd.openxmlformats-officedocument.wordprocessingml."
	    "document";
	const struct blob_traits traits = {.content_type = type};
	const struct commit_opts opts = {.traits = &traits};
	struct ground *g = *state;
	struct blob_view v;
	struct err err = {0};

	if (!has_attributes(&g->dir))
		skip();
	assert_int_equal(
	    store_put(g->s, &g->scope, "b", "x", 1, &opts, NULL, &err), 0);
	assert_int_equal(
	    g->s->ops->traits->look(g->s, &g->scope, "b", NULL, 0, &v, &err),
	    0);
	assert_string_equal(v.traits.content_type, type);
	blob_view_release(&v);
}

static void
what_a_file_carried_goes_with_an_edit_from_outside(void **state)
{
	struct trait one = {"a", "b"};
	const struct blob_traits traits = {.metadata = {&one, 1}};
	const struct commit_opts opts = {.traits = &traits};
	struct ground *g = *state;
	struct blob_view v;
	struct err err = {0};

	assert_int_equal(
	    store_put(g->s, &g->scope, "b", "x", 1, &opts, NULL, &err), 0);
	assert_int_equal(truncate(file_ground_path(g, "b"), 0), 0);
	assert_int_equal(
	    g->s->ops->traits->look(g->s, &g->scope, "b", NULL, 0, &v, &err),
	    0);
	assert_int_equal(v.traits.metadata.n, 0);
	assert_false(v.props.has_md5);
	blob_view_release(&v);
}

static struct store *
open_for_suite(void *arg)
{
	return temp_dir_store(arg);
}

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
	    WITH_GROUND(who_asks_again_by_the_id_that_holds_has_it_for_longer),
	    WITH_GROUND(a_broken_lease_file_is_nobodys_lease),
	    WITH_GROUND(a_store_that_does_not_exist_is_made_by_the_first_write),
	    WITH_GROUND(a_store_is_made_when_asked_and_found),
	    WITH_GROUND(what_does_not_fit_beside_a_file_makes_none),
	    WITH_GROUND(a_type_of_any_length_is_kept_among_traits),
	    WITH_GROUND(what_a_file_carried_goes_with_an_edit_from_outside),
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
