/* What is taken for a manifest is written so that it reads the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/snapshot/manifest.h"
#include "base/err.h"
#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *
print(const struct manifest *m)
{
	cJSON *doc = manifest_format(m);
	char *text = json_format(doc);

	cJSON_Delete(doc);
	return text;
}

static void
check(const struct manifest *m)
{
	struct err err = {0};

	if (!snapshot_id_valid(m->id) || job_name_check(m->job, &err) != 0 ||
	    m->nparts == 0 || m->nparts > MANIFEST_PARTS_MAX ||
	    m->ndbs > MANIFEST_DBS_MAX ||
	    m->verified != (m->fingerprint != NULL))
		abort();
	for (size_t i = 0; i < m->nparts; i++)
		if (strchr(m->parts[i].name, '/') != NULL ||
		    strstr(m->parts[i].name, "..") != NULL)
			abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err err = {0};
	struct manifest *m, *again;
	char *first, *second, *third;

	m = manifest_parse((const char *)data, size, &err);
	if (m == NULL) {
		if ((err.kind != ERR_CORRUPT && err.kind != ERR_UNSUPPORTED) ||
		    err.text[0] == '\0')
			abort();
		return 0;
	}
	check(m);
	first = print(m);
	manifest_free(m);
	again = manifest_parse(first, strlen(first), &err);
	if (again == NULL)
		abort();
	second = print(again);
	manifest_free(again);
	/* Numbers in fields that are not known may lose digits once. */
	again = manifest_parse(second, strlen(second), &err);
	if (again == NULL)
		abort();
	third = print(again);
	manifest_free(again);
	if (strcmp(second, third) != 0)
		abort();
	free(first);
	free(second);
	free(third);
	return 0;
}
