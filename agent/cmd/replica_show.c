#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/redact.h"
#include "storage/store.h"

#include "agent/cmd/cmd.h"
#include "agent/cmd/replica_show.h"
#include "agent/cmd/show.h"
#include "agent/job/agent.h"
#include "agent/job/replica_run.h"

/* Lines of one run of which all is well but for thousands of blobs. */
#define LINES_MAX  1000
#define EVENTS_MAX 1000000
#define LINE_MAX   8192

struct teller {
	struct cmd_call *call;
	bool dry_run;
	cJSON *events; /* --json */
	uint64_t told, untold;
	uint64_t would_delete; /* in a dry run */
};

/* Whether who did not ask for each blob wants to hear of it. */
static bool
is_told(const struct teller *t, const struct replicate_event *e)
{
	if (t->dry_run || e->what == REPLICATE_DELETE)
		return true;
	return e->what == REPLICATE_FAIL || e->what == REPLICATE_LOSS;
}

static const char *
why_of(const struct replicate_event *e)
{
	if (e->what == REPLICATE_FAIL)
		return e->err->text;
	return e->why;
}

/* A name may hold what a terminal obeys. */
static void
add_shown(struct buf *out, const char *name)
{
	for (; *name != '\0'; name++)
		buf_addc(out,
		    (unsigned char)*name < ' ' || *name == 0x7f ? '?' : *name);
}

static void
tell_line(struct teller *t, const struct replicate_event *e)
{
	const char *why = why_of(e);
	char bytes[32] = "";
	struct buf line;

	if (e->what == REPLICATE_COPY || e->what == REPLICATE_DELETE)
		show_bytes(e->bytes, bytes);
	buf_init(&line, LINE_MAX);
	add_shown(&line, e->name);
	if (why != NULL) {
		buf_adds(&line, ": ");
		redact(&line, why);
	}
	progress_line_clear(t->call->line);
	printf(
	    "%-7s %10s  %s\n", replicate_what_name(e->what), bytes, line.data);
	buf_release(&line);
}

static void
tell_json(struct teller *t, const struct replicate_event *e)
{
	cJSON *o = cJSON_CreateObject();
	const char *why = why_of(e);

	cJSON_AddStringToObject(o, "what", replicate_what_name(e->what));
	cJSON_AddStringToObject(o, "name", e->name);
	if (e->what == REPLICATE_COPY) {
		json_add_int(o, "bytes", (int64_t)e->bytes);
		cJSON_AddStringToObject(o, "way", rung_name(e->rung));
	}
	if (why != NULL)
		cJSON_AddStringToObject(o, "why", why);
	if (e->what == REPLICATE_FAIL)
		cJSON_AddStringToObject(o, "kind", err_kind_name(e->err->kind));
	cJSON_AddItemToArray(t->events, o);
}

static void
on_event(void *arg, const struct replicate_event *e)
{
	uint64_t most = EVENTS_MAX;
	struct teller *t = arg;

	t->would_delete += e->what == REPLICATE_DELETE;
	if (!is_told(t, e))
		return;
	if (!t->dry_run)
		most = LINES_MAX;
	if (t->told >= most && (t->events != NULL || !t->dry_run)) {
		t->untold++;
		return;
	}
	t->told++;
	if (t->events != NULL)
		tell_json(t, e);
	else
		tell_line(t, e);
}

static void
row_blobs(const char *name, uint64_t n, const char *rest)
{
	char count[32];

	show_row(name, "%s blob%s%s%s", show_count(n, count), n == 1 ? "" : "s",
	    rest[0] != '\0' ? ", " : "", rest);
}

static const char *const ways[RUNGS] = {
    [RUNG_PUT] = "in one request each, by the service",
    [RUNG_BLOCKS] = "by blocks, by the service",
    [RUNG_RANGES] = "by ranges, by the service",
    [RUNG_COPY] = "by a copy of the service's own",
    [RUNG_STREAM] = "through this host",
};

static void
show_copied(const struct replicate_report *r, const char *name)
{
	uint64_t all = 0;
	char bytes[32], text[200];

	for (int i = 0; i < RUNGS; i++) {
		all += r->copied[i];
		if (r->copied[i] == 0)
			continue;
		snprintf(text, sizeof(text), "%s, %s",
		    show_bytes(r->bytes[i], bytes), ways[i]);
		row_blobs(name, r->copied[i], text);
	}
	if (all == 0)
		row_blobs(name, 0, "");
	if (r->why_streamed[0] != '\0')
		show_row("", "%s", r->why_streamed);
}

static void
show_same(const struct replicate_report *r)
{
	char n[32], by_etag[100] = "";

	if (r->same_by_etag > 0)
		snprintf(by_etag, sizeof(by_etag),
		    "%s of them by the source's ETag alone, for want of an MD5",
		    show_count(r->same_by_etag, n));
	row_blobs("the same", r->same, by_etag);
}

static void
show_missing(const struct teller *t, const struct replicate_report *r)
{
	uint64_t gone = t->dry_run ? t->would_delete : r->deleted;

	if (gone > 0)
		row_blobs(t->dry_run ? "would delete" : "deleted", gone, "");
	if (r->missing > gone)
		row_blobs("not at source", r->missing - gone,
		    r->why_kept[0] != '\0' ? r->why_kept : "kept");
}

static void
show_left(const struct teller *t, const struct replicate_report *r)
{
	char text[300];

	for (int i = 0; i < SKIPS; i++)
		if (r->skipped[i] > 0) {
			snprintf(text, sizeof(text), "%s: %s",
			    diff_skip_name((enum diff_skip)i),
			    diff_skip_advice((enum diff_skip)i));
			row_blobs("skipped", r->skipped[i], text);
		}
	show_missing(t, r);
	if (r->lossy > 0)
		row_blobs("incomplete", r->lossy, "see above");
	if (r->failed > 0)
		row_blobs("FAILED", r->failed, "see above");
}

static void
show_side(
    const char *name, const struct store *s, const struct listing_facts *f)
{
	char n[32];

	printf("%-8s %s\n         %s blob%s%s%s\n", name, s->url,
	    show_count(f->names, n), f->names == 1 ? "" : "s",
	    f->is_complete ? "" : " and more: the listing did not end",
	    f->is_ascending ? "" : ", NOT in order");
}

static void
show_report(struct teller *t, const struct replica_run_report *report)
{
	const struct replicate_report *r = &report->copied;
	char ms[32], n[32];
	struct err ignored = {0};

	show_side("source",
	    agent_store(t->call->agent, REGION_SOURCE, &ignored), &r->source);
	show_side(
	    "copy", agent_store(t->call->agent, REGION_DR, &ignored), &r->copy);
	show_copied(r, t->dry_run ? "would copy" : "copied");
	if (r->mended > 0)
		row_blobs(t->dry_run ? "would mend" : "mended", r->mended,
		    "headers, metadata, tags or tier");
	show_same(r);
	if (r->verified > 0)
		row_blobs("read back", r->verified, "");
	show_left(t, r);
	if (t->untold > 0)
		row_blobs("not listed", t->untold, "see --json");
	if (r->lag_ms > 0)
		show_row("behind",
		    "%s: the oldest change that is not there yet",
		    show_ms(r->lag_ms, ms));
	show_row("time", "%s, %s requests, up to %u at once",
	    show_ms(r->took_ms, ms), show_count(r->requests, n),
	    r->concurrency);
	if (report->run > 0)
		show_row("run", "%" PRId64, report->run);
}

static void
json_side(cJSON *root, const char *name, const struct listing_facts *f)
{
	cJSON *o = cJSON_AddObjectToObject(root, name);

	json_add_int(o, "blobs", (int64_t)f->names);
	cJSON_AddBoolToObject(o, "complete", f->is_complete);
	cJSON_AddBoolToObject(o, "in_order", f->is_ascending);
}

static void
json_copied(cJSON *root, const struct replicate_report *r)
{
	cJSON *o = cJSON_AddObjectToObject(root, "copied");

	for (int i = 0; i < RUNGS; i++) {
		cJSON *way = cJSON_AddObjectToObject(
		    o, rung_name((enum rung)i));

		json_add_int(way, "blobs", (int64_t)r->copied[i]);
		json_add_int(way, "bytes", (int64_t)r->bytes[i]);
	}
}

static void
json_numbers(cJSON *o, const struct replicate_report *r)
{
	const struct {
		const char *name;
		uint64_t n;
	} numbers[] = {
	    {"same", r->same},
	    {"same_by_etag", r->same_by_etag},
	    {"filtered", r->filtered},
	    {"mended", r->mended},
	    {"changed", r->changed},
	    {"incomplete", r->lossy},
	    {"failed", r->failed},
	    {"missing", r->missing},
	    {"deleted", r->deleted},
	    {"read_back", r->verified},
	    {"streamed_bytes", r->streamed},
	    {"requests", r->requests},
	    {"concurrency", r->concurrency},
	    {"lag_ms", (uint64_t)r->lag_ms},
	    {"took_ms", (uint64_t)r->took_ms},
	};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		json_add_int(o, numbers[i].name, (int64_t)numbers[i].n);
}

static void
json_report(struct teller *t, const struct replica_run_report *report,
    const struct err *why)
{
	const struct replicate_report *r = &report->copied;
	cJSON *o = cJSON_CreateObject(), *skipped;

	cJSON_AddStringToObject(o, "state", why == NULL ? "done" : "failed");
	if (why != NULL) {
		cJSON *e = cJSON_AddObjectToObject(o, "error");

		cJSON_AddStringToObject(e, "kind", err_kind_name(why->kind));
		cJSON_AddStringToObject(e, "text", why->text);
	}
	cJSON_AddBoolToObject(o, "dry_run", t->dry_run);
	if (report->run > 0)
		json_add_int(o, "run", report->run);
	json_side(o, "source", &r->source);
	json_side(o, "copy", &r->copy);
	json_copied(o, r);
	json_numbers(o, r);
	skipped = cJSON_AddObjectToObject(o, "skipped");
	for (int i = 0; i < SKIPS; i++)
		if (r->skipped[i] > 0)
			json_add_int(skipped, diff_skip_name((enum diff_skip)i),
			    (int64_t)r->skipped[i]);
	cJSON_AddStringToObject(o, "why_streamed", r->why_streamed);
	cJSON_AddStringToObject(o, "why_kept", r->why_kept);
	cJSON_AddItemToObject(o, "blobs", t->events);
	json_add_int(o, "blobs_left_out", (int64_t)t->untold);
	show_json(o);
}

int
replica_run_and_show(
    struct cmd_call *c, const char *command, bool dry_run, struct err *err)
{
	struct teller t = {.call = c, .dry_run = dry_run};
	const struct replica_run_opts opts = {
	    .job = c->job,
	    .command = command,
	    .dry_run = dry_run,
	    .event = on_event,
	    .event_arg = &t,
	};
	struct replica_run_report report;
	int rc;

	if (c->json)
		t.events = cJSON_CreateArray();
	rc = replica_run(c->agent, &opts, c->scope, &report, err);
	progress_line_clear(c->line);
	if (c->json) {
		json_report(&t, &report, rc == 0 ? NULL : err);
		c->told = true;
	} else if (report.copied.source.pages + report.copied.copy.pages > 0) {
		show_report(&t, &report);
	}
	return rc;
}
