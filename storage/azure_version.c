#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "storage/blob_traits.h"
#include "storage/store.h"

#include "storage/azure_version.h"

/* Ids are instants, whose text ascends with them.  False: past the blob. */
static bool
take_newer(
    const struct list_item *item, const char *blob, char id[AZURE_VERSION_SIZE])
{
	const struct blob_traits *t = item->traits;

	if (strcmp(item->name, blob) != 0)
		return false;
	if (t != NULL && t->version != NULL && !t->is_deleted &&
	    strlen(t->version) < AZURE_VERSION_SIZE &&
	    strcmp(t->version, id) > 0)
		snprintf(id, AZURE_VERSION_SIZE, "%s", t->version);
	return true;
}

/* Accounts with a hierarchical namespace do not know the question. */
static bool
keeps_none(const struct err *err)
{
	return err->status == 400;
}

int
azure_version_last(struct store *s, const struct scope *scope, const char *blob,
    char id[AZURE_VERSION_SIZE], struct err *err)
{
	const struct list_opts opts = {
	    .prefix = blob, .with = LIST_TRAITS | LIST_VERSIONS};
	char *marker = NULL;
	bool more = true;
	int rc;

	id[0] = '\0';
	/* Of all names that begin so, the blob's own comes first. */
	do {
		struct list_page page = {0};

		rc = s->ops->list(s, scope, &opts, marker, &page, err);
		for (size_t i = 0; rc == 0 && more && i < page.n; i++)
			more = take_newer(&page.items[i], blob, id);
		free(marker);
		marker = page.next;
		page.next = NULL;
		list_page_release(&page);
	} while (rc == 0 && more && marker != NULL);
	free(marker);
	if (rc != 0 && keeps_none(err)) {
		*err = (struct err){0};
		return 0;
	}
	return rc;
}
