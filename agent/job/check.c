#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/scope.h"
#include "storage/replicate.h"

#include "agent/job/agent.h"
#include "agent/job/check.h"
#include "agent/job/check_private.h"
#include "agent/job/settings.h"

#define STEP_MS 60000

int
check_skip(struct checking *c, const char *why)
{
	c->skipped = true;
	snprintf(c->detail, sizeof(c->detail), "%s", why);
	return 0;
}

struct row {
	const char *what;
	check_fn *fn;
	const char *advice;
};

#define STORE_ADVICE \
	"see that the container exists and that the key, SAS or role " \
	"(Storage Blob Data Contributor) allows reading, writing, listing " \
	"and deleting blobs"

#define RESOURCE_ADVICE \
	"see that the resource id is right, that the identity has the role " \
	"that docs/AZURE.md tells, and that the store is a container that " \
	"can be lent to Azure"

/* In the order in which one uses what another saw. */
static const struct row rows[] = {
    {"settings", check_settings,
	"'drsync config show' tells each setting and where it comes from"},
    {"ledger", check_ledger,
	"give the user of this process a state_dir that it can write"},
    {"identity", check_identity,
	"see that this machine or principal has an identity and that "
	"identity.* names it; or give keys and passwords instead"},
    {"cipher key", check_cipher,
	"make the key's file or variable readable where drsync runs"},
    {"spool", check_spool,
	"set spool.dir to a directory that this process can write, with room "
	"for a compressed dump"},
    {"source file", check_source_file,
	"set source.file to an RDB file (plain, gzip or zstd) that this "
	"process can read"},
    {"source Redis", check_source_redis,
	"see that the address, TLS and password are right, and that the user "
	"has +psync +sync +replconf +ping +info"},
    {"source store", check_source_store, STORE_ADVICE},
    {"DR store", check_dr_store, STORE_ADVICE},
    {"source resource", check_source_resource, RESOURCE_ADVICE},
    {"DR resource", check_dr_resource, RESOURCE_ADVICE},
    {"copy", check_copy, "see that both stores can be reached from here"},
    {"DR Redis", check_dr_redis,
	"see that the address, TLS and password are right, that it is a "
	"primary, and that the user may do what one of the ways needs"},
    {"replication", check_replication,
	"set replication.bind to an address of this host, and "
	"replication.port to one that is free, or to 0; see that the TLS "
	"files can be read; or set restorer to 'restore'"},
    {"promotion", check_promotion,
	"'drsync promote' tells each lever; see that the identity has the "
	"role, and that what is to be moved is there"},
};

/* Of a job of kind container. */
static const struct row blob_rows[] = {
    {"settings", check_settings,
	"'drsync config show' tells each setting and where it comes from"},
    {"ledger", check_ledger,
	"give the user of this process a state_dir that it can write"},
    {"identity", check_identity,
	"see that this machine or principal has an identity and that "
	"identity.* names it; or give keys instead"},
    {"source", check_source_blobs,
	"see that it exists and that the key, SAS or role (Storage Blob Data "
	"Reader) allows reading and listing blobs"},
    {"destination", check_dr_blobs, STORE_ADVICE},
    {"copy", check_blob_way, "see that both stores can be reached from here"},
    {"undelete", check_undo, "see that the account's properties can be read"},
};

static void
check_row(struct checking *c, const struct row *row, struct err *first)
{
	struct check check = {.what = row->what, .advice = ""};
	struct scope outer = c->scope;
	struct err err = {0};

	c->skipped = false;
	c->detail[0] = '\0';
	c->scope = scope_within(&outer, STEP_MS);
	if (row->fn(c, &err) == 0) {
		check.result = c->skipped ? CHECK_SKIPPED : CHECK_GOOD;
		check.detail = c->detail;
	} else {
		check.result = CHECK_FAILED;
		check.detail = err.text;
		check.advice = row->advice;
		check.err = &err;
		if (first->kind == ERR_NONE) {
			*first = err;
			err_in(first, "%s", row->what);
		}
	}
	c->scope = outer;
	c->tell(c->arg, &check);
}

int
check_job(struct agent *agent, const char *job, const struct scope *scope,
    void (*tell)(void *arg, const struct check *), void *arg, struct err *err)
{
	struct checking c = {
	    .agent = agent,
	    .settings = agent_settings(agent),
	    .job = job,
	    .scope = *scope,
	    .tell = tell,
	    .arg = arg,
	};
	bool is_blobs = strcmp(settings_str(c.settings, OPT_KIND),
			    "container") == 0;
	const struct row *all = is_blobs ? blob_rows : rows;
	size_t n = is_blobs ? sizeof(blob_rows) / sizeof(blob_rows[0])
			    : sizeof(rows) / sizeof(rows[0]);
	struct err first = {0};
	uint32_t random;

	scope_random(scope, &random, sizeof(random));
	snprintf(c.probe, sizeof(c.probe), "%s/check-%08" PRIx32,
	    is_blobs ? REPLICA_OWN_PREFIX "probe" : job, random);
	for (size_t i = 0; i < n; i++) {
		if (scope_check(scope, err) != 0)
			return -1;
		check_row(&c, &all[i], &first);
	}
	if (first.kind == ERR_NONE)
		return 0;
	*err = first;
	return -1;
}
