/*
 * URLs as given, and the promise of redact(): a secret put behind whatever
 * text in one of the places where secrets stand is never shown.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/redact.h"
#include "base/url.h"

#define SECRET	"hunter2hunter2"
#define OUT_MAX ((size_t)4 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_parts(const char *text)
{
	struct err err = {0};
	struct url u;

	if (url_parse(&u, text, &err) != 0) {
		if (err.kind != ERR_USAGE || u.scheme != NULL)
			abort();
		return;
	}
	if (u.port < 0 || u.port > 65535 || strchr(u.path, '?') != NULL ||
	    (u.path[0] != '/' && u.path[0] != '\0'))
		abort();
	free(url_query_get(u.query, "sig"));
	url_release(&u);
}

/* What was encoded decodes to itself. */
static void
check_encoding(const char *text)
{
	struct err err = {0};
	struct buf b;
	char *copy;

	buf_init(&b, OUT_MAX);
	url_encode(&b, text, false);
	copy = buf_take(&b);
	if (url_decode(copy, &err) != 0 || strcmp(copy, text) != 0)
		abort();
	free(copy);

	copy = strdup(text);
	if (copy != NULL && url_decode(copy, &err) != 0 &&
	    strcmp(copy, text) != 0)
		abort();
	free(copy);
}

/*
 * What stands before may be anything that does not end in a name, since
 * "xsig" is another one; a NUL ends the text.
 */
static void
check_redaction(const char *before, const char *after)
{
	static const char *const places[] = {" sig=" SECRET "&",
	    "?code=" SECRET, "&access_token=" SECRET " ",
	    ";password=" SECRET "&", " client_secret=" SECRET " ",
	    "\nAuthorization: Bearer " SECRET,
	    "\nX-MS-Copy-Source:https://h/?" SECRET "\n",
	    "\nredis://:" SECRET "@host/0 ", "\nhttps://user:" SECRET "@h/x?y ",
	    "%3Fsig%3D" SECRET "%26", "%253Fs%2569g%253D" SECRET "%2526",
	    " {\"password\": \"" SECRET "\"} ", "&key=" SECRET " "};

	/* It is ours to plant, in a secret's place. */
	if (strstr(before, "hunter") != NULL || strstr(after, "hunter") != NULL)
		return;
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		struct buf text, shown;

		buf_init(&text, OUT_MAX);
		buf_init(&shown, OUT_MAX);
		buf_adds(&text, before);
		buf_adds(&text, places[i]);
		buf_adds(&text, after);
		redact(&shown, text.data);
		if (strstr(shown.data, SECRET) != NULL) {
			fprintf(
			    stderr, "'%s' shows '%s'\n", text.data, shown.data);
			abort();
		}
		buf_release(&text);
		buf_release(&shown);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t half = size / 2;
	char *text = malloc(size + 1);
	char *before = malloc(half + 1), *after = malloc(size - half + 1);

	if (text == NULL || before == NULL || after == NULL)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	memcpy(before, data, half);
	before[half] = '\0';
	memcpy(after, data + half, size - half);
	after[size - half] = '\0';
	check_parts(text);
	check_encoding(text);
	check_redaction(before, after);
	free(text);
	free(before);
	free(after);
	return 0;
}
