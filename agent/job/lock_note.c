#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/journal.h"
#include "base/process.h"
#include "base/scope.h"
#include "storage/store.h"

#include "agent/job/lock_note.h"

#define KEY_MAX	 4096
#define NOTE_MAX 256

static char *
note_key(const struct store *store, const char *job)
{
	struct buf b;

	buf_init(&b, KEY_MAX);
	buf_addf(&b, "lease/%s/%s", job, store->url);
	return buf_take(&b);
}

int
lock_note_put(struct journal *journal, const struct store *store,
    const char *job, const char *id, struct err *err)
{
	char *key = note_key(store, job);
	char process[PROCESS_ID_SIZE], note[NOTE_MAX];
	int rc;

	process_id(process);
	snprintf(note, sizeof(note), "%s %s", process, id != NULL ? id : "-");
	rc = journal->ops->put(journal, key, note, err);
	free(key);
	return rc;
}

int
lock_note_remove(struct journal *journal, const struct store *store,
    const char *job, struct err *err)
{
	char *key = note_key(store, job);
	int rc = journal->ops->remove(journal, key, err);

	free(key);
	return rc;
}

/* The note's words; found is false when there is none. */
struct words {
	char process[PROCESS_ID_SIZE];
	char id[LEASE_ID_MAX];
	bool found;
};

static int
read_note(struct journal *journal, const struct store *store, const char *job,
    struct words *w, struct err *err)
{
	char *key = note_key(store, job);
	struct buf note;
	int rc;

	memset(w, 0, sizeof(*w));
	buf_init(&note, NOTE_MAX);
	rc = journal->ops->get(journal, key, &note, err);
	if (rc == 0)
		w->found = sscanf(note.data, "%127s %63s", w->process, w->id) ==
		    2;
	else if (err->kind == ERR_MISSING)
		rc = 0;
	free(key);
	buf_release(&note);
	return rc;
}

int
lock_note_recover(struct journal *journal, struct store *store, const char *job,
    const char *blob, const struct scope *scope, enum lock_note *what,
    struct err *err)
{
	struct words w;

	*what = LOCK_NOTE_NONE;
	if (read_note(journal, store, job, &w, err) != 0)
		return -1;
	if (!w.found)
		return 0;
	if (!process_id_gone(w.process)) {
		*what = LOCK_NOTE_ALIVE;
		return 0;
	}
	*what = LOCK_NOTE_LOST;
	if (strcmp(w.id, "-") == 0)
		return 0;
	if (store->ops->lease->release(store, scope, blob, w.id, err) == 0) {
		*what = LOCK_NOTE_RELEASED;
		return 0;
	}
	/* It ended by itself, and may have gone to another since. */
	*what = LOCK_NOTE_NONE;
	return err->kind == ERR_LOCKED || err->kind == ERR_CONFLICT ||
		err->kind == ERR_MISSING
	    ? 0
	    : -1;
}
