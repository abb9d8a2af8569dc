#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/chunk.h"
#include "base/err.h"
#include "base/scope.h"
#include "base/xalloc.h"
#include "storage/file_dir.h"
#include "storage/stage_map.h"
#include "storage/store.h"

#include "storage/file_stage.h"

#define STAGED_MAX (2 * BLOCKS_MAX) /* uncommitted ones, as in Azure */

/* What one writer staged for one blob. */
struct stage {
	struct stage *next;
	char *blob;
	char writer[WRITER_DIGITS + 1];
	struct stage_file files[2];
	struct stage_map map;
	unsigned pins; /* users of its files */
	bool dropped;  /* out of the list; the last user frees it */
};

struct file_stages {
	const struct file_dir *dir;
	pthread_mutex_t lock; /* guards all of it but the files' bytes */
	struct stage *list;
	atomic_bool swept;
};

struct file_stages *
file_stages_new(const struct file_dir *dir)
{
	struct file_stages *st = xcalloc(1, sizeof(*st));

	st->dir = dir;
	pthread_mutex_init(&st->lock, NULL);
	return st;
}

static void
stage_free(struct stage *s)
{
	stage_file_close(&s->files[FILE_MAIN], false);
	stage_file_close(&s->files[FILE_LOOSE], false);
	stage_map_release(&s->map);
	free(s->blob);
	free(s);
}

void
file_stages_free(struct file_stages *st)
{
	struct stage *next;

	if (st == NULL)
		return;
	for (struct stage *s = st->list; s != NULL; s = next) {
		next = s->next;
		stage_free(s);
	}
	pthread_mutex_destroy(&st->lock);
	free(st);
}

static struct stage *
find(struct file_stages *st, const char *blob, const struct block_id *id)
{
	struct stage *s = st->list;

	while (s != NULL &&
	    (strncmp(s->writer, id->hex, WRITER_DIGITS) != 0 ||
		strcmp(s->blob, blob) != 0))
		s = s->next;
	return s;
}

static struct stage *
find_or_add(struct file_stages *st, const char *blob, const struct block_id *id)
{
	struct stage *s = find(st, blob, id);

	if (s != NULL)
		return s;
	s = xcalloc(1, sizeof(*s));
	s->blob = xstrdup(blob);
	memcpy(s->writer, id->hex, WRITER_DIGITS);
	s->files[FILE_MAIN] = STAGE_FILE_NONE;
	s->files[FILE_LOOSE] = STAGE_FILE_NONE;
	s->next = st->list;
	st->list = s;
	return s;
}

/* Take it out of the list; its last user frees it. */
static void
drop(struct file_stages *st, struct stage *s)
{
	struct stage **at = &st->list;

	if (s->dropped)
		return;
	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	s->dropped = true;
	if (s->pins == 0)
		stage_free(s);
}

static void
unpin(struct stage *s)
{
	if (--s->pins == 0 && s->dropped)
		stage_free(s);
}

/* The first one of a process clears up after those that were killed. */
static int
open_file(struct file_stages *st, struct stage_file *f,
    const struct scope *scope, struct err *err)
{
	bool sweep = !atomic_exchange(&st->swept, true);

	if (stage_file_open(f, st->dir, scope, sweep, err) == 0)
		return 0;
	if (sweep)
		atomic_store(&st->swept, false);
	return -1;
}

/* Choose where the block goes, and pin what it goes into. */
static struct stage *
begin(struct file_stages *st, const struct scope *scope, const char *blob,
    struct extent *e, struct err *err)
{
	struct stage *s;

	pthread_mutex_lock(&st->lock);
	s = find_or_add(st, blob, &e->id);
	s->pins++;
	if (s->map.n >= STAGED_MAX) {
		err_set(err, ERR_SYSTEM,
		    "more than %d blocks of '%.200s' wait for a commit",
		    STAGED_MAX, blob);
		goto fail;
	}
	stage_map_place(&s->map, e);
	if (s->files[e->file].fd == -1) {
		if (open_file(st, &s->files[e->file], scope, err) != 0) {
			stage_map_remove(&s->map, &e->id);
			goto fail;
		}
	}
	pthread_mutex_unlock(&st->lock);
	return s;
fail:
	s->pins--;
	if (s->map.n == 0 && s->pins == 0)
		drop(st, s);
	pthread_mutex_unlock(&st->lock);
	return NULL;
}

static int
check_size(const char *blob, uint64_t len, struct err *err)
{
	if (len == 0 || len > BLOCK_BYTES_MAX)
		return err_set(err, ERR_USAGE,
		    "a block of %" PRIu64 " bytes for '%.200s'; it must have "
		    "1 to %" PRIu64,
		    len, blob, BLOCK_BYTES_MAX);
	return 0;
}

int
file_stages_put(struct file_stages *st, const struct scope *scope,
    const char *blob, const struct block_id *id, struct chunk *const *chunks,
    size_t n, struct err *err)
{
	struct extent e = {.id = *id};
	struct extent *old;
	struct stage *s;
	int rc;

	for (size_t i = 0; i < n; i++)
		e.len += chunks[i]->len;
	if (check_size(blob, e.len, err) != 0)
		return -1;
	s = begin(st, scope, blob, &e, err);
	if (s == NULL)
		return -1;
	rc = stage_file_write(&s->files[e.file], e.off, chunks, n);
	if (rc != 0)
		file_err(st->dir, "writing", blob, err);

	pthread_mutex_lock(&st->lock);
	old = stage_map_find(&s->map, id);
	e.ready = true;
	if (rc == 0)
		stage_map_set(&s->map, &e);
	else if (old != NULL && !old->ready)
		stage_map_remove(&s->map, id);
	unpin(s);
	pthread_mutex_unlock(&st->lock);
	return rc;
}

static bool
take_whole(struct file_stages *st, const char *blob, const struct block_id *ids,
    size_t n, struct staged_file *out)
{
	struct stage *s;

	pthread_mutex_lock(&st->lock);
	s = n > 0 ? find(st, blob, &ids[0]) : NULL;
	if (s != NULL && stage_map_is_whole(&s->map, ids, n, &out->size)) {
		s->pins++;
		out->whole = s;
		out->fd = s->files[FILE_MAIN].fd;
		out->path = s->files[FILE_MAIN].path;
	}
	pthread_mutex_unlock(&st->lock);
	return out->whole != NULL;
}

static int
append_block(struct file_stages *st, const char *blob,
    const struct block_id *id, struct staged_file *out, struct err *err)
{
	struct extent e = {.ready = false};
	struct extent *found = NULL;
	struct stage *s;
	int rc;

	pthread_mutex_lock(&st->lock);
	s = find(st, blob, id);
	if (s != NULL)
		found = stage_map_find(&s->map, id);
	if (found != NULL)
		e = *found;
	if (e.ready)
		s->pins++;
	pthread_mutex_unlock(&st->lock);
	if (!e.ready)
		return err_set(err, ERR_CONFLICT,
		    "block '%s' of '%.200s' is not staged", id->hex, blob);

	rc = stage_file_copy(
	    s->files[e.file].fd, e.off, out->fd, out->size, e.len);
	if (rc != 0)
		file_err(st->dir, "committing", blob, err);
	out->size += e.len;
	pthread_mutex_lock(&st->lock);
	unpin(s);
	pthread_mutex_unlock(&st->lock);
	return rc;
}

static int
assemble(struct file_stages *st, const struct scope *scope, const char *blob,
    const struct block_id *ids, size_t n, struct staged_file *out,
    struct err *err)
{
	if (open_file(st, &out->made, scope, err) != 0)
		return -1;
	out->fd = out->made.fd;
	out->path = out->made.path;
	for (size_t i = 0; i < n; i++)
		if (scope_check(scope, err) != 0 ||
		    append_block(st, blob, &ids[i], out, err) != 0)
			return -1;
	return 0;
}

int
file_stages_take(struct file_stages *st, const struct scope *scope,
    const char *blob, const struct block_id *ids, size_t n,
    struct staged_file *out, struct err *err)
{
	*out = (struct staged_file){.fd = -1, .made = STAGE_FILE_NONE};
	if (!take_whole(st, blob, ids, n, out) &&
	    assemble(st, scope, blob, ids, n, out, err) != 0)
		goto fail;
	/* A stage that failed may have left bytes behind the last block. */
	if (ftruncate(out->fd, (off_t)out->size) != 0) {
		file_err(st->dir, "committing", blob, err);
		goto fail;
	}
	return 0;
fail:
	file_stages_give_back(st, out, false);
	return -1;
}

void
file_stages_give_back(
    struct file_stages *st, struct staged_file *f, bool renamed)
{
	if (f->whole == NULL) {
		stage_file_close(&f->made, renamed);
		return;
	}
	pthread_mutex_lock(&st->lock);
	if (renamed) {
		stage_file_close(&f->whole->files[FILE_MAIN], true);
		drop(st, f->whole);
	}
	unpin(f->whole);
	pthread_mutex_unlock(&st->lock);
}

void
file_stages_drop(struct file_stages *st, const char *blob,
    const struct block_id *ids, size_t n)
{
	pthread_mutex_lock(&st->lock);
	for (size_t i = 0; i < n; i++) {
		struct stage *s = find(st, blob, &ids[i]);

		if (s != NULL)
			drop(st, s);
	}
	pthread_mutex_unlock(&st->lock);
}
