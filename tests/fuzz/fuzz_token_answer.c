/*
 * What a token endpoint may answer: a token that is taken can stand in a
 * header and ends after now; words of a refusal show no control character.
 */
#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/credential.h"
#include "base/err.h"
#include "base/http.h"
#include "base/scope.h"
#include "arm/token_answer.h"

#define NOW_MS ((int64_t)1700000000 * 1000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_token(const char *text, size_t len)
{
	struct err err = {0};
	struct token t;

	if (token_answer_parse(text, len, NOW_MS, &t, &err) != 0) {
		if (err.kind != ERR_CORRUPT || t.value.data != NULL)
			abort();
		return;
	}
	if (t.expires_ms <= NOW_MS || t.value.len == 0)
		abort();
	for (size_t i = 0; i < t.value.len; i++)
		if (!isgraph((unsigned char)t.value.data[i]))
			abort();
	secret_release(&t.value);
}

static void
check_refusal(const char *text, size_t len, int status)
{
	struct http_response response = {.status = status};
	struct scope scope = scope_root(NULL);
	struct err err = {0};

	buf_init(&response.body, TOKEN_ANSWER_MAX);
	buf_add(&response.body, text, len);
	if (token_answer_refused(&response, &scope, "someone", &err) != -1 ||
	    (err.kind != ERR_AUTH && err.kind != ERR_TRANSIENT))
		abort();
	for (const char *p = err.text; *p != '\0'; p++)
		if (iscntrl((unsigned char)*p))
			abort();
	http_response_release(&response);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	if (text == NULL)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	check_token(text, size);
	check_refusal(text, size, size % 2 != 0 ? 400 : 503);
	free(text);
	return 0;
}
