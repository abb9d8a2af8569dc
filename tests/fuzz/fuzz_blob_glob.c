/*
 * A glob, a NUL, and a name: no crash, and, of short ones, the same answer as
 * a matcher that tries everything.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "storage/blob_glob.h"
#include "tests/fuzz/plain_glob.h"

#define SHORT_BYTES 12

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char text[2 * GLOB_MAX + 4] = "";
	const char *name;
	struct err err;
	bool matches;

	if (len > sizeof(text) - 2)
		return 0;
	memcpy(text, data, len);
	name = text + strlen(text) + 1;
	if (glob_check(text, &err) != 0)
		return 0;
	matches = glob_match(text, name);
	if (strlen(text) > SHORT_BYTES || strlen(name) > SHORT_BYTES)
		return 0;
	if (matches != plain_glob(text, name)) {
		fprintf(stderr, "'%s' '%s'\n", text, name);
		abort();
	}
	return 0;
}
