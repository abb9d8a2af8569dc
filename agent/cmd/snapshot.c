#include "agent/cmd/cmd.h"
#include "agent/cmd/option_sets.h"
#include "agent/cmd/run_show.h"

static const enum option takes[] = {SOURCE_REDIS_OPTIONS, FILTER_OPTIONS,
    SOURCE_STORE_OPTIONS, CODING_OPTIONS, OPT_IN_FLIGHT, OPT_TIMEOUT, OPTIONS};

static int
run(struct cmd_call *c, struct err *err)
{
	struct run_opts opts = {.job = c->job};

	return run_and_show(c, RUN_SNAPSHOT, &opts, err);
}

const struct cmd cmd_snapshot = {
    .name = "snapshot",
    .args = "",
    .summary = "take a snapshot of the source into its store",
    .text = "Takes a consistent snapshot by the replication protocol (or "
	    "from an RDB file, or by an export of Azure's), proves it on the "
	    "way (structure, CRC64, counts, fingerprint), and writes it "
	    "compressed into the source region's store. It is listed only "
	    "when all of it was proved and stored.",
    .options = takes,
    .run = run,
};
