#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "storage/azure_uncommitted.h"
#include "storage/store.h"
#include "tests/sim/azure_rig.h"

#define HEAD	  "<?xml version=\"1.0\"?><BlockList>"
#define BLOCK(id) "<Block><Name>" id "</Name><Size>5</Size></Block>"
#define FIRST	  "0123456789abcdef00000000"
#define SECOND	  "0123456789abcdef00000001"

static int
staged(struct azure_rig *r, bool there[2])
{
	r->err = (struct err){0};
	there[0] = there[1] = false;
	return r->store->ops->copy->staged(
	    r->store, &r->scope, "blob", azure_rig_ids, 2, there, &r->err);
}

static void
blocks_that_wait_are_found_among_others(void **state)
{
	static const struct azure_step steps[] = {
	    AZURE_LOST,
	    {200, NULL,
		HEAD "<CommittedBlocks>" BLOCK(
		    FIRST) "</CommittedBlocks>"
			   "<UncommittedBlocks>" BLOCK("QUFBQQ==") BLOCK(SECOND)
			       BLOCK(SECOND) "</UncommittedBlocks></BlockList>",
		ANSWER},
	    AZURE_ABSENT,
	};
	struct azure_rig r;
	bool there[2];

	(void)state;
	RIG(&r, steps);
	azure_rig_ok(&r, staged(&r, there));
	azure_rig_sent(&r, 1,
	    "GET /acct/cont/pre%20fix/blob?comp=blocklist"
	    "&blocklisttype=uncommitted HTTP");
	assert_false(there[0]);
	assert_true(there[1]);
	azure_rig_ok(&r, staged(&r, there));
	assert_false(there[0] || there[1]);
	azure_rig_down(&r);
}

static void
what_is_no_block_list_is_an_error(void **state)
{
	static const struct azure_step steps[] = {
	    {200, NULL, "<html></html>", ANSWER},
	    {200, NULL, HEAD "<UncommittedBlocks>", ANSWER},
	    {404, CODE("ContainerNotFound"), NULL, ANSWER},
	};
	struct azure_rig r;
	bool there[2];

	(void)state;
	RIG(&r, steps);
	azure_rig_fails(&r, staged(&r, there), ERR_CORRUPT, "no block list");
	azure_rig_fails(&r, staged(&r, there), ERR_CORRUPT,
	    "listing the uncommitted blocks of 'blob'");
	azure_rig_fails(
	    &r, staged(&r, there), ERR_SERVER, "container does not exist");
	azure_rig_down(&r);
}

/* As many as the service keeps, each of them ours; and one more. */
static void
a_hundred_thousand_are_looked_up_and_no_more(void **state)
{
	enum { MANY = 100000, OURS = 50000 };
	static struct block_id ids[OURS];
	static bool there[OURS];
	struct err err = {0};
	struct buf xml;

	(void)state;
	buf_init(&xml, (size_t)32 << 20);
	buf_adds(&xml, HEAD "<UncommittedBlocks>");
	for (unsigned i = 0; i < MANY; i++)
		buf_addf(&xml, BLOCK("%024x"), MANY - 1 - i);
	for (unsigned i = 0; i < OURS; i++)
		snprintf(ids[i].hex, sizeof(ids[i].hex), "%024x",
		    i < OURS - 1 ? 2 * i : MANY);
	buf_adds(&xml, "</UncommittedBlocks></BlockList>");
	assert_int_equal(
	    azure_uncommitted_parse(xml.data, xml.len, ids, OURS, there, &err),
	    0);
	for (unsigned i = 0; i < OURS; i++)
		assert_int_equal(there[i], i < OURS - 1);
	buf_truncate(
	    &xml, xml.len - strlen("</UncommittedBlocks></BlockList>"));
	buf_adds(&xml, BLOCK(FIRST) "</UncommittedBlocks></BlockList>");
	assert_int_equal(
	    azure_uncommitted_parse(xml.data, xml.len, ids, OURS, there, &err),
	    -1);
	assert_int_equal(err.kind, ERR_CORRUPT);
	buf_release(&xml);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(blocks_that_wait_are_found_among_others),
	    cmocka_unit_test(what_is_no_block_list_is_an_error),
	    cmocka_unit_test(a_hundred_thousand_are_looked_up_and_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
