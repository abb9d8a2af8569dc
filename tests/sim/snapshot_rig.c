#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/snapshot/catalog.h"
#include "agent/snapshot/manifest.h"
#include "agent/snapshot/snapshot_read.h"
#include "agent/snapshot/source.h"
#include "base/budget.h"
#include "base/journal.h"
#include "base/pool.h"
#include "base/xalloc.h"
#include "storage/store.h"
#include "tests/sim/catcher.h"
#include "tests/sim/rdb_bytes.h"

#include "tests/sim/snapshot_rig.h"

#define PATIENCE_MS  60000
#define VALUE_BYTES  200
#define FAR_EXPIRY   UINT64_C(4102444800000)
#define EXPIRING_ONE 7 /* in so many keys */

static void
put_key(struct buf *b, unsigned i)
{
	unsigned char noise[VALUE_BYTES];
	char name[32];

	if (i % EXPIRING_ONE == 0) {
		buf_addc(b, (char)0xfc);
		rdb_put_le(b, FAR_EXPIRY + i, 8);
	}
	buf_addc(b, 0);
	snprintf(name, sizeof(name), "key:%u", i);
	rdb_put_string(b, name);
	fill_noise(noise, sizeof(noise), i);
	rdb_put_len(b, sizeof(noise));
	buf_add(b, noise, sizeof(noise));
}

void
snapshot_rig_dump(struct buf *b)
{
	rdb_begin(b, "REDIS0011");
	RAW(b,
	    "\xfa\x09redis-ver\x06"
	    "7.0.15");
	RAW(b, "\xfe\x00");
	for (unsigned i = 0; i < RIG_KEYS / 2; i++)
		put_key(b, i);
	RAW(b, "\xfe\x02");
	for (unsigned i = RIG_KEYS / 2; i < RIG_KEYS; i++)
		put_key(b, i);
	rdb_end(b);
}

void
snapshot_rig_write(struct snapshot_rig *r, const void *data, size_t len)
{
	FILE *f = fopen(r->dump, "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

void
snapshot_rig_up(struct snapshot_rig *r)
{
	struct scope root = scope_root(NULL);
	struct buf dump;

	memset(r, 0, sizeof(*r));
	temp_dir_make(&r->source);
	temp_dir_make(&r->dr);
	temp_dir_make(&r->files);
	snprintf(r->dump, sizeof(r->dump), "%s/dump.rdb", r->files.path);
	snapshot_rig_dump(&dump);
	snapshot_rig_write(r, dump.data, dump.len);
	buf_release(&dump);
	secret_set(&r->key, "0123456789abcdef0123456789abcdef", 32);
	secret_set(&r->other_key, "0123456789abcdef0123456789abcdeF", 32);
	r->env.budget = budget_new(BUDGET_DEFAULT);
	r->env.pool = pool_new(2, &r->err);
	assert_non_null(r->env.pool);
	r->env.journal = journal_memory_new();
	r->env.spool_dir = r->files.path;
	r->scope = scope_within(&root, PATIENCE_MS);
	r->take.job = RIG_JOB;
	r->take.codec = CODEC_GZIP;
}

void
snapshot_rig_down(struct snapshot_rig *r)
{
	/* Whatever failed, all memory came back. */
	assert_int_equal(
	    budget_left(r->env.budget), budget_size(r->env.budget));
	budget_free(r->env.budget);
	pool_free(r->env.pool);
	journal_memory_free(r->env.journal);
	secret_release(&r->key);
	secret_release(&r->other_key);
	temp_dir_remove(&r->source);
	temp_dir_remove(&r->dr);
	temp_dir_remove(&r->files);
}

struct manifest *
snapshot_rig_take(struct snapshot_rig *r, struct store *store)
{
	struct source *source = source_file_new(r->dump);
	struct manifest *m;

	memset(&r->err, 0, sizeof(r->err));
	m = snapshot_take(source, store, &r->scope, &r->env, &r->take, &r->err);
	source_free(source);
	return m;
}

struct manifest *
snapshot_rig_must_take(struct snapshot_rig *r, struct store *store)
{
	struct manifest *m = snapshot_rig_take(r, store);

	if (m == NULL)
		fail_msg("%s", r->err.text);
	return m;
}

int
snapshot_rig_verify(
    struct snapshot_rig *r, struct store *store, const struct manifest *m)
{
	struct snapshot_read_opts opts = {.step = STEP_VERIFY};

	memset(&r->err, 0, sizeof(r->err));
	return snapshot_read(store, m, &r->scope, &r->env, &opts, &r->err);
}

static int
count_one(void *arg, const struct list_item *item, struct err *err)
{
	(void)item;
	(void)err;
	++*(size_t *)arg;
	return 0;
}

size_t
snapshot_rig_audit(struct snapshot_rig *r, struct store *store, size_t *blobs)
{
	struct list_opts all = {.prefix = RIG_JOB "/"};
	struct err err = {0};
	struct manifest *m;
	struct catalog c;
	size_t n;

	if (catalog_read(store, &r->scope, RIG_JOB, &c, &err) != 0)
		fail_msg("%s", err.text);
	n = c.n;
	for (size_t i = 0; i < n; i++) {
		m = catalog_get(store, &r->scope, RIG_JOB, c.ids[i], &err);
		if (m == NULL)
			fail_msg("%s", err.text);
		if (snapshot_rig_verify(r, store, m) != 0)
			fail_msg("%s", r->err.text);
		manifest_free(m);
	}
	catalog_release(&c);
	if (blobs != NULL) {
		*blobs = 0;
		assert_int_equal(
		    store_each(store, &r->scope, &all, count_one, blobs, &err),
		    0);
	}
	return n;
}

char *
snapshot_rig_path(
    const struct temp_dir *dir, const struct manifest *m, const char *name)
{
	struct buf b;

	buf_init(&b, 4096);
	buf_addf(&b, "%s/%s/%s/%s", dir->path, m->job, m->id, name);
	return buf_take(&b);
}

void
file_flip(const char *path, long off)
{
	FILE *f = fopen(path, "r+b");
	int c;

	assert_non_null(f);
	assert_int_equal(fseek(f, off, SEEK_SET), 0);
	c = fgetc(f);
	assert_int_not_equal(c, EOF);
	assert_int_equal(fseek(f, off, SEEK_SET), 0);
	assert_int_not_equal(fputc(c ^ 1, f), EOF);
	assert_int_equal(fclose(f), 0);
}

void
file_cut(const char *path, long len)
{
	assert_int_equal(truncate(path, len), 0);
}

long
file_size(const char *path)
{
	FILE *f = fopen(path, "rb");
	long n;

	assert_non_null(f);
	assert_int_equal(fseek(f, 0, SEEK_END), 0);
	n = ftell(f);
	fclose(f);
	return n;
}
