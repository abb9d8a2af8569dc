#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "rdb/value_carry.h"

#include "agent/cmd/manifest_show.h"
#include "agent/cmd/run_show.h"
#include "agent/cmd/show.h"
#include "agent/snapshot/manifest.h"

/* Each answer has a request id of its own behind it. */
static bool
same_reason(const char *a, const char *b)
{
	const char *id = strstr(a, " (request id");
	size_t len = id != NULL ? (size_t)(id - a) : strlen(a);

	return strncmp(a, b, len) == 0;
}

/* Why bytes came through this host is told once. */
static void
show_copies(const struct run_report *r)
{
	const struct snapshot_copy_facts *c = &r->copy;
	const struct detour *d = &r->adopted;
	bool copied = r->step_done[STEP_COPY];
	bool streamed = copied && c->streamed && !c->there_already;
	bool same = streamed && same_reason(d->why, c->why);
	char bytes[32], files[32];

	if (d->files > 0)
		show_row("exported",
		    "%s file%s, %s, moved to the store through this host%s",
		    show_count(d->files, files), d->files == 1 ? "" : "s",
		    show_bytes(d->bytes, bytes), same ? "" : ":");
	if (d->files > 0 && !same)
		show_row("", "%s", d->why);
	if (!copied)
		return;
	if (c->there_already)
		show_row("copied", "there already, proved again");
	else
		show_row("copied", "%s, %s", show_bytes(c->bytes, bytes),
		    c->streamed ? "through this host:"
				: "by the service itself");
	if (streamed)
		show_row("", "%s", c->why);
}

static void
show_load(const struct snapshot_load_facts *l)
{
	char n[32], lost[VALUE_LOST_MAX];

	if (l->there_already) {
		show_row("loaded",
		    "nothing: the DR Redis held the snapshot already");
		return;
	}
	show_row("loaded", "%s keys by '%s': %s",
	    show_count(l->keys - l->expired, n), restorer_name(l->way), l->why);
	if (l->by_commands > 0)
		show_row("", "%s of them by plain commands, not by RESTORE",
		    show_count(l->by_commands, n));
	if (l->lost != 0)
		show_row("left out", "%s", value_carry_lost(l->lost, lost));
	if (l->part != NULL) {
		show_row("left out", "%s keys, which the filter does not take",
		    show_count(l->unwanted, n));
		show_row(
		    "next import", "has to be allowed by --overwrite-target");
	}
	if (l->left_out > 0)
		show_row("left out",
		    "%s pieces of module data outside of keys, which RESTORE "
		    "cannot carry",
		    show_count(l->left_out, n));
	if (l->expired > 0)
		show_row("left out", "%s keys, whose time had passed",
		    show_count(l->expired, n));
}

static void
show_comparison(const struct run_report *r)
{
	const struct fp_comparison *c = &r->comparison;
	char n[32];

	show_row("DR Redis", "%s", r->target_fingerprint);
	show_row("compared", "%s: %s keys compared",
	    c->same ? "the same" : "NOT the same", show_count(c->compared, n));
	if (c->expiring > 0)
		show_row("not compared", "%s keys that expire in these minutes",
		    show_count(c->expiring, n));
	if (c->expiring_fields > 0)
		show_row("not compared",
		    "%s fields of hashes that expire in these minutes",
		    show_count(c->expiring_fields, n));
	if (c->same && !c->stream_meta_compared)
		show_row("not compared",
		    "counters and first ids of streams: not both versions "
		    "keep them");
	if (c->not_compared > 0)
		show_row("not compared", "the values of %s module keys",
		    show_count(c->not_compared, n));
}

static void
show_times(const struct run_report *r, const char *ended)
{
	char ms[32];
	bool headed = false;

	for (int i = 0; i < STEPS; i++) {
		if (r->step_ms[i] < 0)
			continue;
		if (!headed)
			printf("time\n");
		headed = true;
		show_row(step_name((enum step)i), "%s%s",
		    show_ms(r->step_ms[i], ms), r->step_done[i] ? "" : ended);
	}
}

static bool
done(const struct run_report *r, enum step step)
{
	return r->step_done[step];
}

static void
show_report(const struct run_report *r, const struct err *why)
{
	if (r->m != NULL)
		manifest_show_short(r->m);
	else if (why != NULL)
		return;
	show_copies(r);
	if (done(r, STEP_IMPORT) && r->load.why[0] != '\0')
		show_load(&r->load);
	if (done(r, STEP_IMPORT) && r->load.saved == TARGET_NOT_SAVED)
		show_row("saved there", "NO, a restart would lose it: %s",
		    r->load.unsaved_why);
	/* A difference fails the step, and is what is to be told. */
	if (r->target_fingerprint[0] != '\0')
		show_comparison(r);
	if (r->import_skipped[0] != '\0')
		show_row(done(r, STEP_IMPORT) ? "compared" : "not loaded", "%s",
		    r->import_skipped);
	show_times(r,
	    why != NULL && why->kind == ERR_CANCELLED ? ", interrupted"
						      : ", FAILED");
}

static void
json_load(cJSON *root, const struct snapshot_load_facts *l)
{
	static const char *const saved[] = {
	    [TARGET_KEEPS_NONE] = "not kept",
	    [TARGET_SAVED] = "yes",
	    [TARGET_NOT_SAVED] = "no",
	};
	cJSON *o = cJSON_AddObjectToObject(root, "import");
	char lost[VALUE_LOST_MAX];

	cJSON_AddStringToObject(o, "way", restorer_name(l->way));
	cJSON_AddStringToObject(o, "why", l->why);
	json_add_int(o, "keys", (int64_t)l->keys);
	json_add_int(o, "expired", (int64_t)l->expired);
	json_add_int(o, "left_out", (int64_t)l->left_out);
	json_add_int(o, "by_commands", (int64_t)l->by_commands);
	cJSON_AddStringToObject(o, "lost", value_carry_lost(l->lost, lost));
	if (l->part != NULL)
		json_add_int(o, "unwanted", (int64_t)l->unwanted);
	cJSON_AddBoolToObject(o, "replaced", l->replaced);
	cJSON_AddBoolToObject(o, "there_already", l->there_already);
	cJSON_AddStringToObject(o, "saved", saved[l->saved]);
	if (l->saved == TARGET_NOT_SAVED)
		cJSON_AddStringToObject(o, "unsaved_why", l->unsaved_why);
}

static void
json_comparison(cJSON *root, const struct run_report *r)
{
	cJSON *o = cJSON_AddObjectToObject(root, "comparison");

	cJSON_AddBoolToObject(o, "same", r->comparison.same);
	json_add_int(o, "compared", (int64_t)r->comparison.compared);
	json_add_int(o, "expiring", (int64_t)r->comparison.expiring);
	json_add_int(
	    o, "expiring_fields", (int64_t)r->comparison.expiring_fields);
	json_add_int(o, "not_compared", (int64_t)r->comparison.not_compared);
	cJSON_AddBoolToObject(
	    o, "stream_counters_compared", r->comparison.stream_meta_compared);
	cJSON_AddStringToObject(o, "fingerprint", r->target_fingerprint);
	cJSON_AddStringToObject(o, "why", r->comparison.why);
}

static void
json_copy(cJSON *root, const struct snapshot_copy_facts *c)
{
	cJSON *o = cJSON_AddObjectToObject(root, "copy");

	json_add_int(o, "bytes", (int64_t)c->bytes);
	cJSON_AddBoolToObject(o, "streamed", c->streamed);
	cJSON_AddBoolToObject(o, "there_already", c->there_already);
	cJSON_AddStringToObject(o, "why", c->why);
}

static void
json_report(const struct run_report *r, const struct err *why)
{
	cJSON *o = cJSON_CreateObject();
	cJSON *steps;

	cJSON_AddStringToObject(o, "state", why == NULL ? "done" : "failed");
	if (why != NULL) {
		cJSON *e = cJSON_AddObjectToObject(o, "error");

		cJSON_AddStringToObject(e, "kind", err_kind_name(why->kind));
		cJSON_AddStringToObject(e, "text", why->text);
	}
	if (r->m != NULL)
		cJSON_AddItemToObject(o, "snapshot", manifest_format(r->m));
	if (done(r, STEP_COPY))
		json_copy(o, &r->copy);
	if (done(r, STEP_IMPORT))
		json_load(o, &r->load);
	if (r->target_fingerprint[0] != '\0')
		json_comparison(o, r);
	if (r->import_skipped[0] != '\0')
		cJSON_AddStringToObject(o, "import_skipped", r->import_skipped);
	steps = cJSON_AddObjectToObject(o, "steps_ms");
	for (int i = 0; i < STEPS; i++)
		if (r->step_ms[i] >= 0)
			json_add_int(
			    steps, step_name((enum step)i), r->step_ms[i]);
	show_json(o);
}

int
run_and_show(struct cmd_call *c, enum run_command command,
    const struct run_opts *opts, struct err *err)
{
	struct run_report report;
	int rc;

	rc = run_job(c->agent, command, opts, c->scope, &report, err);
	progress_line_clear(c->line);
	if (c->json) {
		json_report(&report, rc == 0 ? NULL : err);
		c->told = true;
	} else {
		show_report(&report, rc == 0 ? NULL : err);
	}
	run_report_release(&report);
	return rc;
}
