#include <stdbool.h>

#include "base/err.h"
#include "base/sink.h"
#include "rdb/posing_master.h"

#include "agent/snapshot/env.h"
#include "agent/snapshot/manifest.h"
#include "agent/snapshot/snapshot_load_private.h"
#include "agent/snapshot/snapshot_read.h"

/*
 * The copy is proved while it is sent: the end of the dump is withheld until
 * then.  The state says "begun" from the moment at which the target's data may
 * change: of a streamed one before it got anything, else not before its old
 * data may go.
 */
static int
send_copy(
    struct loading *l, struct sink *posing, bool streamed, struct err *err)
{
	struct snapshot_read_opts opts = {
	    .step = STEP_IMPORT,
	    .by_piece = streamed,
	    .out = posing,
	};

	if (snapshot_read(l->store, l->m, l->scope, l->env, &opts, err) != 0 ||
	    sink_finish(posing, err) != 0)
		return -1;
	return streamed ? loading_still_ours(l, err)
			: loading_note_begin(l, err);
}

static int
stream_to(
    struct loading *l, struct sink *posing, bool streamed, struct err *err)
{
	if (send_copy(l, posing, streamed, err) == 0)
		return posing_release(posing, l->scope, err);
	posing_give_up(posing, err);
	return -1;
}

static struct sink *
pose(struct loading *l, bool streamed, struct err *err)
{
	const struct snapshot_load_opts *o = l->opts;
	struct posing_opts opts = {
	    .size = l->m->raw_bytes,
	    .streamed = streamed,
	    .bind = o->bind,
	    .advertise = o->advertise,
	    .port = o->port,
	    .tls_cert = o->tls_cert,
	    .tls_key = o->tls_key,
	    .tls_ca = o->tls_ca,
	    .journal = l->env->journal,
	};

	return posing_master_new(o->target, o->redis, l->scope, &opts, err);
}

/*
 * An empty target has nothing to lose by loading what is proved piece by
 * piece, before the whole is.  Zeros behind the dump would pass for commands
 * there, since it stops reading at the dump's end.
 */
static bool
may_stream(const struct loading *l)
{
	return l->answer.empty && l->m->verified && manifest_has_pieces(l->m) &&
	    l->m->padding == 0;
}

int
loading_by_replica(struct loading *l, struct err *err)
{
	bool streamed = may_stream(l);
	struct sink *posing;
	int rc;

	/* The note may take long, and the target takes writes meanwhile. */
	if ((streamed && loading_note_begin(l, err) != 0) ||
	    loading_last_look(l, err) != 0)
		return -1;
	streamed = streamed && may_stream(l);
	/* From here on it follows us, and takes no writes from others. */
	posing = pose(l, streamed, err);
	if (posing == NULL)
		return -1;
	rc = stream_to(l, posing, streamed, err);
	sink_free(posing);
	return rc;
}
