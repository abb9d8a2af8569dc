#include "base/err.h"

#include "agent/cmd/cmd.h"
#include "agent/cmd/manifest_show.h"
#include "agent/cmd/option_sets.h"
#include "agent/cmd/show.h"
#include "agent/cmd/store_arg.h"
#include "agent/snapshot/manifest.h"

static const struct cmd_flag flags[] = {
    STORE_ARG_FLAG,
    {NULL, NULL, NULL},
};

static const enum option takes[] = {
    SOURCE_STORE_OPTIONS, DR_STORE_OPTIONS, OPT_TIMEOUT, OPTIONS};

static int
run(struct cmd_call *c, struct err *err)
{
	struct store *store;
	struct manifest *m = snapshot_arg(c, &store, err);

	if (m == NULL)
		return -1;
	if (c->json)
		show_json(manifest_format(m));
	else
		manifest_show(m);
	manifest_free(m);
	return 0;
}

const struct cmd cmd_show = {
    .name = "show",
    .args = "[SNAPSHOT]",
    .most_args = 1,
    .summary = "what a snapshot is and holds, as its manifest says",
    .text = "Shows one snapshot: the newest verified one of the job, or the "
	    "one whose id begins as given.",
    .flags = flags,
    .options = takes,
    .run = run,
};
