/*
 * plain_glob.h -- storage/blob_glob.h said again, in the plainest way.
 *
 * Tries everything, so it is for short texts alone.  The glob is checked.
 */
#ifndef TESTS_FUZZ_PLAIN_GLOB_H
#define TESTS_FUZZ_PLAIN_GLOB_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/utf8.h"

/* The character that p goes on with, and past it. */
static inline const char *
plain_next(const char *p, uint32_t *c)
{
	size_t n = utf8_bytes(p);
	const unsigned char *u = (const unsigned char *)p;

	if (n == 0)
		*c = 0x80000000u | u[0];
	else if (n == 1)
		*c = u[0];
	else if (n == 2)
		*c = (u[0] & 31u) << 6 | (u[1] & 63u);
	else if (n == 3)
		*c = (u[0] & 15u) << 12 | (u[1] & 63u) << 6 | (u[2] & 63u);
	else
		*c = (u[0] & 7u) << 18 | (u[1] & 63u) << 12 |
		    (u[2] & 63u) << 6 | (u[3] & 63u);
	return p + (n == 0 ? 1 : n);
}

static inline const char *
plain_member(const char *p, uint32_t *c)
{
	return plain_next(*p == '\\' ? p + 1 : p, c);
}

/* p is past the '['.  What follows the ']'. */
static inline const char *
plain_class(const char *p, uint32_t c, bool *has)
{
	bool inverted = *p == '!' || *p == '^', first = true, in = false;

	if (inverted)
		p++;
	while (first || *p != ']') {
		uint32_t low, high;

		p = plain_member(p, &low);
		high = low;
		if (*p == '-' && p[1] != ']')
			p = plain_member(p + 1, &high);
		if (low <= c && c <= high)
			in = true;
		first = false;
	}
	*has = c != '/' && (inverted ? !in : in);
	return p + 1;
}

static inline bool
plain_glob_at(const char *all, const char *g, const char *name)
{
	uint32_t c, wanted;
	const char *rest;
	bool has;

	if (*g == '\0')
		return *name == '\0';
	if (strncmp(g, "**/", 3) == 0 && (g == all || g[-1] == '/')) {
		if (plain_glob_at(all, g + 3, name))
			return true;
		while ((name = strchr(name, '/')) != NULL)
			if (plain_glob_at(all, g + 3, ++name))
				return true;
		return false;
	}
	if (*g == '*') {
		bool any = g[1] == '*';

		for (;; name = plain_next(name, &c)) {
			if (plain_glob_at(all, g + 1 + any, name))
				return true;
			if (*name == '\0' || (*name == '/' && !any))
				return false;
		}
	}
	if (*name == '\0')
		return false;
	rest = plain_next(name, &c);
	if (*g == '?')
		return c != '/' && plain_glob_at(all, g + 1, rest);
	if (*g == '[') {
		g = plain_class(g + 1, c, &has);
		return has && plain_glob_at(all, g, rest);
	}
	g = plain_member(g, &wanted);
	return c == wanted && plain_glob_at(all, g, rest);
}

static inline bool
plain_glob(const char *glob, const char *name)
{
	return plain_glob_at(glob, glob, name);
}

#endif
