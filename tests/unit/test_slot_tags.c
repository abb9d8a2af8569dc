#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "rdb/cluster_slot.h"
#include "rdb/slot_tags.h"

static void
each_slot_has_a_tag_that_lies_in_it(void **state)
{
	struct slot_tags *t = slot_tags_new();
	char tag[SLOT_TAG_MAX];

	(void)state;
	for (unsigned i = CLUSTER_SLOTS; i-- > 0;) {
		slot_tag(t, (uint16_t)i, tag);
		assert_int_equal(cluster_slot(tag, strlen(tag)), i);
	}
	slot_tags_free(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_slot_has_a_tag_that_lies_in_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
