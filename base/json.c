#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/xalloc.h"

#include "base/json.h"

#define DEPTH_MAX 64

/* Beyond it a double does not hold every integer. */
#define EXACT_MAX ((int64_t)1 << 53)

/* From here on cJSON (1.7.15) prints 15 digits and takes them for all. */
#define PRINTED_MAX INT64_C(1000000000000000)

static int
fail_at(const char *text, const char *at, const char *what, struct err *err)
{
	size_t line = 1, column = 1;

	for (const char *p = text; p < at; p++) {
		column++;
		if (*p == '\n') {
			line++;
			column = 1;
		}
	}
	return err_set(
	    err, ERR_CORRUPT, "line %zu, column %zu: %s", line, column, what);
}

/* Behind the string whose opening quote is at p, or NULL. */
static const char *
string_end(const char *text, const char *p, struct err *err)
{
	const char *start = p;

	for (p++; *p != '\0' && *p != '"'; p++) {
		if (*p != '\\')
			continue;
		/* cJSON would end the string there without a word. */
		if (strncmp(p, "\\u0000", 6) == 0) {
			fail_at(text, p, "\\u0000 is not allowed", err);
			return NULL;
		}
		if (p[1] != '\0')
			p++;
	}
	if (*p == '"')
		return p + 1;
	fail_at(text, start, "this string has no end", err);
	return NULL;
}

/* Blanks the comment at p and returns its end, or NULL. */
static char *
blank_comment(const char *text, char *p, struct err *err)
{
	char *end;

	if (p[1] == '/') {
		end = p + strcspn(p, "\n");
	} else {
		end = strstr(p + 2, "*/");
		if (end == NULL) {
			fail_at(text, p, "this comment has no end", err);
			return NULL;
		}
		end += 2;
	}
	for (; p < end; p++)
		if (*p != '\n')
			*p = ' ';
	return end;
}

/* One pass before cJSON, which recurses, sees it. */
static int
prepare(char *text, bool comments, struct err *err)
{
	int depth = 0;
	char *p = text;

	while (*p != '\0') {
		if (*p == '"') {
			const char *end = string_end(text, p, err);

			if (end == NULL)
				return -1;
			p = text + (end - text);
			continue;
		}
		if (comments && *p == '/' && (p[1] == '/' || p[1] == '*')) {
			p = blank_comment(text, p, err);
			if (p == NULL)
				return -1;
			continue;
		}
		if ((*p == '{' || *p == '[') && ++depth > DEPTH_MAX)
			return fail_at(text, p, "nested too deep", err);
		if (*p == '}' || *p == ']')
			depth--;
		p++;
	}
	return 0;
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int
check_names(const cJSON *object, struct err *err)
{
	size_t n = (size_t)cJSON_GetArraySize(object), i = 0;
	const char **names = xcalloc(n + 1, sizeof(*names));
	const cJSON *item;
	int rc = 0;

	cJSON_ArrayForEach(item, object) names[i++] = item->string;
	/* Sorted, so that a big object does not take the square of its size. */
	qsort(names, n, sizeof(*names), compare_names);
	for (i = 1; i < n && rc == 0; i++)
		if (strcmp(names[i - 1], names[i]) == 0)
			rc = err_set(
			    err, ERR_CORRUPT, "'%s' is there twice", names[i]);
	free(names);
	return rc;
}

/* Recursion, within the depth that prepare() let pass. */
static int
check_duplicates(const cJSON *value, struct err *err)
{
	const cJSON *item;

	if (cJSON_IsObject(value) && check_names(value, err) != 0)
		return -1;
	cJSON_ArrayForEach(item, value)
	{
		if (check_duplicates(item, err) != 0)
			return -1;
	}
	return 0;
}

cJSON *
json_parse(
    const char *text, size_t len, size_t max, bool comments, struct err *err)
{
	const char *end = NULL;
	char *copy = NULL;
	cJSON *root = NULL;

	if (len > max) {
		err_set(err, ERR_CORRUPT, "over %zu bytes", max);
		return NULL;
	}
	copy = xmalloc(len + 1);
	memcpy(copy, text, len);
	copy[len] = '\0';
	if (strlen(copy) != len) {
		fail_at(copy, copy + strlen(copy), "a zero byte", err);
		goto out;
	}
	if (prepare(copy, comments, err) != 0)
		goto out;
	root = cJSON_ParseWithLengthOpts(copy, len + 1, &end, true);
	if (root == NULL) {
		fail_at(copy, end != NULL ? end : copy, "not JSON", err);
		goto out;
	}
	if (check_duplicates(root, err) != 0) {
		cJSON_Delete(root);
		root = NULL;
	}
out:
	/* What services answer may be keys. */
	explicit_bzero(copy, len);
	free(copy);
	return root;
}

/* The member, NULL when missing or null. */
static const cJSON *
member(const cJSON *object, const char *key)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);

	return cJSON_IsNull(item) ? NULL : item;
}

static int
missing(const char *key, struct err *err)
{
	return err_set(err, ERR_CORRUPT, "'%s' is missing", key);
}

static int
wrong(const char *key, const char *wanted, struct err *err)
{
	return err_set(err, ERR_CORRUPT, "'%s' is not %s", key, wanted);
}

int
json_opt_str(
    const cJSON *object, const char *key, const char **out, struct err *err)
{
	const cJSON *item = member(object, key);

	if (item == NULL)
		return 0;
	if (!cJSON_IsString(item))
		return wrong(key, "a string", err);
	*out = item->valuestring;
	return 0;
}

int
json_opt_int(
    const cJSON *object, const char *key, int64_t *out, struct err *err)
{
	const cJSON *item = member(object, key);
	double v;

	if (item == NULL)
		return 0;
	v = cJSON_IsNumber(item) ? item->valuedouble : NAN;
	if (!(fabs(v) <= (double)EXACT_MAX) || v != trunc(v))
		return wrong(key, "an integer within 2^53", err);
	*out = (int64_t)v;
	return 0;
}

int
json_opt_bool(const cJSON *object, const char *key, bool *out, struct err *err)
{
	const cJSON *item = member(object, key);

	if (item == NULL)
		return 0;
	if (!cJSON_IsBool(item))
		return wrong(key, "true or false", err);
	*out = cJSON_IsTrue(item);
	return 0;
}

int
json_get_str(
    const cJSON *object, const char *key, const char **out, struct err *err)
{
	if (member(object, key) == NULL)
		return missing(key, err);
	return json_opt_str(object, key, out, err);
}

int
json_get_int(
    const cJSON *object, const char *key, int64_t *out, struct err *err)
{
	if (member(object, key) == NULL)
		return missing(key, err);
	return json_opt_int(object, key, out, err);
}

int
json_get_bool(const cJSON *object, const char *key, bool *out, struct err *err)
{
	if (member(object, key) == NULL)
		return missing(key, err);
	return json_opt_bool(object, key, out, err);
}

int
json_get_array(
    const cJSON *object, const char *key, const cJSON **out, struct err *err)
{
	const cJSON *item = member(object, key);

	if (item == NULL)
		return missing(key, err);
	if (!cJSON_IsArray(item))
		return wrong(key, "an array", err);
	*out = item;
	return 0;
}

int
json_get_object(
    const cJSON *object, const char *key, const cJSON **out, struct err *err)
{
	const cJSON *item = member(object, key);

	if (item == NULL)
		return missing(key, err);
	if (!cJSON_IsObject(item))
		return wrong(key, "an object", err);
	*out = item;
	return 0;
}

void
json_add_int(cJSON *object, const char *key, int64_t value)
{
	char digits[24];

	assert(value >= -EXACT_MAX && value <= EXACT_MAX);
	if (llabs(value) < PRINTED_MAX) {
		cJSON_AddNumberToObject(object, key, (double)value);
	} else {
		snprintf(digits, sizeof(digits), "%" PRId64, value);
		cJSON_AddRawToObject(object, key, digits);
	}
}

/*
 * cJSON indents with tabs and puts one behind each colon; a string holds none,
 * since there it writes \t.
 */
char *
json_format(const cJSON *value)
{
	char *printed = cJSON_Print(value);
	char *text, *out;
	bool indent = false;

	assert(printed != NULL);
	text = out = xmalloc(2 * strlen(printed) + 2);
	for (const char *p = printed; *p != '\0'; p++) {
		if (*p == '\t') {
			*out++ = ' ';
			if (indent)
				*out++ = ' ';
		} else {
			*out++ = *p;
			indent = *p == '\n';
		}
	}
	*out++ = '\n';
	*out = '\0';
	cJSON_free(printed);
	return text;
}

char *
json_format_line(const cJSON *value)
{
	char *line = cJSON_PrintUnformatted(value);

	assert(line != NULL);
	return line;
}
