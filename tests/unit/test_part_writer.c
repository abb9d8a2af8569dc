/*
 * The end of the chain: parts that end where a blob does, and a spool that
 * holds nothing which may be read.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/snapshot/catalog.h"
#include "agent/snapshot/manifest.h"
#include "agent/snapshot/part_writer.h"
#include "base/budget.h"
#include "base/flow.h"
#include "base/sink.h"
#include "base/xalloc.h"
#include "storage/store.h"
#include "tests/sim/catcher.h"
#include "tests/sim/snapshot_rig.h"
#include "tests/sim/store_fault.h"

#define ID "20261121T062749Z-k3v9qa"

struct ground {
	struct snapshot_rig rig;
	struct store *store;
	atomic_uint begun;
	struct part_writer_opts opts;
};

static int
up(void **state)
{
	struct ground *g = xcalloc(1, sizeof(*g));

	snapshot_rig_up(&g->rig);
	g->rig.env.cipher_key = &g->rig.key;
	g->store = store_fault_new(temp_dir_store(&g->rig.source));
	g->opts = (struct part_writer_opts){
	    .job = RIG_JOB, .id = ID, .prefix = "part-", .suffix = ".rdb"};
	*state = g;
	return 0;
}

static int
down(void **state)
{
	struct ground *g = *state;

	store_free(g->store);
	snapshot_rig_down(&g->rig);
	free(g);
	return 0;
}

/* len bytes in pieces of step, committed; what the manifest then says. */
static void
write_parts(struct ground *g, size_t len, size_t step, struct manifest *m)
{
	struct snapshot_rig *r = &g->rig;
	struct flow *f = flow_new(&r->scope);
	unsigned char *data = xmalloc(len);
	struct sink *w = part_writer_new(
	    g->store, flow_scope(f), &r->env, &g->opts, &g->begun, &r->err);

	fill_noise(data, len, 7);
	if (flow_append(f, w) != 0 ||
	    write_steps(w, data, len, step, &r->err) != 0 ||
	    sink_finish(w, &r->err) != 0 ||
	    part_writer_commit(w, &r->scope, m, &r->err) != 0)
		fail_msg("%s", r->err.text);
	flow_free(f);
	free(data);
}

/* The bytes of all parts in order, compared with what was written. */
static void
assert_parts_hold(struct ground *g, const struct manifest *m, size_t len)
{
	struct snapshot_rig *r = &g->rig;
	unsigned char *data = xmalloc(len);
	char blob[BLOB_NAME_MAX + 1];
	size_t done = 0;
	struct buf b;

	fill_noise(data, len, 7);
	buf_init(&b, len);
	for (size_t i = 0; i < m->nparts; i++) {
		catalog_blob(blob, RIG_JOB, ID, m->parts[i].name);
		assert_int_equal(store_get(g->store, &r->scope, blob, len, &b,
				     NULL, &r->err),
		    0);
		assert_true(b.len <= len - done);
		assert_memory_equal(b.data, data + done, b.len);
		done += b.len;
	}
	assert_int_equal(done, len);
	buf_release(&b);
	free(data);
}

static void
what_would_pass_50000_blocks_goes_into_a_second_part(void **state)
{
	struct ground *g = *state;
	struct manifest *m = manifest_new();

	g->opts.block_size = 1;
	write_parts(g, BLOCKS_MAX + 7, 1000, m);
	assert_int_equal(m->nparts, 2);
	assert_int_equal(m->parts[0].bytes, BLOCKS_MAX);
	assert_int_equal(m->parts[1].bytes, 7);
	assert_parts_hold(g, m, BLOCKS_MAX + 7);
	manifest_free(m);
}

/* What sealing adds must fit the blob too. */
static void
a_sealed_part_stays_below_50000_blocks(void **state)
{
	struct ground *g = *state;
	struct manifest *m = manifest_new();

	g->opts.block_size = 100;
	g->opts.seal = true;
	write_parts(g, (size_t)5100000, 77777, m);
	assert_int_equal(m->nparts, 2);
	assert_in_range(m->parts[0].bytes, 4900000, 100 * BLOCKS_MAX);
	assert_int_equal(store_fault_calls(g->store, FAULT_COMMIT), 2);
	manifest_free(m);
}

#define MARK	    "PLAINTEXT-OF-THE-DATASET"
#define SPILL_BYTES ((size_t)8 << 20)

/* Our open file below dir, or -1. */
static int
find_open_below(const char *dir, size_t dir_len)
{
	char link[64], target[512];
	struct dirent *e;
	DIR *fds = opendir("/proc/self/fd");
	int found = -1;

	assert_non_null(fds);
	while (found == -1 && (e = readdir(fds)) != NULL) {
		ssize_t n;

		snprintf(link, sizeof(link), "/proc/self/fd/%.20s", e->d_name);
		n = readlink(link, target, sizeof(target) - 1);
		if (n > (ssize_t)dir_len && memcmp(target, dir, dir_len) == 0)
			found = atoi(e->d_name);
	}
	closedir(fds);
	return found;
}

static void
assert_unlinked_and_sealed(int fd)
{
	unsigned char *data;
	struct stat st;
	ssize_t n;

	assert_int_equal(fstat(fd, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(st.st_nlink, 0);
	assert_int_equal(st.st_mode & 077, 0);
	data = xcalloc(1, SPILL_BYTES);
	n = pread(fd, data, SPILL_BYTES, 0);
	assert_true(n > (ssize_t)SPILL_BYTES / 4);
	assert_null(memmem(data, (size_t)n, MARK, strlen(MARK)));
	free(data);
}

static void
what_spills_is_sealed_and_in_a_file_without_a_name(void **state)
{
	struct ground *g = *state;
	struct snapshot_rig *r = &g->rig;
	struct flow *f = flow_new(&r->scope);
	unsigned char *data = xmalloc(SPILL_BYTES);
	struct sink *w;
	int fd;

	/* The store takes the first block and never answers. */
	store_fault_add(g->store,
	    &(struct fault){.op = FAULT_STAGE,
		.nth = 1,
		.how = FAULT_DELAY,
		.delay_ms = 3600 * 1000});
	g->opts.seal = true;
	g->opts.block_size = 65536;
	g->opts.spool_chunks = 2;
	r->env.in_flight = 1;
	for (size_t i = 0; i < SPILL_BYTES; i++)
		data[i] = (unsigned char)MARK[i % strlen(MARK)];
	w = part_writer_new(
	    g->store, flow_scope(f), &r->env, &g->opts, &g->begun, &r->err);
	assert_int_equal(flow_append(f, w), 0);
	assert_int_equal(write_steps(w, data, SPILL_BYTES, 0, &r->err), 0);
	fd = find_open_below(r->files.path, strlen(r->files.path));
	assert_int_not_equal(fd, -1);
	assert_unlinked_and_sealed(fd);
	flow_free(f);
	free(data);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, up, down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(what_would_pass_50000_blocks_goes_into_a_second_part),
	    TEST(a_sealed_part_stays_below_50000_blocks),
	    TEST(what_spills_is_sealed_and_in_a_file_without_a_name),
	};

	return cmocka_run_group_tests_name("part_writer", tests, NULL, NULL);
}
