#include <stdint.h>
#include <string.h>

#include "agent/job/nearest_name.h"

#define NAME_LEN_MAX 40

/* Levenshtein's distance of short names. */
static size_t
distance(const char *a, const char *b)
{
	size_t row[NAME_LEN_MAX + 1], n = strlen(b);

	if (n > NAME_LEN_MAX || strlen(a) > NAME_LEN_MAX)
		return SIZE_MAX;
	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1] != '\0'; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= n; j++) {
			size_t above = row[j];
			size_t best = diagonal + (a[i - 1] != b[j - 1]);

			if (above + 1 < best)
				best = above + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
			diagonal = above;
		}
	}
	return row[n];
}

const char *
nearest_name(
    const char *name, const char *(*next)(void *arg, size_t i), void *arg)
{
	const char *best = NULL, *candidate;
	size_t least = strlen(name) / 3 + 2;

	for (size_t i = 0; (candidate = next(arg, i)) != NULL; i++) {
		size_t d = distance(name, candidate);

		if (d < least) {
			least = d;
			best = candidate;
		}
	}
	return best;
}
