#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/journal.h"
#include "base/process.h"
#include "storage/lease.h"

#include "agent/job/job_lock.h"
#include "agent/job/lock_note.h"
#include "agent/snapshot/snapshot_id.h"

#define KEY_MAX 4096

/* "lease/JOB/STORE/ID"; with an empty id, what they all begin with. */
static char *
note_key(const struct store *store, const char *job, const char *id)
{
	struct buf b;

	buf_init(&b, KEY_MAX);
	buf_addf(&b, "lease/%s/%s/%s", job, store->url, id);
	return buf_take(&b);
}

int
lock_note_put(struct journal *journal, const struct store *store,
    const char *job, const char *id, struct err *err)
{
	char *key = note_key(store, job, id);
	char process[PROCESS_ID_SIZE];
	int rc;

	process_id(process);
	rc = journal->ops->put(journal, key, process, err);
	free(key);
	return rc;
}

int
lock_note_remove(struct journal *journal, const struct store *store,
    const char *job, const char *id, struct err *err)
{
	char *key = note_key(store, job, id);
	int rc = journal->ops->remove(journal, key, err);

	free(key);
	return rc;
}

/* It never held, or no longer does: another may by now. */
static bool
holds_nothing(const struct err *err)
{
	return err->kind == ERR_LOCKED || err->kind == ERR_CONFLICT ||
	    err->kind == ERR_MISSING;
}

int
lock_note_settle(struct journal *journal, struct store *store, const char *job,
    const char *id, const struct scope *scope, struct err *err)
{
	char blob[JOB_NAME_MAX + 16];

	job_lock_blob(job, blob, sizeof(blob));
	if (store->ops->lease->release(store, scope, blob, id, err) != 0 &&
	    !holds_nothing(err))
		return -1;
	return lock_note_remove(journal, store, job, id, err);
}

struct recovery {
	struct journal *journal;
	struct store *store;
	const char *job;
	const struct scope *scope;
	size_t prefix; /* length of what comes before the id */
};

static int
recover_one(void *arg, const char *key, const char *process, struct err *err)
{
	const struct recovery *r = arg;
	const char *id = key + r->prefix;

	/* Of a store whose URL only begins like this one's. */
	if (!lease_id_valid(id))
		return 0;
	if (!process_id_gone(process))
		return 0;
	return lock_note_settle(
	    r->journal, r->store, r->job, id, r->scope, err);
}

int
lock_note_recover(struct journal *journal, struct store *store, const char *job,
    const struct scope *scope, struct err *err)
{
	char *prefix = note_key(store, job, "");
	struct recovery r = {journal, store, job, scope, strlen(prefix)};
	int rc = journal->ops->each(journal, prefix, recover_one, &r, err);

	free(prefix);
	return rc;
}
