/*
 * What the journal may hold of an operation: what is read is written as it
 * was, so that no import is forgotten by being noted once more.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "arm/operation_note.h"
#include "base/err.h"

/* Written, a byte may be six: more than this may be too long then. */
#define WRITTEN_MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *
read_and_write(const char *text)
{
	struct operation_note n;
	struct err err = {0};
	char *written;

	if (operation_note_parse(&n, text, &err) != 0) {
		if (err.kind == ERR_NONE || err.text[0] == '\0')
			abort();
		return NULL;
	}
	if (n.text == NULL || (n.ended && n.end.outcome == OPERATION_UNKNOWN) ||
	    (!n.ended && n.end.why.kind != ERR_NONE))
		abort();
	written = operation_note_format(&n);
	operation_note_release(&n);
	return written;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *first, *second = NULL;

	if (text == NULL)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	first = read_and_write(text);
	if (first != NULL && size < WRITTEN_MAX) {
		second = read_and_write(first);
		if (second == NULL || strcmp(first, second) != 0)
			abort();
	}
	free(first);
	free(second);
	free(text);
	return 0;
}
