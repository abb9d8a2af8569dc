#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "storage/blob_glob.h"
#include "storage/blob_traits.h"
#include "storage/store.h"

#include "storage/replica_filter.h"

#define TYPES_ALL (1u << BLOB_BLOCK | 1u << BLOB_PAGE | 1u << BLOB_APPEND)

static int
check_globs(const char *const *globs, const char *which, struct err *err)
{
	for (; globs != NULL && *globs != NULL; globs++) {
		if (**globs == '\0')
			return err_set(err, ERR_USAGE,
			    "an empty pattern to %s matches no name", which);
		if (glob_check(*globs, err) != 0)
			return err_in(err, "%s", which);
	}
	return 0;
}

static int
check_tags(const char *const *tags, struct err *err)
{
	for (; tags != NULL && *tags != NULL; tags++) {
		const char *value = strchr(*tags, '=');

		if (value == NULL || value == *tags)
			return err_set(err, ERR_USAGE,
			    "the tag '%s' is not NAME=VALUE", *tags);
		if (glob_check(value + 1, err) != 0)
			return err_in(err, "tag");
	}
	return 0;
}

int
replica_filter_check(const struct replica_filter *f, struct err *err)
{
	if (check_globs(f->include, "include", err) != 0 ||
	    check_globs(f->exclude, "exclude", err) != 0 ||
	    check_tags(f->tags, err) != 0)
		return -1;
	if (f->size_most != 0 && f->size_least > f->size_most)
		return err_set(err, ERR_USAGE,
		    "no blob has at least %" PRIu64 " bytes and at most "
		    "%" PRIu64,
		    f->size_least, f->size_most);
	if (f->older_ms < 0 || f->younger_ms < 0)
		return err_set(err, ERR_USAGE, "an age is not negative");
	if (f->younger_ms != 0 && f->older_ms >= f->younger_ms)
		return err_set(err, ERR_USAGE,
		    "no blob is older than %" PRId64 " ms and younger than "
		    "%" PRId64 " ms",
		    f->older_ms, f->younger_ms);
	if ((f->types & ~TYPES_ALL) != 0)
		return err_set(err, ERR_USAGE, "no such type of blob");
	return 0;
}

static bool
matches_any(const char *const *globs, const char *name)
{
	for (; *globs != NULL; globs++)
		if (glob_match(*globs, name))
			return true;
	return false;
}

/* wanted is NAME=VALUE.  Unlike those of metadata, tags' names have case. */
static bool
has_tag(const struct trait_list *tags, const char *wanted)
{
	size_t len = strcspn(wanted, "=");

	for (size_t i = 0; i < tags->n; i++) {
		const struct trait *t = &tags->list[i];

		if (strncmp(t->name, wanted, len) == 0 && t->name[len] == '\0')
			return glob_match(wanted + len + 1, t->value);
	}
	return false;
}

static bool
has_tags(const struct blob_traits *traits, const char *const *wanted)
{
	if (traits == NULL || !traits->tags_told)
		return false;
	for (; *wanted != NULL; wanted++)
		if (!has_tag(&traits->tags, *wanted))
			return false;
	return true;
}

static bool
is_within(
    const struct replica_filter *f, const struct blob_props *p, int64_t now_ms)
{
	/* Below zero where the source's clock is ahead: then it is new. */
	int64_t age_ms = now_ms - p->modified_ms;

	return p->size >= f->size_least &&
	    (f->size_most == 0 || p->size <= f->size_most) &&
	    (f->types == 0 || (f->types & 1u << p->type) != 0) &&
	    (f->older_ms == 0 || age_ms > f->older_ms) &&
	    (f->younger_ms == 0 || age_ms < f->younger_ms);
}

bool
replica_filter_takes(const struct replica_filter *f,
    const struct list_item *item, int64_t now_ms)
{
	if (f == NULL)
		return true;
	return is_within(f, &item->props, now_ms) &&
	    (f->include == NULL || f->include[0] == NULL ||
		matches_any(f->include, item->name)) &&
	    (f->exclude == NULL || !matches_any(f->exclude, item->name)) &&
	    (f->tags == NULL || f->tags[0] == NULL ||
		has_tags(item->traits, f->tags));
}

unsigned
replica_filter_needs(const struct replica_filter *f)
{
	if (f == NULL || f->tags == NULL || f->tags[0] == NULL)
		return 0;
	return LIST_TRAITS | LIST_TAGS;
}
