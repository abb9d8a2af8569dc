/* What Resource Manager answers: errors, states, descriptions; and what the
 * journal has of an operation. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "arm/arm_client.h"
#include "arm/arm_error.h"
#include "arm/arm_host.h"
#include "arm/operation_note.h"
#include "arm/operation_status.h"
#include "arm/redis_resource_private.h"
#include "base/err.h"
#include "base/http.h"
#include "base/json.h"
#include "base/scope.h"

#define OWN "/subscriptions/s/databases/default"

static void
read_error(const uint8_t *data, size_t size)
{
	struct scope scope = scope_root(NULL);
	struct http_response response = {.status = 409};
	struct err err = {0};

	buf_init(&response.body, size);
	buf_add(&response.body, data, size);
	arm_error(&response, &scope, "importing", &err);
	buf_release(&response.body);
}

static void
read_document(const char *text, size_t size)
{
	struct redis_description d = {0};
	struct err err = {0};
	cJSON *root = json_parse(text, size, 65536, false, &err);
	struct arm_answer answer = {.status = 202, .body = root};

	if (root == NULL)
		return;
	operation_status_of(&answer, "importing", &err);
	redis_enterprise_read(&d, root, root, OWN);
	redis_description_release(&d);
	redis_premium_read(&d, root);
	redis_premium_read_links(&d, root);
	redis_description_release(&d);
	cJSON_Delete(root);
}

static void
read_text(const char *text)
{
	struct operation_note note;
	struct resource_id id;
	struct arm_host host;
	struct err err = {0};
	char *again;

	if (operation_note_parse(&note, text, &err) == 0) {
		again = operation_note_format(&note);
		free(again);
		operation_note_release(&note);
	}
	resource_id_parse(&id, text, &err);
	if (arm_host_init(&host, "https://management.azure.com", &err) == 0) {
		arm_host_trusts(&host, text);
		arm_host_release(&host);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	if (text == NULL)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	read_error(data, size);
	read_document(text, size);
	read_text(text);
	free(text);
	return 0;
}
