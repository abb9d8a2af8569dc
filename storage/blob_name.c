#include <string.h>

#include "base/err.h"
#include "base/utf8.h"
#include "storage/store.h"

#include "storage/blob_name.h"

#define SEGMENTS_MAX 254 /* Azure's */

/*
 * Where two strings of UTF-8 differ first, they do so in bytes of the same
 * place of two characters.  UTF-16 has those beyond U+FFFF (lead bytes from
 * 0xf0 on) as surrogates, which stand below U+E000 to U+FFFF (0xee and 0xef):
 * ranking those two bytes last is all the difference, and keeps one order for
 * whatever bytes there are.
 */
static unsigned
rank(unsigned char c)
{
	return c == 0xee || c == 0xef ? c + 0x100U : c;
}

int
blob_name_compare(const char *a, const char *b)
{
	const unsigned char *x = (const unsigned char *)a;
	const unsigned char *y = (const unsigned char *)b;

	while (*x == *y && *x != '\0') {
		x++;
		y++;
	}
	return (int)rank(*x) - (int)rank(*y);
}

static const char *
bad_character(const char *name)
{
	for (size_t n; *name != '\0'; name += n) {
		unsigned char c = (unsigned char)*name;

		n = utf8_bytes(name);
		if (n == 0)
			return "is not UTF-8";
		if (c < ' ' || c == 0x7f)
			return "has a control character";
	}
	return NULL;
}

static const char *
bad_segment(const char *name)
{
	unsigned n = 0;

	for (const char *p = name; *p != '\0'; p += strspn(p, "/")) {
		size_t len = strcspn(p, "/");

		if ((len == 1 || len == 2) && strncmp(p, "..", len) == 0)
			return "has a '.' or '..' in its path, which URLs drop";
		if (++n > SEGMENTS_MAX)
			return "has over 254 segments";
		p += len;
	}
	return NULL;
}

int
blob_name_check(const char *name, struct err *err)
{
	const char *why = NULL;

	if (*name == '\0')
		return err_set(err, ERR_USAGE, "a blob's name is not empty");
	if (strlen(name) > BLOB_NAME_MAX)
		why = "is over 1024 bytes";
	if (why == NULL)
		why = bad_character(name);
	if (why == NULL)
		why = bad_segment(name);
	if (why != NULL)
		return err_set(err, ERR_USAGE,
		    "'%.200s' cannot name a blob: it %s", name, why);
	return 0;
}
