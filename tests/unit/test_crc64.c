#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "rdb/crc64.h"

static void
has_the_check_value_of_redis(void **state)
{
	(void)state;
	assert_true(crc64(0, "123456789", 9) == UINT64_C(0xe9c6d914c4b8d9ca));
	assert_true(crc64(0, "", 0) == 0);
}

static void
goes_on_where_it_stopped(void **state)
{
	unsigned char data[1000];
	uint64_t whole;

	(void)state;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (unsigned char)(i * i + i / 7);
	whole = crc64(0, data, sizeof(data));
	for (size_t cut = 0; cut <= sizeof(data); cut++)
		assert_true(whole ==
		    crc64(crc64(0, data, cut), data + cut, sizeof(data) - cut));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(has_the_check_value_of_redis),
	    cmocka_unit_test(goes_on_where_it_stopped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
