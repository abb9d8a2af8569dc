#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "rdb/cluster_slot.h"
#include "rdb/slot_set.h"

#include "agent/cmd/compare_view.h"
#include "agent/cmd/show.h"

#define WIDTH	     79
#define SLOTS_COLUMN 6
#define SLOTS_LINES  4 /* of one database, and what follows is counted */
#define KEY_MAX	     1024

static const struct {
	const char *head, *key;
} words[CHANGES] = {
    [CHANGE_MISSING] = {"MISSING", "missing in B"},
    [CHANGE_EXTRA] = {"EXTRA", "extra in B"},
    [CHANGE_TYPE] = {"TYPE", "type"},
    [CHANGE_VALUE] = {"VALUE", "value"},
    [CHANGE_TTL] = {"TTL", "TTL"},
};

static void
show_side(const struct compare_view *v, int side)
{
	const struct dataset_facts *facts = &v->c->facts[side];
	struct slot_sum total = compare_total(v, side);
	char text[300], keys[32], gone[32], at[32];
	struct slot_sums_facts counts;

	slot_sums_facts(v->c->sums[side], &counts);
	printf("%c  %s%s%s\n", 'A' + side, v->shown[side],
	    facts->server[0] != '\0' ? ", " : "", facts->server);
	if (facts->point_ms > 0)
		show_row("stands for", "%s", show_time(facts->point_ms, at));
	if (facts->part)
		show_row("filtered",
		    "a PART of its source: what the filter left "
		    "out is missing");
	snprintf(text, sizeof(text), "%s%s%s%s", show_count(counts.keys, keys),
	    counts.gone > 0 ? ", and " : "",
	    counts.gone > 0 ? show_count(counts.gone, gone) : "",
	    counts.gone > 0 ? " that have expired" : "");
	show_row("keys", "%s", text);
	slot_sum_text(&total, text);
	show_row("fingerprint", "%s", text);
}

static void
show_dbs(const struct compare_view *v)
{
	uint32_t db;

	printf("\n%3s %12s %12s", "DB", "KEYS IN A", "KEYS IN B");
	for (int i = 0; i < CHANGES && v->c->diff != NULL; i++)
		printf(" %9s", words[i].head);
	printf("\n");
	for (bool more = compare_next_db(v, NULL, &db); more;
	     more = compare_next_db(v, &db, &db)) {
		struct key_change_count count = compare_count(v, db);
		char n[32];

		printf("%3" PRIu32, db);
		for (int side = 0; side < 2; side++)
			printf(" %12s",
			    show_count(slot_sums_add_up(v->c->sums[side], db, 0,
					   CLUSTER_SLOTS - 1)
					   .keys,
				n));
		for (int i = 0; i < CHANGES && v->c->diff != NULL; i++)
			printf(" %9s",
			    show_count(
				change_count(v, &count, (enum change)i), n));
		printf("\n");
	}
}

/* Where a database's ranges stand on the page. */
struct slots_page {
	bool begun;
	uint32_t db;
	int at, lines;
	size_t left; /* ranges that found no room */
};

static void
end_db(struct slots_page *p)
{
	char n[32];

	if (p->left > 0)
		printf(", and %s more", show_count(p->left, n));
	if (p->begun)
		printf("\n");
	p->left = 0;
}

static void
show_range(struct slots_page *p, const struct slot_range *r)
{
	char text[32];
	int n = snprintf(text, sizeof(text), "%u", r->from);

	if (r->to > r->from)
		n += snprintf(text + n, sizeof(text) - (size_t)n, "-%u", r->to);
	if (!p->begun || r->db != p->db) {
		end_db(p);
		p->at = printf("%3" PRIu32 "  ", r->db);
		p->db = r->db;
		p->begun = true;
		p->lines = 1;
		printf("%s", text);
		p->at += n;
	} else if (p->at + 2 + n < WIDTH) {
		p->at += printf(", %s", text);
	} else if (p->lines < SLOTS_LINES) {
		p->at = printf(",\n%*s%s", SLOTS_COLUMN - 1, "", text) - 2;
		p->lines++;
	} else {
		p->left++;
	}
}

/* Those in which keys were found, when all keys were looked into. */
static void
show_slots(const struct compare_view *v)
{
	const struct slot_set *slots = v->c->slots;
	struct slots_page page = {0};
	struct slot_range r;

	if (compare_looked_into(v) == 1)
		slots = key_changes_slots(key_diff_changes(v->c->diff));
	if (slot_set_count(slots) == 0)
		return;
	printf("\n%3s  SLOTS THAT DIFFER\n", "DB");
	for (bool more = slot_set_next(slots, NULL, &r); more;
	     more = slot_set_next(slots, &r, &r))
		show_range(&page, &r);
	end_db(&page);
}

static void
show_facts(char side, const struct key_facts *facts)
{
	char at[32], bytes[32], n[32];

	if (facts == NULL) {
		printf("    %c  nothing\n", side);
		return;
	}
	printf("    %c  %s", side, rdb_kind_name(facts->kind));
	if (facts->kind != RDB_STRING && facts->kind != RDB_MODULE)
		printf(" of %s", show_count(facts->elements, n));
	printf(", %s", show_bytes(facts->bytes, bytes));
	if (facts->expires_ms == RDB_NO_EXPIRY) {
		printf(", no TTL\n");
		return;
	}
	/* Expiries may differ by less than a second. */
	show_time(facts->expires_ms, at);
	at[strlen(at) - 1] = '\0';
	printf(", expires %s.%03dZ\n", at, (int)(facts->expires_ms % 1000));
}

static void
show_key(const struct compare_view *v, const struct key_difference *d)
{
	const char *comma = "";
	struct buf name;

	for (int i = 0; i < CHANGES; i++) {
		if (!change_is(v, d, (enum change)i))
			continue;
		printf("%s%s", comma, words[i].key);
		comma = ", ";
	}
	buf_init(&name, KEY_MAX);
	change_key(d, &name);
	printf("  db %" PRIu32 "  %s\n", d->db, name.data);
	buf_release(&name);
	show_facts('A', change_facts(v, d, 0));
	show_facts('B', change_facts(v, d, 1));
}

static void
show_keys(const struct compare_view *v)
{
	const struct key_difference *list;
	char shown[32], all[32];
	size_t n;

	if (v->c->diff == NULL || v->c->differing == 0)
		return;
	list = key_changes_list(key_diff_changes(v->c->diff), &n);
	printf("\nkeys that differ: %s of %s%s\n", show_count(n, shown),
	    show_count(v->c->differing, all),
	    n < v->c->differing ? " (--limit shows more)" : "");
	for (size_t i = 0; i < n; i++)
		show_key(v, &list[i]);
}

static void
show_not_compared(const struct compare_view *v)
{
	struct slot_sums_facts a, b;
	char n[32];

	slot_sums_facts(v->c->sums[0], &a);
	slot_sums_facts(v->c->sums[1], &b);
	if (v->c->diff != NULL && key_diff_expiring(v->c->diff) > 0) {
		show_row("not compared",
		    "%s keys, which expired meanwhile, or fields of them",
		    show_count(key_diff_expiring(v->c->diff), n));
	}
	if (a.modules > 0 && b.modules > 0) {
		show_row("not compared", "the values of %s module keys",
		    show_count(a.modules, n));
	}
	if (!v->c->streams_compared)
		show_row("not compared",
		    "counters of streams, which an older encoding lacks");
}

static void
show_found(const struct compare_view *v)
{
	const struct dataset_comparison *c = v->c;
	double part = compare_looked_into(v);
	char n[32], of[32];

	show_row("", "%s key%s, in %s slot%s whose sum%s",
	    show_count(c->differing, n),
	    c->differing == 1 ? " differs" : "s differ",
	    show_count(slot_set_count(c->slots), of),
	    slot_set_count(c->slots) == 1 ? "" : "s",
	    slot_set_count(c->slots) == 1 ? " differed" : "s differed");
	if (part == 1)
		return;
	show_row("looked into",
	    "%.3g %% of the keys in these slots, drawn by name; about %s may "
	    "differ in all. Memory holds no more at once: --memory gives more, "
	    "--all reads again",
	    100 * part, show_count((uint64_t)((double)c->differing / part), n));
}

static void
show_result(const struct compare_view *v)
{
	static const char *const verdicts[] = {
	    [DATASET_SAME] = "the same",
	    [DATASET_DIFFERENT] = "NOT the same",
	    [DATASET_UNKNOWN] = "not known to be the same",
	};
	const struct dataset_comparison *c = v->c;
	char ms[32];

	printf("\n");
	show_row(
	    "result", "%s, after %s", verdicts[c->verdict], show_ms(v->ms, ms));
	if (c->diff != NULL)
		show_found(v);
	else if (slot_set_count(c->slots) > 0)
		show_row("", "sums of slots differ; keys were not looked for");
	if (!c->same_functions)
		show_row("", "the function libraries differ");
	show_not_compared(v);
	if (v->live && c->verdict != DATASET_SAME)
		show_row("live",
		    "what is written between the readings differs "
		    "too");
}

void
compare_show(const struct compare_view *v)
{
	show_side(v, 0);
	show_side(v, 1);
	show_result(v);
	show_dbs(v);
	show_slots(v);
	show_keys(v);
}
