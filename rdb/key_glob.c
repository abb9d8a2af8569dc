#include <stdbool.h>
#include <stddef.h>

#include "rdb/key_glob.h"

/*
 * What stands in a class at p: the bytes of the pattern that it takes, and
 * whether c is of it.
 */
static size_t
class_item(const unsigned char *p, size_t left, unsigned char c, bool *match)
{
	unsigned char from = p[0], to = p[0];
	size_t takes = 1;

	if (p[0] == '\\' && left >= 2) {
		from = to = p[1];
		takes = 2;
	} else if (left >= 3 && p[1] == '-') {
		to = p[2];
		takes = 3;
	}
	if (from > to ? c >= to && c <= from : c >= from && c <= to)
		*match = true;
	return takes;
}

/* Behind the '['. */
static size_t
match_class(const unsigned char *p, size_t left, unsigned char c, bool *match)
{
	bool negated = left > 0 && p[0] == '^', in = false;
	size_t at = negated ? 1 : 0;

	while (at < left && p[at] != ']')
		at += class_item(p + at, left - at, c, &in);
	*match = in != negated;
	return at < left ? at + 1 : at;
}

/* One that matches a single byte: how many bytes of the pattern it takes. */
static size_t
match_one(const unsigned char *p, size_t left, unsigned char c, bool *match)
{
	if (p[0] == '[')
		return 1 + match_class(p + 1, left - 1, c, match);
	if (p[0] == '\\' && left >= 2) {
		*match = p[1] == c;
		return 2;
	}
	*match = p[0] == '?' || p[0] == c;
	return 1;
}

/*
 * Only the last '*' need ever take more: what matched before it did so with
 * the fewest bytes, and leaves the most to what follows.
 */
bool
key_glob_match(const char *pattern, size_t pattern_len,
    const unsigned char *name, size_t name_len)
{
	const unsigned char *p = (const unsigned char *)pattern;
	size_t at = 0, i = 0;
	size_t star = 0, taken = 0; /* behind the last '*', and what it took */
	bool any = false, match;

	while (i < name_len) {
		size_t takes = 0;

		if (at < pattern_len && p[at] == '*') {
			any = true;
			star = ++at;
			taken = i;
			continue;
		}
		match = false;
		if (at < pattern_len)
			takes = match_one(
			    p + at, pattern_len - at, name[i], &match);
		if (match) {
			at += takes;
			i++;
		} else if (any) {
			at = star;
			i = ++taken;
		} else {
			return false;
		}
	}
	while (at < pattern_len && p[at] == '*')
		at++;
	return at == pattern_len;
}
