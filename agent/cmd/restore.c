#include "agent/cmd/cmd.h"
#include "agent/cmd/option_sets.h"
#include "agent/cmd/run_show.h"

static const struct cmd_flag flags[] = {
    {"overwrite-target", "HOST:PORT",
	"destroy what the DR Redis holds, though this job did not put it "
	"there; the name must be the target's"},
    {"unverified", NULL,
	"load a snapshot of an RDB version that this drsync cannot read"},
    {NULL, NULL, NULL},
};

static const enum option takes[] = {DR_STORE_OPTIONS, DR_REDIS_OPTIONS,
    FILTER_OPTIONS, OPT_CIPHER_KEY, LOADING_OPTIONS, OPT_ARM_TIMEOUT,
    OPT_IN_FLIGHT, OPT_TIMEOUT, OPTIONS};

static int
run(struct cmd_call *c, struct err *err)
{
	struct run_opts opts = {
	    .job = c->job,
	    .snapshot = c->nargs > 0 ? c->args[0] : NULL,
	    .overwrite = cmd_flag(c, "overwrite-target"),
	    .unverified = cmd_flag(c, "unverified") != NULL,
	};

	return run_and_show(c, RUN_RESTORE, &opts, err);
}

const struct cmd cmd_restore = {
    .name = "restore",
    .args = "[SNAPSHOT]",
    .most_args = 1,
    .summary = "load a snapshot of the DR store into the DR Redis",
    .text = "Loads a snapshot (the newest verified one, or the one whose id "
	    "begins as given) from the DR region's store into the DR Redis, "
	    "and compares the two. It needs nothing from the source region.\n"
	    "The snapshot is proved whole before the Redis loses anything: "
	    "by 'replica' the end of the dump is withheld until then, by "
	    "'restore' it is read once before the target is emptied. A Redis "
	    "that is empty loads while it receives: by 'replica' each piece "
	    "of the dump is proved before it is sent. What no RESTORE can "
	    "bring, too large or of a type that the Redis does not load, goes "
	    "by plain commands. Into a cluster, named by any of its nodes, "
	    "each key goes to the primary of its slot.\n"
	    "Given a filter and the id of a snapshot, it loads only what the "
	    "filter takes, by 'restore', and compares that. The DR Redis "
	    "holds none of the job's snapshots then, so the next import into "
	    "it has to be allowed by --overwrite-target.",
    .flags = flags,
    .options = takes,
    .run = run,
};
