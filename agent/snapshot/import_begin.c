#include <stdio.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/journal.h"
#include "base/scope.h"

#include "agent/snapshot/import_begin.h"
#include "agent/snapshot/snapshot_id.h"

#define ID_BYTES ((IMPORT_BEGIN_SIZE - 1) / 2)

/* Of a target, as redis_target_name() tells it. */
#define TARGET_MAX 600
#define KEY_SIZE   (32 + JOB_NAME_MAX + TARGET_MAX)

static void
make_key(const char *job, const char *target, char out[KEY_SIZE])
{
	snprintf(out, KEY_SIZE, "import-begin/%s/%s", job, target);
}

int
import_begin_make(struct journal *j, const char *job, const char *target,
    const struct scope *scope, char id[IMPORT_BEGIN_SIZE], struct err *err)
{
	unsigned char random[ID_BYTES];
	char key[KEY_SIZE];

	make_key(job, target, key);
	scope_random(scope, random, sizeof(random));
	hex_encode(random, sizeof(random), id);
	return j->ops->put(j, key, id, err);
}

int
import_begin_get(struct journal *j, const char *job, const char *target,
    char id[IMPORT_BEGIN_SIZE], struct err *err)
{
	struct buf value;
	char key[KEY_SIZE];
	int rc;

	id[0] = '\0';
	make_key(job, target, key);
	buf_init(&value, IMPORT_BEGIN_SIZE - 1);
	rc = j->ops->get(j, key, &value, err);
	if (rc == 0)
		rc = buf_check(&value, "the id of an import", err);
	if (rc == 0)
		snprintf(id, IMPORT_BEGIN_SIZE, "%s", value.data);
	buf_release(&value);
	if (rc == 0 || err->kind != ERR_MISSING)
		return rc;
	*err = (struct err){0};
	return 0;
}

int
import_begin_remove(
    struct journal *j, const char *job, const char *target, struct err *err)
{
	char key[KEY_SIZE];

	make_key(job, target, key);
	return j->ops->remove(j, key, err);
}
