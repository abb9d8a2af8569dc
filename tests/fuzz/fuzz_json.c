/* What is read prints to something that reads the same. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"

#define TEXT_MAX ((size_t)1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err err = {0};
	char *line, *again;
	cJSON *json;

	json = json_parse((const char *)data, size, TEXT_MAX, true, &err);
	if (json == NULL) {
		if (err.kind != ERR_CORRUPT || err.text[0] == '\0')
			abort();
		return 0;
	}
	line = json_format_line(json);
	free(json_format(json));
	cJSON_Delete(json);

	json = json_parse(line, strlen(line), SIZE_MAX, false, &err);
	if (json == NULL)
		abort();
	again = json_format_line(json);
	if (strcmp(line, again) != 0)
		abort();
	free(line);
	free(again);
	cJSON_Delete(json);
	return 0;
}
