#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "base/err.h"
#include "base/redact.h"
#include "base/scope.h"

#include "base/log.h"

#define LINE_MAX_BYTES	((size_t)16 << 10)
#define VALUE_MAX_BYTES ((size_t)4 << 10)

/* Written once, by log_setup(), before there are threads. */
static struct {
	enum log_level level;
	bool json;
	int fd;
} setup = {.level = LOG_INFO, .fd = STDERR_FILENO};

static const char *const level_names[] = {
    [LOG_DEBUG] = "debug",
    [LOG_INFO] = "info",
    [LOG_WARN] = "warn",
    [LOG_ERROR] = "error",
};

void
log_setup(enum log_level level, bool json, int fd)
{
	setup.level = level;
	setup.json = json;
	setup.fd = fd;
}

bool
log_on(enum log_level level)
{
	return level >= setup.level;
}

/* "2026-11-21T06:27:49.123Z" */
static void
add_time(struct buf *out)
{
	int64_t ms = clock_system.wall_ms(&clock_system);
	time_t seconds = (time_t)(ms / 1000);
	struct tm tm;

	gmtime_r(&seconds, &tm);
	buf_addf(out, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900,
	    tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
	    (int)(ms % 1000));
}

void
log_begin(struct log_line *l, enum log_level level, const char *event)
{
	*l = (struct log_line){
	    .on = log_on(level),
	};
	buf_init(&l->text, LINE_MAX_BYTES);
	if (!l->on)
		return;
	add_time(&l->text);
	if (setup.json) {
		l->fields = cJSON_CreateObject();
		cJSON_AddStringToObject(l->fields, "time", l->text.data);
		cJSON_AddStringToObject(l->fields, "level", level_names[level]);
		cJSON_AddStringToObject(l->fields, "event", event);
		buf_truncate(&l->text, 0);
	} else {
		buf_addf(&l->text, " %s %s", level_names[level], event);
	}
}

/* The length of the UTF-8 sequence at p, 0 when there is none. */
static size_t
utf8_len(const unsigned char *p)
{
	size_t n = p[0] < 0x80 ? 1
	    : p[0] < 0xc2      ? 0
	    : p[0] < 0xe0      ? 2
	    : p[0] < 0xf0      ? 3
	    : p[0] < 0xf5      ? 4
			       : 0;

	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
	    (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return n;
}

/* What may be printed of value: redacted, valid UTF-8, and not endless. */
static void
add_clean(struct buf *out, const char *value)
{
	struct buf shown;
	const unsigned char *p;
	size_t n;

	buf_init(&shown, 2 * strlen(value) + 64);
	redact(&shown, value);
	p = (const unsigned char *)shown.data;
	for (; *p != '\0' && out->len < VALUE_MAX_BYTES; p += n) {
		n = utf8_len(p);
		if (n > 0)
			buf_add(out, p, n);
		else
			buf_addf(out, "\\x%02x", *p);
		n = n > 0 ? n : 1;
	}
	if (*p != '\0' || shown.overflowed)
		buf_adds(out, "[cut]");
	buf_release(&shown);
}

static void
add_quoted(struct buf *out, const char *value)
{
	buf_addc(out, '"');
	for (const char *p = value; *p != '\0'; p++) {
		if (*p == '"' || *p == '\\')
			buf_addf(out, "\\%c", *p);
		else if (*p == '\n')
			buf_adds(out, "\\n");
		else if ((unsigned char)*p < ' ' || *p == 0x7f)
			buf_addf(out, "\\x%02x", *p);
		else
			buf_addc(out, *p);
	}
	buf_addc(out, '"');
}

static bool
needs_quotes(const char *value)
{
	for (const char *p = value; *p != '\0'; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f ||
		    strchr("\"\\=", *p) != NULL)
			return true;
	return value[0] == '\0';
}

void
log_str(struct log_line *l, const char *key, const char *value)
{
	struct buf clean;

	if (!l->on)
		return;
	buf_init(&clean, 2 * VALUE_MAX_BYTES);
	add_clean(&clean, value);
	if (l->fields != NULL) {
		cJSON_AddStringToObject(l->fields, key, clean.data);
	} else {
		buf_addf(&l->text, " %s=", key);
		if (needs_quotes(clean.data))
			add_quoted(&l->text, clean.data);
		else
			buf_adds(&l->text, clean.data);
	}
	buf_release(&clean);
}

void
log_int(struct log_line *l, const char *key, int64_t value)
{
	char digits[24];

	if (!l->on)
		return;
	snprintf(digits, sizeof(digits), "%" PRId64, value);
	/* Raw, since a double would round what is beyond 2^53. */
	if (l->fields != NULL)
		cJSON_AddRawToObject(l->fields, key, digits);
	else
		buf_addf(&l->text, " %s=%s", key, digits);
}

void
log_err(struct log_line *l, const struct err *err)
{
	log_str(l, "kind", err_kind_name(err->kind));
	if (err->status != 0)
		log_int(l, "status", err->status);
	if (err->code[0] != '\0')
		log_str(l, "code", err->code);
	if (err->request_id[0] != '\0')
		log_str(l, "request_id", err->request_id);
	log_str(l, "error", err->text);
}

void
log_end(struct log_line *l)
{
	char *json = l->fields ? cJSON_PrintUnformatted(l->fields) : NULL;
	const char *text = json != NULL ? json : l->text.data;
	const char *end = l->text.overflowed ? " [cut]\n" : "\n";
	struct iovec parts[2] = {
	    {.iov_base = (void *)text, .iov_len = strlen(text)},
	    {.iov_base = (void *)end, .iov_len = strlen(end)},
	};
	ssize_t n = 0;

	/* At once, so that lines of several threads do not mix.  Where it
	 * fails there is nobody left to tell. */
	if (l->on)
		n = writev(setup.fd, parts, 2);
	(void)n;
	cJSON_free(json);
	cJSON_Delete(l->fields);
	buf_release(&l->text);
}
