#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/url.h"
#include "storage/blob_traits.h"

#include "storage/file_traits.h"

struct header {
	const char *name;
	size_t at;
};

static const struct header headers[] = {
    {"type", offsetof(struct blob_traits, content_type)},
    {"encoding", offsetof(struct blob_traits, content_encoding)},
    {"language", offsetof(struct blob_traits, content_language)},
    {"disposition", offsetof(struct blob_traits, content_disposition)},
    {"cache", offsetof(struct blob_traits, cache_control)},
};

#define HEADERS (sizeof(headers) / sizeof(*headers))

static void
add(struct buf *out, char kind, const char *name, const char *value)
{
	if (out->len > 0)
		buf_addc(out, '&');
	buf_addf(out, "%c.", kind);
	url_encode(out, name, false);
	buf_addc(out, '=');
	url_encode(out, value, false);
}

void
file_traits_format(struct buf *out, const struct blob_traits *t)
{
	for (size_t i = 0; i < HEADERS; i++) {
		const char *value = *(
		    const char *const *)((const char *)t + headers[i].at);

		if (value != NULL && *value != '\0')
			add(out, 'h', headers[i].name, value);
	}
	for (size_t i = 0; i < t->metadata.n; i++)
		add(out, 'm', t->metadata.list[i].name,
		    t->metadata.list[i].value);
	for (size_t i = 0; t->tags_told && i < t->tags.n; i++)
		add(out, 't', t->tags.list[i].name, t->tags.list[i].value);
}

void
file_traits_none(struct blob_traits *t)
{
	*t = (struct blob_traits){
	    .tags_told = true,
	    .sequence_number = -1,
	    .is_current_version = true,
	};
}

static size_t
count(const char *text, const char *kind)
{
	size_t n = 0;

	for (; text != NULL; text = strchr(text, '&')) {
		text += *text == '&';
		n += strncmp(text, kind, strlen(kind)) == 0;
	}
	return n;
}

static void
take_header(
    const char *name, const char *value, struct arena *a, struct blob_traits *t)
{
	for (size_t i = 0; i < HEADERS; i++)
		if (strcmp(name, headers[i].name) == 0)
			*(const char **)((char *)t +
			    headers[i].at) = arena_strdup(a, value);
}

/* "m.NAME=VALUE"; the list has the room that was counted. */
static void
take(char *pair, struct arena *a, struct blob_traits *t)
{
	struct trait_list *l = *pair == 'm' ? &t->metadata : &t->tags;
	char *name = pair;
	const char *kind = strsep(&name, ".");
	char *value = name;
	struct err ignored;

	if (value == NULL || strlen(kind) != 1)
		return;
	strsep(&value, "=");
	if (value == NULL || url_decode(name, &ignored) != 0 ||
	    url_decode(value, &ignored) != 0)
		return;
	if (*kind == 'h')
		take_header(name, value, a, t);
	else if (*kind == 'm' || *kind == 't')
		l->list[l->n++] = (struct trait){
		    arena_strdup(a, name), arena_strdup(a, value)};
}

void
file_traits_parse(char *text, struct arena *a, struct blob_traits *t)
{
	char *pair;

	file_traits_none(t);
	t->metadata.list = arena_alloc(
	    a, count(text, "m.") * sizeof(struct trait));
	t->tags.list = arena_alloc(a, count(text, "t.") * sizeof(struct trait));
	while ((pair = strsep(&text, "&")) != NULL)
		take(pair, a, t);
	t->tag_count = (unsigned)t->tags.n;
	trait_sort(&t->metadata, true);
	trait_sort(&t->tags, false);
}
