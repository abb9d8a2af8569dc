#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/json.h"
#include "base/xalloc.h"

#include "agent/cmd/show.h"
#include "agent/cmd/wrap.h"

#define ROW_COLUMN 17

const char *
show_bytes(uint64_t n, char out[32])
{
	static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB"};
	double v = (double)n / 1024;
	int u = 0;

	if (n < 1024) {
		snprintf(out, 32, "%" PRIu64 " bytes", n);
		return out;
	}
	while (v >= 1024 && u < 4) {
		v /= 1024;
		u++;
	}
	snprintf(out, 32, v < 100 ? "%.1f %s" : "%.0f %s", v, units[u]);
	return out;
}

const char *
show_count(uint64_t n, char out[32])
{
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%" PRIu64, n);
	int at = 0;

	for (int i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			out[at++] = ',';
		out[at++] = digits[i];
	}
	out[at] = '\0';
	return out;
}

const char *
show_ms(int64_t ms, char out[32])
{
	if (ms < 1000)
		snprintf(out, 32, "%" PRId64 " ms", ms);
	else if (ms < 60000)
		snprintf(out, 32, "%.1f s", (double)ms / 1000);
	else if (ms < 3600000)
		snprintf(out, 32, "%" PRId64 " m %02" PRId64 " s", ms / 60000,
		    ms / 1000 % 60);
	else
		snprintf(out, 32, "%" PRId64 " h %02" PRId64 " m", ms / 3600000,
		    ms / 60000 % 60);
	return out;
}

const char *
show_time(int64_t ms, char out[32])
{
	time_t t = (time_t)(ms / 1000);
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(out, 32, "%Y-%m-%d %H:%M:%SZ", &tm);
	return out;
}

void
show_row(const char *name, const char *fmt, ...)
{
	va_list ap, again;
	size_t size;
	char *text;

	va_start(ap, fmt);
	va_copy(again, ap);
	size = (size_t)vsnprintf(NULL, 0, fmt, ap) + 1;
	text = xmalloc(size);
	vsnprintf(text, size, fmt, again);
	va_end(again);
	va_end(ap);
	wrap_print(stdout, text, ROW_COLUMN, printf("  %-14s ", name));
	free(text);
}

void
show_json(cJSON *take)
{
	char *text = json_format(take);

	fputs(text, stdout);
	free(text);
	cJSON_Delete(take);
}
