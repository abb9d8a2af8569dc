#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/buf.h"
#include "base/credential.h"
#include "base/err.h"
#include "base/http.h"
#include "base/json.h"
#include "base/redact.h"
#include "base/scope.h"

#include "arm/token_answer.h"

/* Nobody issues longer ones; it keeps sums of milliseconds in range. */
#define LIFETIME_MAX_S ((int64_t)366 * 86400)
#define DATE_MAX_S     ((int64_t)1 << 40)

/* Of a service's words, so that the rest of a message is not cut off. */
#define WORDS_MAX 260

/* A whole number, as such or as digits; -1 when it is none. */
static int64_t
number(const cJSON *v, int64_t most)
{
	const char *text = cJSON_IsString(v) ? v->valuestring : "";
	size_t digits = strspn(text, "0123456789");
	double n;

	if (cJSON_IsNumber(v))
		n = v->valuedouble;
	else if (digits > 0 && text[digits] == '\0')
		n = strtod(text, NULL);
	else
		return -1;
	/* Not a number compares false to everything. */
	if (!(n >= 0 && n <= (double)most))
		return -1;
	return (int64_t)n;
}

/* Unix seconds of a date in one of the forms that were seen; else -1. */
static int64_t
date(const char *text)
{
	static const char *const forms[] = {
	    "%Y-%m-%dT%H:%M:%S", "%a, %d %b %Y %H:%M:%S", "%m/%d/%Y %H:%M:%S"};

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct tm tm = {0}, zone = {0};
		const char *rest = strptime(text, forms[i], &tm);
		time_t s;

		if (rest == NULL)
			continue;
		if (*rest == '.')
			rest += 1 + strspn(rest + 1, "0123456789");
		rest += strspn(rest, " ");
		if (strcmp(rest, "GMT") == 0)
			rest += 3;
		else if (*rest != '\0')
			rest = strptime(rest, "%z", &zone);
		if (rest == NULL || *rest != '\0')
			return -1;
		s = timegm(&tm) - zone.tm_gmtoff;
		return s >= 0 && s < DATE_MAX_S ? s : -1;
	}
	return -1;
}

static int
parse_expiry(
    const cJSON *answer, int64_t now_ms, int64_t *expires_ms, struct err *err)
{
	const cJSON *on = cJSON_GetObjectItemCaseSensitive(
	    answer, "expires_on");
	int64_t left_s = number(
	    cJSON_GetObjectItemCaseSensitive(answer, "expires_in"), DATE_MAX_S);
	int64_t on_s = number(on, DATE_MAX_S);

	if (on_s < 0 && cJSON_IsString(on))
		on_s = date(on->valuestring);
	if (left_s < 0 && on_s < 0)
		return err_set(err, ERR_CORRUPT,
		    "the answer does not tell when the token ends");
	if (left_s < 0)
		left_s = on_s - now_ms / 1000;
	if (left_s > LIFETIME_MAX_S)
		left_s = LIFETIME_MAX_S;
	if (left_s <= 0)
		return err_set(err, ERR_CORRUPT,
		    "the token had ended when it came; see that this "
		    "machine's clock is right");
	*expires_ms = now_ms + left_s * 1000;
	return 0;
}

/* Whether a header can carry it, and what reads headers will take it whole. */
static bool
is_token(const char *text)
{
	size_t n = 0;

	while (isgraph((unsigned char)text[n]))
		n++;
	return n > 0 && text[n] == '\0' && n <= SECRET_MAX;
}

int
token_answer_parse(const char *text, size_t len, int64_t now_ms,
    struct token *out, struct err *err)
{
	cJSON *answer = json_parse(text, len, TOKEN_ANSWER_MAX, false, err);
	const char *type = "Bearer";
	cJSON *token;
	int rc = -1;

	*out = (struct token){0};
	if (answer == NULL)
		return err_in(err, "the answer that should hold a token");
	token = cJSON_GetObjectItemCaseSensitive(answer, "access_token");
	if (!cJSON_IsString(token) || !is_token(token->valuestring)) {
		err_set(err, ERR_CORRUPT, "the answer holds no token");
		goto out;
	}
	if (json_opt_str(answer, "token_type", &type, err) != 0)
		goto out;
	if (strcasecmp(type, "Bearer") != 0) {
		err_set(err, ERR_CORRUPT,
		    "the answer holds a token of another kind: '%.40s'", type);
		goto out;
	}
	rc = parse_expiry(answer, now_ms, &out->expires_ms, err);
	if (rc == 0)
		secret_set(&out->value, token->valuestring,
		    strlen(token->valuestring));
out:
	if (cJSON_IsString(token))
		explicit_bzero(token->valuestring, strlen(token->valuestring));
	cJSON_Delete(answer);
	return rc;
}

/* Entra ends its descriptions with ids and the time, which are told apart. */
static size_t
words_len(const char *text)
{
	static const char *const tails[] = {
	    "Trace ID:", "Correlation ID:", "Timestamp:"};
	size_t len = strcspn(text, "\r\n");

	for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
		const char *tail = strstr(text, tails[i]);

		if (tail != NULL && (size_t)(tail - text) < len)
			len = (size_t)(tail - text);
	}
	while (len > 0 && strchr(" .", text[len - 1]) != NULL)
		len--;
	return len < WORDS_MAX ? len : WORDS_MAX;
}

static const char *
string_of(const cJSON *answer, const char *key)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(answer, key);

	return cJSON_IsString(v) && v->valuestring[0] != '\0' ? v->valuestring
							      : NULL;
}

static void
add_words(struct buf *out, const char *before, const char *words)
{
	struct buf cut;

	if (words == NULL)
		return;
	buf_init(&cut, WORDS_MAX);
	buf_add(&cut, words, words_len(words));
	buf_adds(out, before);
	redact(out, cut.data);
	buf_release(&cut);
}

/* Ids are letters, digits and dashes; anything else is not shown as one. */
static void
set_id(char *out, size_t size, const char *id)
{
	if (id == NULL || strlen(id) >= size)
		return;
	for (const char *p = id; *p != '\0'; p++)
		if (!isalnum((unsigned char)*p) && strchr("-_.", *p) == NULL)
			return;
	strcpy(out, id);
}

int
token_answer_refused(const struct http_response *response,
    const struct scope *scope, const char *who, struct err *err)
{
	struct err none = {0};
	cJSON *answer = json_parse(response->body.data, response->body.len,
	    TOKEN_ANSWER_MAX, false, &none);
	const char *error = string_of(answer, "error");
	const char *words = string_of(answer, "error_description");
	struct buf text;

	http_status_err(response, scope, err, "%s", who);
	set_id(err->code, sizeof(err->code), error);
	set_id(err->request_id, sizeof(err->request_id),
	    string_of(answer, "correlation_id"));
	if (words == NULL)
		words = string_of(answer, "message");

	buf_init(&text, 4 * sizeof(err->text));
	buf_addf(&text, "no token for %.160s: the service answered %d", who,
	    response->status);
	add_words(&text, " ", error);
	add_words(&text, ": ", words);
	if (err->request_id[0] != '\0')
		buf_addf(&text, " (correlation id %s)", err->request_id);
	if (err->kind != ERR_TRANSIENT &&
	    (error == NULL || strcmp(error, "temporarily_unavailable") != 0))
		err->kind = ERR_AUTH;
	else
		err->kind = ERR_TRANSIENT;
	err_set(err, err->kind, "%s", text.data);
	buf_release(&text);
	cJSON_Delete(answer);
	return -1;
}
