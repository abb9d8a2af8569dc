#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/quantity.h"
#include "base/xalloc.h"

#include "agent/job/replica_settings.h"
#include "agent/job/settings.h"

enum list { LIST_INCLUDE, LIST_EXCLUDE, LIST_TAGS_WANTED };

/* By commas, NULL-ended; a backslash takes a comma as it is, and leaves what
 * else it stands before to who reads the part. */
static char **
split(const char *text)
{
	char *copy = xstrdup(text), *to = copy, *begin = copy;
	char **list = xcalloc(strlen(text) + 2, sizeof(*list));
	size_t n = 0;

	for (const char *p = text;; p++) {
		if (*p == '\\' && p[1] == ',') {
			*to++ = *++p;
			continue;
		}
		if (*p != ',' && *p != '\0') {
			*to++ = *p;
			continue;
		}
		*to++ = '\0';
		if (*begin != '\0')
			list[n++] = xstrdup(begin);
		begin = to;
		if (*p == '\0')
			break;
	}
	free(copy);
	return list;
}

static void
free_list(char **list)
{
	if (list == NULL)
		return;
	for (char **p = list; *p != NULL; p++)
		free(*p);
	free(list);
}

static const char *const *
take_list(struct replica_settings *r, const struct settings *s, enum option o,
    enum list which)
{
	const char *text = settings_str(s, o);

	if (text == NULL)
		return NULL;
	r->lists[which] = split(text);
	return (const char *const *)r->lists[which];
}

/* "A..B", cut in place; what is not bounded is "". */
static int
split_range(char *text, const char **least, const char **most, struct err *err)
{
	char *dots = strstr(text, "..");

	if (dots == NULL || strlen(text) == 2)
		return err_set(err, ERR_USAGE,
		    "'%.40s' is no range, which is written A.., ..B or A..B",
		    text);
	*dots = '\0';
	*least = text;
	*most = dots + 2;
	return 0;
}

static int
take_sizes(struct replica_settings *r, char *text, struct err *err)
{
	const char *least = "", *most = "";

	if (split_range(text, &least, &most, err) != 0 ||
	    (*least != '\0' &&
		quantity_bytes(least, &r->filter.size_least, err) != 0) ||
	    (*most != '\0' &&
		quantity_bytes(most, &r->filter.size_most, err) != 0))
		return -1;
	return 0;
}

static int
take_ages(struct replica_settings *r, char *text, struct err *err)
{
	const char *least = "", *most = "";

	if (split_range(text, &least, &most, err) != 0 ||
	    (*least != '\0' &&
		quantity_ms(least, &r->filter.older_ms, err) != 0) ||
	    (*most != '\0' &&
		quantity_ms(most, &r->filter.younger_ms, err) != 0))
		return -1;
	return 0;
}

struct word {
	const char *text;
	unsigned bit;
};

static int
take_words(
    const char *text, const struct word *words, unsigned *bits, struct err *err)
{
	char **list = split(text);
	int rc = 0;

	*bits = 0;
	for (char **p = list; rc == 0 && *p != NULL; p++) {
		const struct word *w = words;

		while (w->text != NULL && strcmp(w->text, *p) != 0)
			w++;
		*bits |= w->bit;
		if (w->text == NULL)
			rc = err_set(
			    err, ERR_USAGE, "'%.40s' is not known", *p);
	}
	free_list(list);
	return rc;
}

static int
take_types(struct replica_settings *r, char *text, struct err *err)
{
	static const struct word words[] = {{"block", 1 << BLOB_BLOCK},
	    {"page", 1 << BLOB_PAGE}, {"append", 1 << BLOB_APPEND}, {0}};

	return take_words(text, words, &r->filter.types, err);
}

static int
take_carry(struct replica_settings *r, char *text, struct err *err)
{
	static const struct word words[] = {{"headers", TRAIT_HEADERS},
	    {"metadata", TRAIT_METADATA}, {"tags", TRAIT_TAGS},
	    {"tier", TRAIT_TIER}, {0}};

	return take_words(text, words, &r->opts.traits, err);
}

static int
take_window(struct replica_settings *r, char *text, struct err *err)
{
	r->has_window = true;
	return day_window_parse(&r->window, text, err);
}

static int
take_texts(
    struct replica_settings *r, const struct settings *s, struct err *err)
{
	static const struct {
		enum option option;
		int (*take)(struct replica_settings *, char *, struct err *);
	} texts[] = {
	    {OPT_COPY_SIZE, take_sizes},
	    {OPT_COPY_AGE, take_ages},
	    {OPT_COPY_TYPES, take_types},
	    {OPT_COPY_CARRY, take_carry},
	    {OPT_COPY_WINDOW, take_window},
	};
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < sizeof(texts) / sizeof(*texts); i++) {
		enum option o = texts[i].option;
		char *text;

		if (settings_str(s, o) == NULL)
			continue;
		text = xstrdup(settings_str(s, o));
		rc = texts[i].take(r, text, err);
		free(text);
		if (rc != 0)
			err_in(err, "'%s'", options[o].key);
	}
	return rc;
}

static bool
is_set_to(const struct settings *s, enum option o, const char *value)
{
	return strcmp(settings_str(s, o), value) == 0;
}

int
replica_settings_read(
    struct replica_settings *r, const struct settings *s, struct err *err)
{
	*r = (struct replica_settings){
	    .opts =
		{
		    .prefix = settings_str(s, OPT_COPY_PREFIX),
		    .del =
			{
			    .mirror = is_set_to(s, OPT_COPY_DELETE, "mirror"),
			    .most = (uint64_t)settings_int(s, OPT_DELETE_MOST),
			    .percent = (unsigned)settings_int(
				s, OPT_DELETE_PERCENT),
			    .grace_ms = settings_ms(s, OPT_DELETE_GRACE),
			},
		    .verify = is_set_to(s, OPT_COPY_VERIFY, "all") ? VERIFY_ALL
			: is_set_to(s, OPT_COPY_VERIFY, "sample")
			? VERIFY_SAMPLE
			: VERIFY_BY_SERVICE,
		    .history = (unsigned)settings_int(s, OPT_COPY_HISTORY),
		    .take_archived = is_set_to(
			s, OPT_COPY_ARCHIVED, "rehydrate"),
		    .pace =
			{
			    .most = (unsigned)settings_int(s, OPT_COPY_AT_ONCE),
			    .requests_a_second = (uint64_t)settings_int(
				s, OPT_COPY_REQUESTS),
			    .bytes_a_second = settings_size(s, OPT_COPY_BYTES),
			},
		    .blocks_in_flight = (unsigned)settings_int(
			s, OPT_IN_FLIGHT),
		    .copy_timeout_ms = settings_ms(s, OPT_COPY_TIMEOUT),
		    .abort_late = is_set_to(s, OPT_COPY_LATE, "abort"),
		},
	    .create = is_set_to(s, OPT_COPY_CREATE, "yes"),
	};
	r->filter.include = take_list(r, s, OPT_COPY_INCLUDE, LIST_INCLUDE);
	r->filter.exclude = take_list(r, s, OPT_COPY_EXCLUDE, LIST_EXCLUDE);
	r->filter.tags = take_list(r, s, OPT_COPY_TAGS, LIST_TAGS_WANTED);
	r->opts.filter = &r->filter;
	if (take_texts(r, s, err) != 0)
		return -1;
	return replica_filter_check(&r->filter, err);
}

void
replica_settings_release(struct replica_settings *r)
{
	for (size_t i = 0; i < sizeof(r->lists) / sizeof(*r->lists); i++)
		free_list(r->lists[i]);
	*r = (struct replica_settings){0};
}
