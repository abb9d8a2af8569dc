#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "rdb/cluster_slot.h"

static unsigned
slot(const char *key)
{
	return cluster_slot(key, strlen(key));
}

/* The check value that the cluster specification gives. */
static void
the_crc_is_the_specifications(void **state)
{
	(void)state;
	assert_int_equal(cluster_crc16("123456789", 9), 0x31c3);
	assert_int_equal(cluster_crc16("", 0), 0);
	assert_int_equal(cluster_crc16("\xff", 1), 0x1ef0);
}

/* As CLUSTER KEYSLOT of Redis 7.0.15 answers. */
static void
slots_are_those_of_a_server(void **state)
{
	(void)state;
	assert_int_equal(slot("foo"), 12182);
	assert_int_equal(slot("bar"), 5061);
	assert_int_equal(slot("123456789"), 0x31c3);
	assert_int_equal(slot(""), 0);
	assert_int_equal(
	    cluster_slot("a\0b", 3), cluster_crc16("a\0b", 3) % CLUSTER_SLOTS);
}

static void
a_hash_tag_stands_for_the_key(void **state)
{
	(void)state;
	assert_int_equal(slot("{user1000}.following"), slot("user1000"));
	assert_int_equal(slot("{user1000}.followers"), slot("user1000"));
	assert_int_equal(slot("foo{bar}{zap}"), slot("bar"));
	assert_int_equal(slot("foo{{bar}}zap"), slot("{bar"));
	assert_int_equal(slot("}{user1000}"), slot("user1000"));
}

static void
an_empty_or_open_tag_does_not(void **state)
{
	static const char *const whole[] = {
	    "foo{}{bar}", "foo{bar", "foo}bar{", "{}", "{"};

	(void)state;
	for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++)
		assert_int_equal(slot(whole[i]),
		    cluster_crc16(whole[i], strlen(whole[i])) % CLUSTER_SLOTS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_crc_is_the_specifications),
	    cmocka_unit_test(slots_are_those_of_a_server),
	    cmocka_unit_test(a_hash_tag_stands_for_the_key),
	    cmocka_unit_test(an_empty_or_open_tag_does_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
