#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "storage/azure_commit.h"
#include "storage/store.h"
#include "tests/sim/azure_rig.h"

/* Get Block List: what azure_rig_commit() leaves, and another's. */
#define BLOCK(id) "<Block><Name>" id "</Name><Size>5</Size></Block>"
#define LIST(blocks) \
	"<?xml version=\"1.0\"?><BlockList><CommittedBlocks>" blocks \
	"</CommittedBlocks></BlockList>"
#define OURS \
	{ \
		200, CREATED, \
		    LIST(BLOCK("0123456789abcdef00000000") \
			    BLOCK("0123456789abcdef00000001")), \
		    ANSWER \
	}
#define THEIRS \
	{ \
		200, CREATED, LIST(BLOCK("ffff456789abcdef00000000")), ANSWER \
	}

static void
commits_what_was_asked(void **state)
{
	static const struct azure_step steps[] = {AZURE_DONE};
	struct azure_rig r;

	(void)state;
	RIG(&r, steps);
	azure_rig_ok(&r, azure_rig_commit(&r));
	azure_rig_sent(&r, 0, "PUT /acct/cont/pre%20fix/blob?comp=blocklist ");
	azure_rig_sent(&r, 0, "If-None-Match: *\r\n");
	azure_rig_sent(&r, 0, "x-ms-blob-content-type: application/gzip\r\n");
	azure_rig_sent(
	    &r, 0, "x-ms-blob-content-md5: MDEyMzQ1Njc4OWFiY2RlZg==\r\n");
	azure_rig_sent(&r, 0, "Content-MD5: ");
	azure_rig_sent(&r, 0,
	    "<BlockList><Latest>0123456789abcdef00000000</Latest>"
	    "<Latest>0123456789abcdef00000001</Latest></BlockList>");
	azure_rig_down(&r);
}

static void
a_lost_commit_is_read_back_before_it_goes_again(void **state)
{
	static const struct azure_step landed[] = {AZURE_LOST, OURS};
	static const struct azure_step busy_landed[] = {AZURE_BUSY, OURS};
	static const struct azure_step not_landed[] = {
	    AZURE_LOST, AZURE_ABSENT, AZURE_DONE};
	static const struct azure_step landed_late[] = {
	    AZURE_LOST, AZURE_ABSENT, AZURE_EXISTS, OURS};
	static const struct azure_step twice[] = {AZURE_LOST, AZURE_BUSY,
	    AZURE_ABSENT, AZURE_LOST, THEIRS, AZURE_EXISTS, OURS};
	static const struct {
		const struct azure_step *steps;
		size_t n;
	} cases[] = {
	    {landed, 2},
	    {busy_landed, 2},
	    {not_landed, 3},
	    {landed_late, 4},
	    {twice, 7},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct azure_rig r;

		azure_rig_up(&r, cases[i].steps, cases[i].n);
		azure_rig_ok(&r, azure_rig_commit(&r));
		azure_rig_sent(&r, 1,
		    "GET /acct/cont/pre%20fix/blob"
		    "?comp=blocklist&blocklisttype=committed ");
		azure_rig_down(&r);
	}
}

static void
a_conflict_with_another_stays_one(void **state)
{
	static const struct azure_step at_once[] = {AZURE_EXISTS};
	static const struct azure_step after[] = {
	    AZURE_LOST, THEIRS, AZURE_EXISTS, THEIRS};
	struct azure_rig r;

	(void)state;
	RIG(&r, at_once);
	azure_rig_fails(
	    &r, azure_rig_commit(&r), ERR_CONFLICT, "BlobAlreadyExists");
	azure_rig_down(&r);
	RIG(&r, after);
	azure_rig_fails(
	    &r, azure_rig_commit(&r), ERR_CONFLICT, "BlobAlreadyExists");
	azure_rig_down(&r);
}

static void
a_commit_that_cannot_be_read_back_is_unknown(void **state)
{
	static const struct azure_step refused[] = {
	    AZURE_LOST, {403, CODE("AuthenticationFailed"), NULL, ANSWER}};
	static const struct azure_step garbage[] = {
	    AZURE_LOST, {200, CREATED, "<html/>", ANSWER}};
	static const struct azure_step then_refused[] = {AZURE_LOST,
	    AZURE_ABSENT, {403, CODE("AuthenticationFailed"), NULL, ANSWER},
	    AZURE_ABSENT};
	static const struct azure_step over[] = {
	    {503, CODE("ServerBusy") "Retry-After: 200\r\n", NULL, ANSWER}};
	struct azure_rig r;

	(void)state;
	RIG(&r, refused);
	azure_rig_fails(
	    &r, azure_rig_commit(&r), ERR_UNREACHABLE, "it is not known");
	azure_rig_down(&r);
	RIG(&r, garbage);
	azure_rig_fails(
	    &r, azure_rig_commit(&r), ERR_UNREACHABLE, "it is not known");
	azure_rig_down(&r);
	/* The lost one may be on its way yet. */
	RIG(&r, then_refused);
	azure_rig_fails(
	    &r, azure_rig_commit(&r), ERR_UNREACHABLE, "it is not known");
	azure_rig_down(&r);
	RIG(&r, over);
	azure_rig_fails(
	    &r, azure_rig_commit(&r), ERR_UNREACHABLE, "it is not known");
	azure_rig_down(&r);
}

/* A list that is longer, shorter or in another order is another's. */
static void
only_the_same_blocks_in_the_same_order_are_ours(void **state)
{
#define A BLOCK("0123456789abcdef00000000")
#define B BLOCK("0123456789abcdef00000001")
	static const struct {
		const char *xml;
		bool same;
	} cases[] = {
	    {LIST(A B), true},
	    {LIST(B A), false},
	    {LIST(A), false},
	    {LIST(A B B), false},
	    {LIST(""), false},
	    {"<BlockList><UncommittedBlocks>" A B
	     "</UncommittedBlocks></BlockList>",
		false},
	};
	struct err err = {0};
	bool same;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_int_equal(
		    azure_commit_compare(cases[i].xml, strlen(cases[i].xml),
			azure_rig_ids, 2, &same, &err),
		    0);
		assert_int_equal(same, cases[i].same);
	}
	assert_int_equal(
	    azure_commit_compare("<x/>", 4, azure_rig_ids, 2, &same, &err), -1);
	assert_int_equal(err.kind, ERR_CORRUPT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(commits_what_was_asked),
	    cmocka_unit_test(a_lost_commit_is_read_back_before_it_goes_again),
	    cmocka_unit_test(a_conflict_with_another_stays_one),
	    cmocka_unit_test(a_commit_that_cannot_be_read_back_is_unknown),
	    cmocka_unit_test(only_the_same_blocks_in_the_same_order_are_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
