#include "rdb/mem_size.h"

#define SMALLEST 8 /* zmalloc()'s and jemalloc's least */

/*
 * Between two powers of two lie four classes, at even steps; below that the
 * steps are a quantum, but for the smallest.  Beyond 14 KiB the steps are
 * pages of 4 KiB or more, which is the same rule.
 */
uint64_t
mem_given(unsigned quantum, uint64_t n)
{
	uint64_t step;

	if (n <= SMALLEST)
		return SMALLEST;
	step = (UINT64_C(1) << (63 - __builtin_clzll(n - 1))) >> 2;
	if (step < quantum)
		step = quantum;
	return (n + step - 1) & ~(step - 1);
}

uint64_t
mem_sds(uint64_t len)
{
	unsigned header = len < 32 ? 1
	    : len < 1 << 8	   ? 3
	    : len < 1 << 16	   ? 5
	    : len <= UINT32_MAX	   ? 9
				   : 17;

	return header + len + 1;
}

uint64_t
mem_slots(uint64_t n)
{
	uint64_t slots = 4; /* DICT_HT_INITIAL_SIZE */

	while (slots < n && slots < UINT64_C(1) << 62)
		slots *= 2;
	return slots;
}

/* With the length at its end, by which a listpack is walked backwards. */
static uint64_t
with_back_length(uint64_t n)
{
	return n +
	    (n < 1 << 7		  ? 1
		    : n < 1 << 14 ? 2
		    : n < 1 << 21 ? 3
		    : n < 1 << 28 ? 4
				  : 5);
}

uint64_t
mem_listpack_text(uint64_t len)
{
	unsigned header = len < 64 ? 1 : len < 4096 ? 2 : 5;

	return with_back_length(header + len);
}

uint64_t
mem_listpack_integer(int64_t n)
{
	if (n >= 0 && n <= 127)
		return 1 + 1;
	if (n >= -4096 && n <= 4095)
		return 2 + 1;
	if (n >= INT16_MIN && n <= INT16_MAX)
		return 3 + 1;
	if (n >= -(1 << 23) && n < 1 << 23)
		return 4 + 1;
	if (n >= INT32_MIN && n <= INT32_MAX)
		return 5 + 1;
	return 9 + 1;
}

uint64_t
mem_listpack(uint64_t elements_bytes)
{
	return 6 + elements_bytes + 1;
}

unsigned
mem_intset_width(int64_t least, int64_t most)
{
	if (least < INT32_MIN || most > INT32_MAX)
		return 8;
	return least < INT16_MIN || most > INT16_MAX ? 4 : 2;
}
