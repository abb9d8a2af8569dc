#include <string.h>

#include "base/err.h"

#include "agent/cmd/cmd.h"
#include "agent/cmd/option_sets.h"
#include "agent/cmd/replica_show.h"
#include "agent/cmd/run_show.h"
#include "agent/job/settings.h"

static const struct cmd_flag flags[] = {
    {"overwrite-target", "HOST:PORT",
	"destroy what the DR Redis holds, though this job did not put it "
	"there; the name must be the target's"},
    {NULL, NULL, NULL},
};

static const enum option takes[] = {SOURCE_REDIS_OPTIONS, FILTER_OPTIONS,
    SOURCE_STORE_OPTIONS, DR_STORE_OPTIONS, DR_REDIS_OPTIONS, OPT_IMPORT,
    CODING_OPTIONS, LOADING_OPTIONS, OPT_KIND, BLOB_OPTIONS, OPT_IN_FLIGHT,
    OPT_TIMEOUT, OPTIONS};

static int
run(struct cmd_call *c, struct err *err)
{
	struct run_opts opts = {
	    .job = c->job,
	    .overwrite = cmd_flag(c, "overwrite-target"),
	};

	if (strcmp(settings_str(c->settings, OPT_KIND), "container") == 0) {
		if (opts.overwrite != NULL)
			return err_set(err, ERR_USAGE,
			    "--overwrite-target is for jobs of kind redis");
		return replica_run_and_show(c, "sync", false, err);
	}
	/* Who names a target by hand wants it loaded. */
	if (settings_origin(c->settings, OPT_DR_REDIS) == ORIGIN_FLAG &&
	    settings_origin(c->settings, OPT_IMPORT) == ORIGIN_DEFAULT &&
	    settings_set(c->settings, OPT_IMPORT, "after-each-sync", err) != 0)
		return -1;
	return run_and_show(c, RUN_SYNC, &opts, err);
}

const struct cmd cmd_sync = {
    .name = "sync",
    .args = "",
    .summary = "take a snapshot, copy it to the DR region, load it, prove it",
    .text = "Takes a snapshot of the source into its store, copies it to the "
	    "DR region's store, reads it back there, loads it into the DR "
	    "Redis when the job's 'import' is 'after-each-sync' (or when "
	    "--target is given and 'import' is not set), and compares the "
	    "DR Redis with the snapshot.\n"
	    "A DR Redis that holds data which did not come from this job is "
	    "never overwritten unless --overwrite-target names it.\n"
	    "A job of kind container copies the blobs of its source store "
	    "that its DR store does not have, or has otherwise, as drsync "
	    "copy SRC DST does.",
    .flags = flags,
    .options = takes,
    .run = run,
};
