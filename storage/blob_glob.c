/*
 * All ways to match are followed at once, as a set of places in the glob, one
 * character of the name after the other: no way is gone twice, whatever stars
 * there are, where going back to try would take time beyond any bound.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"
#include "base/utf8.h"

#include "storage/blob_glob.h"

/* Whether each place in the glob, or its end, is reached. */
struct places {
	bool at[GLOB_MAX + 1];
};

static size_t
char_bytes(const char *p)
{
	size_t n = utf8_bytes(p);

	return n > 0 ? n : 1;
}

/* Its code point, or, of what is no UTF-8, a number beyond all of them. */
static uint32_t
char_number(const char *p)
{
	const unsigned char *u = (const unsigned char *)p;
	size_t n = utf8_bytes(p);
	uint32_t c;

	if (n <= 1)
		return n == 1 ? u[0] : 0x110000u + u[0];
	c = u[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++)
		c = c << 6 | (u[i] & 0x3fu);
	return c;
}

/* Past the one character that it stands for, escaped or not. */
static const char *
literal(const char *g, uint32_t *c)
{
	if (*g == '\\' && g[1] != '\0')
		g++;
	*c = char_number(g);
	return g + char_bytes(g);
}

static bool
is_inverted(const char *class)
{
	return class[1] == '!' || class[1] == '^';
}

/* Its members end at the ']'; NULL when there is none. */
static const char *
class_end(const char *class)
{
	const char *first = class + (is_inverted(class) ? 2 : 1);
	uint32_t c;

	for (const char *p = first; *p != '\0'; p = literal(p, &c))
		if (*p == ']' && p > first)
			return p;
	return NULL;
}

static bool
class_has(const char *class, const char *end, uint32_t c)
{
	const char *p = class + (is_inverted(class) ? 2 : 1);
	bool found = false;

	while (p < end) {
		uint32_t low, high;

		p = literal(p, &low);
		high = low;
		if (p[0] == '-' && p + 1 < end)
			p = literal(p + 1, &high);
		found |= c >= low && c <= high;
	}
	return found != is_inverted(class) && c != '/';
}

/* What follows in the glob when one character is matched; NULL: it is not. */
static const char *
match_one(const char *g, const char *name)
{
	uint32_t c = char_number(name), wanted;
	const char *end;

	if (*g == '?')
		return c != '/' ? g + 1 : NULL;
	if (*g == '[') {
		end = class_end(g);
		assert(end != NULL);
		return class_has(g, end, c) ? end + 1 : NULL;
	}
	end = literal(g, &wanted);
	return c == wanted ? end : NULL;
}

/* Stands for whole segments, each with its '/'. */
static bool
is_segments(const char *glob, size_t i)
{
	return glob[i + 1] == '*' && glob[i + 2] == '/' &&
	    (i == 0 || glob[i - 1] == '/');
}

/* Where the glob goes on after the star at i, if its run ends here. */
static void
leave_star(const char *glob, size_t i, bool at_segment, struct places *now)
{
	if (!is_segments(glob, i))
		now->at[i + (glob[i + 1] == '*' ? 2 : 1)] = true;
	else if (at_segment)
		now->at[i + 3] = true;
}

/* One character further; false when no place is reached. */
static bool
step(const char *glob, const char *name, bool at_segment, struct places *now,
    struct places *next)
{
	bool any = false;
	size_t i;

	for (i = 0; glob[i] != '\0'; i++) {
		const char *to = glob + i;

		if (!now->at[i])
			continue;
		if (glob[i] != '*') {
			to = match_one(to, name);
		} else {
			leave_star(glob, i, at_segment, now);
			if (glob[i + 1] != '*' && *name == '/')
				to = NULL;
		}
		if (to != NULL) {
			next->at[to - glob] = true;
			any = true;
		}
		now->at[i] = false;
	}
	now->at[i] = false;
	return any;
}

static bool
is_special(char c)
{
	return c == '*' || c == '?' || c == '[' || c == '\\';
}

/* How many bytes both begin with as they stand. */
static size_t
plain_bytes(const char *glob, const char *name)
{
	size_t n = 0;

	while (glob[n] != '\0' && !is_special(glob[n]) && glob[n] == name[n])
		n++;
	return n;
}

bool
glob_match(const char *glob, const char *name)
{
	struct places places[2], *now = &places[0], *next = &places[1];
	size_t len = strlen(glob), plain = plain_bytes(glob, name);
	bool at_segment = plain == 0 || name[plain - 1] == '/';

	assert(len <= GLOB_MAX);
	/* Most names differ from most globs here. */
	if (glob[plain] != '\0' && !is_special(glob[plain]))
		return false;
	memset(now->at, 0, len + 1);
	memset(next->at, 0, len + 1);
	now->at[plain] = true;
	for (name += plain; *name != '\0'; name += char_bytes(name)) {
		struct places *swap = now;

		if (!step(glob, name, at_segment, now, next))
			return false;
		now = next;
		next = swap;
		at_segment = *name == '/';
	}
	for (size_t i = plain; i < len; i++)
		if (now->at[i] && glob[i] == '*')
			leave_star(glob, i, at_segment, now);
	return now->at[len];
}

static bool
is_utf8(const char *p)
{
	size_t n;

	while (*p != '\0') {
		n = utf8_bytes(p);
		if (n == 0)
			return false;
		p += n;
	}
	return true;
}

/* What stands there alone that must not; NULL: nothing. */
static const char *
unfinished(const char *p)
{
	while (*p != '\0') {
		const char *end = p + 1;

		if (*p == '[')
			end = class_end(p);
		if (end == NULL || (*p == '\\' && p[1] == '\0'))
			return p;
		if (*p == '[')
			p = end + 1;
		else
			p += *p == '\\' ? 2 : 1;
	}
	return NULL;
}

int
glob_check(const char *glob, struct err *err)
{
	const char *open;

	if (strlen(glob) > GLOB_MAX)
		return err_set(err, ERR_USAGE,
		    "the pattern '%.32s...' is over %d bytes", glob, GLOB_MAX);
	if (!is_utf8(glob))
		return err_set(
		    err, ERR_USAGE, "the pattern '%s' is not UTF-8", glob);
	open = unfinished(glob);
	if (open == NULL)
		return 0;
	if (*open == '[')
		return err_set(err, ERR_USAGE,
		    "the pattern '%s' has a '[' without its ']'; write '\\[' "
		    "for the character",
		    glob);
	return err_set(err, ERR_USAGE,
	    "the pattern '%s' ends in '\\'; write '\\\\' for the character",
	    glob);
}
