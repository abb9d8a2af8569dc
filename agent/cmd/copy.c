#include "base/err.h"

#include "agent/cmd/cmd.h"
#include "agent/cmd/option_sets.h"
#include "agent/cmd/run_show.h"

static const struct cmd_flag flags[] = {
    {"blob", "NAME", "copy this blob of the store instead of a snapshot"},
    {"replace", NULL,
	"with --blob: over a blob of that name with another content"},
    {NULL, NULL, NULL},
};

static const enum option takes[] = {SOURCE_STORE_OPTIONS, DR_STORE_OPTIONS,
    OPT_IN_FLIGHT, OPT_TIMEOUT, OPTIONS};

static int
run(struct cmd_call *c, struct err *err)
{
	struct run_opts opts = {
	    .job = c->job,
	    .snapshot = c->nargs > 0 ? c->args[0] : NULL,
	    .blob = cmd_flag(c, "blob"),
	    .replace = cmd_flag(c, "replace") != NULL,
	};

	if (opts.blob != NULL && opts.snapshot != NULL)
		return err_set(
		    err, ERR_USAGE, "give a snapshot or --blob, not both");
	if (opts.replace && opts.blob == NULL)
		return err_set(err, ERR_USAGE, "--replace goes with --blob");

	return run_and_show(c, RUN_COPY, &opts, err);
}

const struct cmd cmd_copy = {
    .name = "copy",
    .args = "[SNAPSHOT]",
    .most_args = 1,
    .summary = "copy a snapshot to the DR region's store",
    .text = "Copies a snapshot (the newest verified one, or the one whose id "
	    "begins as given) from the source region's store to the DR "
	    "region's, by the storage service itself where it can, bound to "
	    "the source's ETag. Every part is read back at the destination "
	    "against the manifest's SHA-256 before the snapshot is listed "
	    "there. An unverified one is copied only when it is named.\n"
	    "With --blob one blob of any content is copied in the same way, "
	    "and read back against the source's MD5; where that has none, its "
	    "size is checked.",
    .flags = flags,
    .options = takes,
    .run = run,
};
