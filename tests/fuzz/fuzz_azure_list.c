/* List Blobs pages and block lists: whatever comes, nothing is kept or lost. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "storage/azure_commit.h"
#include "storage/azure_list.h"
#include "storage/store.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct block_id ids[] = {{"0123456789abcdef00000000"}};
	struct list_page page;
	struct err err = {0};
	bool same;

	if (azure_list_parse((const char *)data, size, "p/", &page, &err) == 0)
		list_page_release(&page);
	azure_commit_compare((const char *)data, size, ids, 1, &same, &err);
	return 0;
}
