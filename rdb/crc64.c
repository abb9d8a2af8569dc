#include <isa-l/crc64.h>

#include "rdb/crc64.h"

/* ISA-L inverts on the way in and out, Redis does neither. */
uint64_t
crc64(uint64_t crc, const void *data, size_t len)
{
	return ~crc64_jones_refl(~crc, data, len);
}
