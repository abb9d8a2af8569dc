#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/chunk.h"
#include "base/err.h"
#include "storage/store.h"
#include "tests/sim/azure_rig.h"

#define ID "01234567-0123-4123-8123-0123456789ab"

static int
acquire(struct azure_rig *r, const char *id)
{
	r->err = (struct err){0};
	return r->store->ops->lease->acquire(
	    r->store, &r->scope, "lock", 15, id, &r->err);
}

static void
acquiring_makes_the_blob_and_repeats_one_id(void **state)
{
	static const struct azure_step steps[] = {AZURE_BUSY, AZURE_ABSENT,
	    AZURE_EXISTS, AZURE_DONE, {.status = 201}};
	struct azure_rig r;

	(void)state;
	RIG(&r, steps);
	azure_rig_ok(&r, acquire(&r, ID));
	for (size_t i = 0; i < 4; i++) {
		char *proposed;

		if (i == 2) {
			azure_rig_sent(&r, i, "If-None-Match: *\r\n");
			azure_rig_sent(&r, i, "<BlockList></BlockList>");
			continue;
		}
		proposed = azure_rig_header(&r, i, "x-ms-proposed-lease-id");
		assert_string_equal(proposed, ID);
		free(proposed);
		azure_rig_sent(&r, i, "x-ms-lease-action: acquire\r\n");
		azure_rig_sent(&r, i, "x-ms-lease-duration: 15\r\n");
	}
	/* And what is staged for that blob says whose it is. */
	r.err = (struct err){0};
	{
		struct chunk *c = chunk_view("x", 1);

		azure_rig_ok(&r,
		    r.store->ops->stage(r.store, &r.scope, "lock",
			&azure_rig_ids[0], &c, 1, &r.err));
		chunk_unref(c);
	}
	azure_rig_sent(&r, 4, "x-ms-lease-id: ");
	azure_rig_down(&r);
}

static void
a_lease_of_anothers_is_locked(void **state)
{
	static const struct azure_step steps[] = {
	    {409, CODE("LeaseAlreadyPresent"), NULL, ANSWER},
	    {409, CODE("LeaseIdMismatchWithLeaseOperation"), NULL, ANSWER},
	    {412, CODE("LeaseLost"), NULL, ANSWER},
	    {409, CODE("LeaseIdMismatchWithLeaseOperation"), NULL, ANSWER},
	};
	struct azure_rig r;

	(void)state;
	RIG(&r, steps);
	azure_rig_fails(&r, acquire(&r, ID), ERR_LOCKED, "another holds");
	for (int i = 0; i < 2; i++)
		azure_rig_fails(&r,
		    r.store->ops->lease->renew(
			r.store, &r.scope, "lock", ID, &r.err),
		    ERR_LOCKED, "Lease");
	azure_rig_fails(&r,
	    r.store->ops->lease->release(r.store, &r.scope, "lock", ID, &r.err),
	    ERR_LOCKED, "another holds");
	azure_rig_down(&r);
}

static void
a_lost_release_is_over_when_the_lease_is(void **state)
{
	static const struct azure_step steps[] = {
	    AZURE_LOST,
	    {409, CODE("LeaseIdMismatchWithLeaseOperation"), NULL, ANSWER},
	};
	struct azure_rig r;

	(void)state;
	RIG(&r, steps);
	azure_rig_ok(&r,
	    r.store->ops->lease->release(
		r.store, &r.scope, "lock", ID, &r.err));
	azure_rig_down(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(acquiring_makes_the_blob_and_repeats_one_id),
	    cmocka_unit_test(a_lease_of_anothers_is_locked),
	    cmocka_unit_test(a_lost_release_is_over_when_the_lease_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
