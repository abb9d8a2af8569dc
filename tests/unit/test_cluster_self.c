/* What a server of a cluster says of itself, and what is no such thing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "rdb/cluster_self.h"

#define ID "0cd238e72cd619cb77bd6774fcd4d613da53cbad"
#define OTHER \
	ID " 127.0.0.1:7001@17001 master - 0 1795282728352 2 connected " \
	   "0-5459 [5460->-" ID "]\n"

static unsigned
owned(const struct cluster_self *self)
{
	unsigned n = 0;

	for (unsigned s = 0; s < CLUSTER_SLOTS; s++)
		n += self->owns[s];
	return n;
}

static void
must_tell(const char *text, struct cluster_self *self)
{
	struct err err = {0};

	if (cluster_self_parse(text, self, &err) != 0)
		fail_msg("%s: %s", text, err.text);
}

static void
only_its_own_line_counts(void **state)
{
	struct cluster_self self;

	(void)state;
	must_tell(OTHER ID " 127.0.0.1:7002@17002,host.example myself,master "
			   "- 0 0 3 connected 5460 5462-5500 16383\n",
	    &self);
	assert_true(self.is_primary);
	assert_string_equal(self.id, ID);
	assert_int_equal(self.epoch, 3);
	assert_int_equal(owned(&self), 41);
	assert_true(self.owns[5460] && !self.owns[5461] && self.owns[16383]);
	assert_int_equal(self.moving, 0);
	must_tell(ID " :0@0 myself,slave " ID " 0 0 3 connected", &self);
	assert_false(self.is_primary);
	assert_int_equal(owned(&self), 0);
	must_tell(ID
	    " 127.0.0.1:7002@17002 master,myself - 0 0 3 connected\r\n",
	    &self);
	assert_true(self.is_primary);
}

static void
slots_on_their_way_are_counted_in_either_direction(void **state)
{
	struct cluster_self self;

	(void)state;
	must_tell(ID " 127.0.0.1:7002@17002 myself,master - 0 0 3 connected "
		     "0-5460 [77->-" ID "] [93-<-" ID "]\n",
	    &self);
	assert_int_equal(self.moving, 2);
	assert_int_equal(owned(&self), 5461);
}

static void
what_makes_no_sense_is_refused(void **state)
{
	static const char *const bad[] = {
	    "",
	    "\n\n",
	    OTHER,
	    "x",
	    "id addr myself",
	    "id addr myself,master - 0 0",
	    "id addr himself,master - 0 0 3 connected 1",
	    "id addr myself,master - 0 0 3 connected 16384",
	    "id addr myself,master - 0 0 3 connected 5-16384",
	    "id addr myself,master - 0 0 3 connected 9-3",
	    "id addr myself,master - 0 0 3 connected -1",
	    "id addr myself,master - 0 0 3 connected 1-",
	    "id addr myself,master - 0 0 3 connected 1-2x",
	    "id addr myself,master - 0 0 3 connected x",
	    "id addr myself,master - 0 0 3 connected 99999999999999999999",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct cluster_self self;
		struct err err = {0};

		if (cluster_self_parse(bad[i], &self, &err) == 0)
			fail_msg("'%s' was not missed", bad[i]);
		assert_int_equal(err.kind, ERR_CORRUPT);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(only_its_own_line_counts),
	    cmocka_unit_test(
		slots_on_their_way_are_counted_in_either_direction),
	    cmocka_unit_test(what_makes_no_sense_is_refused),
	};

	return cmocka_run_group_tests_name("cluster_self", tests, NULL, NULL);
}
