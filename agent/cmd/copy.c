#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/url.h"

#include "agent/cmd/cmd.h"
#include "agent/cmd/option_sets.h"
#include "agent/cmd/replica_show.h"
#include "agent/cmd/run_show.h"
#include "agent/job/settings.h"

static const struct cmd_flag flags[] = {
    {"blob", "NAME", "copy this blob of the store instead of a snapshot"},
    {"replace", NULL,
	"with --blob: over a blob of that name with another content"},
    {"dry-run", NULL,
	"with SRC and DST: list what would be done, and do nothing"},
    {NULL, NULL, NULL},
};

static const enum option takes[] = {SOURCE_STORE_OPTIONS, DR_STORE_OPTIONS,
    BLOB_OPTIONS, OPT_IN_FLIGHT, OPT_TIMEOUT, OPTIONS};

/* What is no URL is a directory of this machine. */
static int
name_store(
    struct settings *s, enum option which, const char *arg, struct err *err)
{
	char *dir = NULL;
	struct buf url;
	int rc;

	if (strstr(arg, "://") != NULL)
		return settings_set(s, which, arg, err);
	buf_init(&url, URL_MAX);
	buf_adds(&url, "file://");
	if (arg[0] != '/') {
		dir = getcwd(NULL, 0);
		if (dir == NULL)
			return err_sys(err, "the working directory");
		url_encode(&url, dir, true);
		buf_addc(&url, '/');
	}
	url_encode(&url, arg, true);
	rc = buf_check(&url, "a directory's name", err);
	if (rc == 0)
		rc = settings_set(s, which, url.data, err);
	buf_release(&url);
	free(dir);
	return rc;
}

static int
copy_stores(struct cmd_call *c, struct err *err)
{
	if (cmd_flag(c, "blob") != NULL || cmd_flag(c, "replace") != NULL)
		return err_set(err, ERR_USAGE,
		    "--blob and --replace go with the job's stores, and not "
		    "with SRC and DST");
	if (name_store(c->settings, OPT_SOURCE_STORE, c->args[0], err) != 0 ||
	    name_store(c->settings, OPT_DR_STORE, c->args[1], err) != 0)
		return -1;
	return replica_run_and_show(
	    c, "copy", cmd_flag(c, "dry-run") != NULL, err);
}

static int
run(struct cmd_call *c, struct err *err)
{
	struct run_opts opts = {
	    .job = c->job,
	    .snapshot = c->nargs > 0 ? c->args[0] : NULL,
	    .blob = cmd_flag(c, "blob"),
	    .replace = cmd_flag(c, "replace") != NULL,
	};

	if (c->nargs == 2)
		return copy_stores(c, err);
	if (cmd_flag(c, "dry-run") != NULL)
		return err_set(
		    err, ERR_USAGE, "--dry-run goes with SRC and DST");
	if (opts.blob != NULL && opts.snapshot != NULL)
		return err_set(
		    err, ERR_USAGE, "give a snapshot or --blob, not both");
	if (opts.replace && opts.blob == NULL)
		return err_set(err, ERR_USAGE, "--replace goes with --blob");

	return run_and_show(c, RUN_COPY, &opts, err);
}

const struct cmd cmd_copy = {
    .name = "copy",
    .args = "[SNAPSHOT | SRC DST]",
    .most_args = 2,
    .summary = "copy a snapshot to the DR region's store, or any container",
    .text = "Copies a snapshot (the newest verified one, or the one whose id "
	    "begins as given) from the source region's store to the DR "
	    "region's, by the storage service itself where it can, bound to "
	    "the source's ETag. Every part is read back at the destination "
	    "against the manifest's SHA-256 before the snapshot is listed "
	    "there. An unverified one is copied only when it is named.\n"
	    "With --blob one blob of any content is copied in the same way, "
	    "and read back against the source's MD5; where that has none, its "
	    "size is checked.\n"
	    "With SRC and DST (stores' URLs, or directories) all blobs of the "
	    "one go to the other: those that are not there or differ, by the "
	    "service itself where it can, with what they carry. The same "
	    "means the same size and MD5, or the source's ETag as the copy "
	    "recorded it; no clock is compared. What is only at DST stays, "
	    "unless --delete mirror is given. A blob that cannot be copied is "
	    "told and counted, and the others go on; a failed copy leaves "
	    "what DST had. To go on after a crash, run it again.",
    .flags = flags,
    .options = takes,
    .run = run,
};
