#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "storage/blob_diff.h"
#include "storage/blob_traits.h"
#include "storage/store.h"

#define PAIR  "0123456789abcdef"
#define BACK  "fedcba9876543210"
#define OTHER "1111111111111111"

#define ALL (TRAIT_HEADERS | TRAIT_METADATA | TRAIT_TAGS | TRAIT_TIER)

/* One side, said as briefly as the table needs it. */
struct blob {
	uint64_t size;
	char md5; /* its every byte; 0: none */
	const char *etag;
	const char *source; /* what TRAIT_SOURCE_NAME says; NULL: nothing */
	const char *color;  /* other metadata */
	const char *tag;    /* NULL: tags were not told */
	const char *content_type;
	enum blob_type type;
	enum blob_tier tier;
	bool inferred, directory, bare; /* bare: without traits */
	const char *rehydrating, *copy_status;
};

struct row {
	const char *what;
	struct blob source;
	struct blob copy; /* etag NULL: there is none */
	enum diff_verdict verdict;
	enum diff_skip skip;
	unsigned traits;
	bool known;
	const char *name;
	bool take_archived, to_has_directories;
};

#define B(n, hash, tag, ...) \
	{ \
		.size = (n), .md5 = (hash), .etag = (tag), __VA_ARGS__ \
	}
#define D(...) \
	{ \
		__VA_ARGS__ \
	}
#define NONE D(.size = 0)
#define R(name, from, to, ...) \
	{ \
		.what = (name), .source = from, .copy = to, \
		.verdict = __VA_ARGS__ \
	}

static const struct row rows[] = {
    /* What there is none of. */
    R("no copy", B(5, 1, "\"s\""), NONE, DIFF_COPY),
    R("no copy, no traits", D(.size = 5, .etag = "s", .bare = true), NONE,
	DIFF_COPY),

    /* The same content, and not. */
    R("sizes differ", B(5, 1, "s"), B(6, 1, "c"), DIFF_COPY),
    R("MD5s differ", B(5, 1, "s"), B(5, 2, "c", PAIR ":s"), DIFF_COPY),
    R("MD5s agree", B(5, 1, "s"), B(5, 1, "c"), DIFF_SAME, .known = true),
    R("MD5s agree, and the ETag is an old one", B(5, 1, "s2"),
	B(5, 1, "c", PAIR ":s"), DIFF_SAME, .known = true),
    R("MD5s agree, sizes do not", B(5, 1, "s"), B(6, 1, "c", PAIR ":s"),
	DIFF_COPY),
    R("an MD5 on the source alone", B(5, 1, "s"), B(5, 0, "c"), DIFF_COPY),
    R("an MD5 on the copy alone", B(5, 0, "s"), B(5, 1, "c"), DIFF_COPY),
    R("no MD5", B(5, 0, "s"), B(5, 0, "c"), DIFF_COPY),
    R("no bytes", B(0, 0, "s"), B(0, 0, "c"), DIFF_SAME, .known = true),
    R("no bytes, no traits", D(.etag = "s", .bare = true),
	D(.etag = "c", .bare = true), DIFF_SAME, .known = true),
    R("MD5s agree, no traits", B(5, 1, "s", .bare = true),
	B(5, 1, "c", .bare = true), DIFF_SAME, .known = true),
    R("a page blob's MD5 says nothing", B(512, 1, "s", .type = BLOB_PAGE),
	B(512, 1, "c", .type = BLOB_PAGE), DIFF_COPY),
    R("an append blob's MD5 says nothing", B(5, 1, "s", .type = BLOB_APPEND),
	B(5, 1, "c"), DIFF_COPY),

    /* By the ETag that was recorded. */
    R("recorded", B(5, 0, "\"s\""), B(5, 0, "c", PAIR ":s"), DIFF_SAME),
    R("recorded, without quotes", B(5, 0, "s"), B(5, 0, "c", PAIR ":s"),
	DIFF_SAME),
    R("recorded, an MD5 on one side", B(5, 1, "s"), B(5, 0, "c", PAIR ":s"),
	DIFF_SAME),
    R("recorded of a page blob", B(512, 1, "\"s\"", .type = BLOB_PAGE),
	B(512, 2, "c", PAIR ":s", .type = BLOB_PAGE), DIFF_SAME),
    R("recorded, by a copy that goes on", B(512, 0, "s", .type = BLOB_PAGE),
	B(512, 0, "c", PAIR ":s", .type = BLOB_PAGE, .copy_status = "pending"),
	DIFF_COPY),
    R("recorded, by a copy that failed", B(512, 0, "s", .type = BLOB_PAGE),
	B(512, 0, "c", PAIR ":s", .type = BLOB_PAGE, .copy_status = "failed"),
	DIFF_COPY),
    R("recorded, by a copy that ended", B(512, 0, "s", .type = BLOB_PAGE),
	B(512, 0, "c", PAIR ":s", .type = BLOB_PAGE, .copy_status = "success"),
	DIFF_SAME),
    R("recorded, but of another size", B(5, 0, "s"), B(6, 0, "c", PAIR ":s"),
	DIFF_COPY),
    R("an ETag that began so", B(5, 0, "\"s\""), B(5, 0, "c", PAIR ":s2"),
	DIFF_COPY),
    R("an ETag that goes on", B(5, 0, "\"s2\""), B(5, 0, "c", PAIR ":s"),
	DIFF_COPY),
    R("recorded by another pair", B(5, 0, "s"), B(5, 0, "c", OTHER ":s"),
	DIFF_COPY),
    R("recorded by the back pair, at the copy", B(5, 0, "s"),
	B(5, 0, "c", BACK ":s"), DIFF_COPY),
    R("recorded by no pair", B(5, 0, "s"), B(5, 0, "c", ":s"), DIFF_COPY),
    R("recorded nothing", B(5, 0, ""), B(5, 0, "c", PAIR ":"), DIFF_COPY),
    R("recorded without a colon", B(5, 0, "s"), B(5, 0, "c", PAIR ".s"),
	DIFF_COPY),

    /* What the back pair wrote at the source. */
    R("ours, as it still is", B(5, 0, "s", BACK ":c"), B(5, 0, "\"c\""),
	DIFF_SAME),
    R("ours, and both have MD5s", B(5, 1, "s", BACK ":c"), B(5, 1, "\"c\""),
	DIFF_SAME, .known = true),
    R("ours, and changed there", B(5, 0, "s", BACK ":c"), B(5, 0, "c2"),
	DIFF_SKIP, SKIP_OURS),
    R("ours, and changed there, as the MD5s say", B(5, 1, "s", BACK ":c"),
	B(5, 2, "c2"), DIFF_SKIP, SKIP_OURS),
    R("ours, and longer there", B(5, 0, "s", BACK ":c"), B(9, 0, "c2"),
	DIFF_SKIP, SKIP_OURS),
    R("ours, and the other place was lost", B(5, 0, "s", BACK ":c"), NONE,
	DIFF_COPY),
    R("ours, and appended to here",
	B(9, 0, "s2", BACK ":c", .type = BLOB_APPEND),
	B(5, 0, "c", .type = BLOB_APPEND), DIFF_COPY),
    R("ours, appended to nowhere", B(5, 0, "s", BACK ":c", .type = BLOB_APPEND),
	B(5, 0, "c", .type = BLOB_APPEND), DIFF_SAME),
    R("ours, a disk that may have been written to",
	B(512, 0, "s2", BACK ":c", .type = BLOB_PAGE),
	B(512, 0, "c", .type = BLOB_PAGE), DIFF_COPY),
    R("another pair's here", B(5, 0, "s", OTHER ":c"), B(5, 0, "c2"),
	DIFF_COPY),

    /* What it carries. */
    R("metadata differ", B(5, 1, "s", .color = "red"),
	B(5, 1, "c", .color = "blue"), DIFF_MEND, 0, TRAIT_METADATA, true),
    R("metadata are missing", B(5, 0, "s", .color = "red"),
	B(5, 0, "c", PAIR ":s"), DIFF_MEND, 0, TRAIT_METADATA),
    R("our own name is no difference", B(5, 1, "s", OTHER ":x", "red"),
	B(5, 1, "c", PAIR ":s", "red"), DIFF_SAME, .known = true),
    R("headers differ", B(5, 1, "s", .content_type = "text/css"), B(5, 1, "c"),
	DIFF_MEND, 0, TRAIT_HEADERS, true),
    R("tags differ", B(5, 1, "s", .tag = "x"), B(5, 1, "c", .tag = "y"),
	DIFF_MEND, 0, TRAIT_TAGS, true),
    R("tags not told there", B(5, 1, "s", .tag = "x"), B(5, 1, "c"), DIFF_SAME,
	.known = true),
    R("tags not told here", B(5, 1, "s"), B(5, 1, "c", .tag = "x"), DIFF_SAME,
	.known = true),
    R("tiers differ", B(5, 1, "s", .tier = TIER_COOL),
	B(5, 1, "c", .tier = TIER_HOT), DIFF_MEND, 0, TRAIT_TIER, true),
    R("a tier that is the account's",
	B(5, 1, "s", .tier = TIER_COOL, .inferred = true),
	B(5, 1, "c", .tier = TIER_HOT), DIFF_SAME, .known = true),
    R("all of them",
	B(5, 1, "s", .color = "a", .tag = "a", .content_type = "a/a",
	    .tier = TIER_HOT),
	B(5, 1, "c", .tag = "b", .tier = TIER_COLD), DIFF_MEND, 0, ALL, true),
    R("differences of what is copied do not matter", B(5, 1, "s", .color = "a"),
	B(6, 1, "c"), DIFF_COPY),
    R("traits on one side alone", B(5, 1, "s", .color = "a"),
	B(5, 1, "c", .bare = true), DIFF_SAME, .known = true),

    /* What cannot be copied. */
    R("archived", B(5, 1, "s", .tier = TIER_ARCHIVE), NONE, DIFF_SKIP,
	SKIP_ARCHIVED),
    R("archived, and allowed", B(5, 1, "s", .tier = TIER_ARCHIVE), NONE,
	DIFF_COPY, .take_archived = true),
    R("archived, and another is there", B(5, 1, "s", .tier = TIER_ARCHIVE),
	B(6, 1, "c", .tier = TIER_HOT), DIFF_SKIP, SKIP_ARCHIVED),
    R("archived after it was copied", B(5, 1, "s", .tier = TIER_ARCHIVE),
	B(5, 1, "c", .tier = TIER_HOT), DIFF_MEND, 0, TRAIT_TIER, true),
    R("on its way out of the archive",
	B(5, 1, "s", .tier = TIER_ARCHIVE,
	    .rehydrating = "rehydrate-pending-to-hot"),
	NONE, DIFF_SKIP, SKIP_REHYDRATING),
    R("on its way, though it is allowed",
	B(5, 1, "s", .tier = TIER_ARCHIVE,
	    .rehydrating = "rehydrate-pending-to-hot"),
	NONE, DIFF_SKIP, SKIP_REHYDRATING, .take_archived = true),
    R("on its way, and its copy is there",
	B(5, 1, "s", .tier = TIER_ARCHIVE,
	    .rehydrating = "rehydrate-pending-to-hot"),
	B(5, 1, "c", .tier = TIER_HOT), DIFF_SAME, .known = true),
    R("written by a copy", B(5, 0, "s", .copy_status = "pending"), NONE,
	DIFF_SKIP, SKIP_PENDING_COPY),
    R("written by a copy, once", B(5, 0, "s", .copy_status = "success"), NONE,
	DIFF_COPY),
    R("a name that none can have", B(5, 1, "s"), NONE, DIFF_SKIP, SKIP_NAME,
	.name = "a/../b"),
    R("a name that it has all the same", B(5, 1, "s"), B(6, 1, "c"), DIFF_COPY,
	.name = "a/../b"),

    /* Directories. */
    R("a directory", B(0, 0, "s", .directory = true), NONE, DIFF_SKIP,
	SKIP_DIRECTORY),
    R("a directory, where there is a blob", B(0, 0, "s", .directory = true),
	B(0, 0, "c"), DIFF_SKIP, SKIP_DIRECTORY),
    R("a directory to make", B(0, 0, "s", .directory = true), NONE, DIFF_COPY,
	.to_has_directories = true),
    R("a directory that is there", B(0, 0, "s", .directory = true),
	B(0, 0, "c", .directory = true), DIFF_SAME, .known = true,
	.to_has_directories = true),
    R("a directory and a blob of its name", B(0, 0, "s", .directory = true),
	B(0, 0, "c"), DIFF_COPY, .to_has_directories = true),
    R("what is marked so and has bytes", B(5, 1, "s", .directory = true), NONE,
	DIFF_COPY),
};

struct side {
	struct list_item item;
	struct blob_traits traits;
	struct trait metadata[2], tags[1];
	char name[32];
};

static void
set_traits(struct side *s, const struct blob *b)
{
	struct blob_traits *t = &s->traits;

	*t = (struct blob_traits){
	    .content_type = b->content_type,
	    .metadata.list = s->metadata,
	    .tags.list = s->tags,
	    .tags_told = b->tag != NULL,
	    .tier = b->tier,
	    .tier_is_inferred = b->inferred,
	    .rehydrating = b->rehydrating,
	    .is_directory = b->directory,
	    .copy_status = b->copy_status,
	};
	if (b->color != NULL)
		s->metadata[t->metadata.n++] = (struct trait){
		    "color", b->color};
	if (b->source != NULL)
		s->metadata[t->metadata.n++] = (struct trait){
		    "Drsync_Source", b->source};
	if (b->tag != NULL)
		s->tags[t->tags.n++] = (struct trait){"tag", b->tag};
}

static const struct list_item *
make(struct side *s, const char *name, const struct blob *b)
{
	if (b->etag == NULL)
		return NULL;
	*s = (struct side){0};
	strcpy(s->name, name != NULL ? name : "name");
	s->item.name = s->name;
	s->item.props.size = b->size;
	s->item.props.type = b->type;
	s->item.props.has_md5 = b->md5 != 0;
	memset(s->item.props.md5, b->md5, MD5_BYTES);
	strcpy(s->item.props.etag, b->etag);
	set_traits(s, b);
	s->item.traits = b->bare ? NULL : &s->traits;
	return &s->item;
}

static void
decides_as_the_table_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		struct diff_opts opts = {
		    .pair = PAIR,
		    .back_pair = BACK,
		    .traits = ALL,
		    .take_archived = r->take_archived,
		    .to_has_directories = r->to_has_directories,
		};
		struct side source, copy;
		struct diff d;

		memset(&d, 0xff, sizeof(d));
		blob_diff(&opts, make(&source, r->name, &r->source),
		    make(&copy, r->name, &r->copy), &d);
		if (d.verdict != r->verdict || d.skip != r->skip ||
		    d.traits != r->traits || d.content_known != r->known)
			fail_msg("%s: verdict %d skip %d traits %x known %d",
			    r->what, (int)d.verdict, (int)d.skip, d.traits,
			    d.content_known);
	}
}

static void
only_what_is_asked_for_is_mended(void **state)
{
	struct diff_opts opts = {.pair = PAIR, .traits = TRAIT_TAGS};
	struct blob here = B(5, 1, "s", .color = "a", .tag = "x");
	struct blob there = B(5, 1, "c", .color = "b", .tag = "y");
	struct side source, copy;
	struct diff d;

	(void)state;
	blob_diff(
	    &opts, make(&source, NULL, &here), make(&copy, NULL, &there), &d);
	assert_int_equal(d.verdict, DIFF_MEND);
	assert_int_equal(d.traits, TRAIT_TAGS);
	opts.traits = 0;
	blob_diff(
	    &opts, make(&source, NULL, &here), make(&copy, NULL, &there), &d);
	assert_int_equal(d.verdict, DIFF_SAME);
}

static void
every_skip_has_a_name_of_its_own(void **state)
{
	(void)state;
	for (int i = 0; i < SKIPS; i++) {
		assert_non_null(diff_skip_name(i));
		assert_true(i <= SKIP_FILTERED || diff_skip_advice(i) != NULL);
		for (int j = 0; j < i; j++)
			assert_string_not_equal(
			    diff_skip_name(i), diff_skip_name(j));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(decides_as_the_table_says),
	    cmocka_unit_test(only_what_is_asked_for_is_mended),
	    cmocka_unit_test(every_skip_has_a_name_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
