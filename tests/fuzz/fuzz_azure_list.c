/* List Blobs pages, sets of tags and block lists: whatever comes, nothing is
 * kept or lost. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "storage/azure_commit.h"
#include "storage/azure_list.h"
#include "storage/azure_look.h"
#include "storage/blob_traits.h"
#include "storage/store.h"

static void
list(const char *xml, size_t len, unsigned with)
{
	const struct azure_list_asked asked = {.strip = "p/", .with = with};
	struct list_page page;
	struct err err = {0};

	if (azure_list_parse(xml, len, &asked, &page, &err) == 0)
		list_page_release(&page);
}

static void
read_tags(const char *xml, size_t len)
{
	struct blob_view view = {0};
	struct azure_look look = {.arena = &view.arena};
	struct err err = {0};

	azure_look_begin(&look, &view.traits);
	azure_look_tags(&look, xml, len, &err);
	blob_view_release(&view);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct block_id ids[] = {{"0123456789abcdef00000000"}};
	const char *xml = (const char *)data;
	struct err err = {0};
	bool same;

	list(xml, size, 0);
	list(xml, size, LIST_TRAITS | LIST_TAGS | LIST_DIRECTORIES);
	read_tags(xml, size);
	azure_commit_compare(xml, size, ids, 1, &same, &err);
	return 0;
}
