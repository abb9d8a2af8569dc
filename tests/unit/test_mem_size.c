#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "rdb/mem_size.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* The table in jemalloc(3), and with --with-lg-quantum=3. */
static void
the_allocator_gives_the_next_size_class(void **state)
{
	static const uint64_t system[] = {8, 16, 32, 48, 64, 80, 96, 112, 128,
	    160, 192, 224, 256, 320, 384, 448, 512, 640, 768, 896, 1024, 1280,
	    1536, 1792, 2048, 2560, 3072, 3584, 4096, 5120, 6144, 7168, 8192,
	    10240, 12288, 14336, 16384, 20480, 24576, 28672, 32768, 40960,
	    49152, 57344, 65536, 81920};
	static const uint64_t redis[] = {
	    8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192};

	(void)state;
	for (uint64_t n = 0, i = 0; i < COUNT(system); n++) {
		assert_int_equal(mem_given(MEM_QUANTUM_SYSTEM, n), system[i]);
		i += n == system[i];
	}
	for (uint64_t n = 0, i = 0; i < COUNT(redis); n++) {
		assert_int_equal(mem_given(MEM_QUANTUM_REDIS, n), redis[i]);
		i += n == redis[i];
	}
}

static void
a_string_has_a_header_by_its_length(void **state)
{
	(void)state;
	assert_int_equal(mem_sds(0), 2);
	assert_int_equal(mem_sds(31), 1 + 31 + 1);
	assert_int_equal(mem_sds(32), 3 + 32 + 1);
	assert_int_equal(mem_sds(255), 3 + 255 + 1);
	assert_int_equal(mem_sds(256), 5 + 256 + 1);
	assert_int_equal(mem_sds(65536), 9 + 65536 + 1);
	assert_int_equal(
	    mem_sds(UINT64_C(1) << 32), 17 + (UINT64_C(1) << 32) + 1);
}

static void
a_table_has_a_power_of_two_of_slots(void **state)
{
	(void)state;
	assert_int_equal(mem_slots(0), 4);
	assert_int_equal(mem_slots(4), 4);
	assert_int_equal(mem_slots(5), 8);
	assert_int_equal(mem_slots(1 << 20), 1 << 20);
	assert_int_equal(mem_slots((1 << 20) + 1), 1 << 21);
	/* It ends, whatever a dump claims. */
	assert_int_equal(mem_slots(UINT64_MAX), UINT64_C(1) << 62);
}

static void
elements_of_a_listpack_are_as_short_as_they_can_be(void **state)
{
	(void)state;
	assert_int_equal(mem_listpack_integer(0), 2);
	assert_int_equal(mem_listpack_integer(127), 2);
	assert_int_equal(mem_listpack_integer(-1), 3);
	assert_int_equal(mem_listpack_integer(4095), 3);
	assert_int_equal(mem_listpack_integer(4096), 4);
	assert_int_equal(mem_listpack_integer(INT16_MIN), 4);
	assert_int_equal(mem_listpack_integer(1 << 22), 5);
	assert_int_equal(mem_listpack_integer(INT32_MAX), 6);
	assert_int_equal(mem_listpack_integer(INT64_MIN), 10);
	assert_int_equal(mem_listpack_text(0), 1 + 0 + 1);
	assert_int_equal(mem_listpack_text(63), 1 + 63 + 1);
	assert_int_equal(mem_listpack_text(64), 2 + 64 + 1);
	assert_int_equal(mem_listpack_text(126), 2 + 126 + 2);
	assert_int_equal(mem_listpack_text(4096), 5 + 4096 + 2);
	assert_int_equal(mem_listpack(0), 7);
}

static void
an_intset_is_as_wide_as_its_widest(void **state)
{
	(void)state;
	assert_int_equal(mem_intset_width(INT16_MIN, INT16_MAX), 2);
	assert_int_equal(mem_intset_width(0, INT16_MAX + 1), 4);
	assert_int_equal(mem_intset_width(INT32_MIN, 0), 4);
	assert_int_equal(mem_intset_width((int64_t)INT32_MIN - 1, 0), 8);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_allocator_gives_the_next_size_class),
	    cmocka_unit_test(a_string_has_a_header_by_its_length),
	    cmocka_unit_test(a_table_has_a_power_of_two_of_slots),
	    cmocka_unit_test(
		elements_of_a_listpack_are_as_short_as_they_can_be),
	    cmocka_unit_test(an_intset_is_as_wide_as_its_widest),
	};

	return cmocka_run_group_tests_name("mem_size", tests, NULL, NULL);
}
