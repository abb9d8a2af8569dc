/* What a file's attribute says it carries: whatever it says, and back. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "storage/blob_traits.h"
#include "storage/file_traits.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const unsigned all = TRAIT_HEADERS | TRAIT_METADATA | TRAIT_TAGS;
	struct blob_traits first, second;
	struct arena arena = {0};
	struct buf text;

	file_traits_parse(arena_memdup(&arena, data, size), &arena, &first);
	buf_init(&text, 16 * size + 1024);
	file_traits_format(&text, &first);
	file_traits_parse(
	    arena_memdup(&arena, text.data, text.len), &arena, &second);
	/* Names that differ by case alone have no order of their own. */
	if (first.metadata.n < 2 &&
	    blob_traits_differ(&first, &second, all) != 0)
		abort();
	buf_release(&text);
	arena_release(&arena);
	return 0;
}
