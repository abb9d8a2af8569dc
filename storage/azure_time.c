#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/err.h"

#include "storage/azure_time.h"

static const char days[7][4] = {
    "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

static void
break_down(int64_t unix_ms, struct tm *tm)
{
	time_t seconds = (time_t)(unix_ms / 1000);

	if (gmtime_r(&seconds, tm) == NULL)
		*tm = (struct tm){.tm_mday = 1, .tm_year = 70};
}

void
azure_time_format(int64_t unix_ms, char out[AZURE_TIME_MAX])
{
	struct tm tm;
	char rest[AZURE_TIME_MAX / 2];

	break_down(unix_ms, &tm);
	strftime(rest, sizeof(rest), "%Y %H:%M:%S GMT", &tm);
	snprintf(out, AZURE_TIME_MAX, "%s, %02d %s %s", days[tm.tm_wday],
	    tm.tm_mday, months[tm.tm_mon], rest);
}

void
azure_time_iso_format(int64_t unix_ms, char out[AZURE_TIME_MAX])
{
	struct tm tm;

	break_down(unix_ms, &tm);
	strftime(out, AZURE_TIME_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

static bool
in_range(const struct tm *tm)
{
	return tm->tm_year >= 70 && tm->tm_year <= 8099 && tm->tm_mon >= 0 &&
	    tm->tm_mon <= 11 && tm->tm_mday >= 1 && tm->tm_mday <= 31 &&
	    tm->tm_hour >= 0 && tm->tm_hour <= 23 && tm->tm_min >= 0 &&
	    tm->tm_min <= 59 && tm->tm_sec >= 0 && tm->tm_sec <= 60;
}

static int
put_together(struct tm *tm, const char *text, int64_t *unix_ms, struct err *err)
{
	if (!in_range(tm))
		return err_set(err, ERR_CORRUPT, "'%.40s' is no date", text);
	*unix_ms = (int64_t)timegm(tm) * 1000;
	return 0;
}

int
azure_time_parse(const char *text, int64_t *unix_ms, struct err *err)
{
	struct tm tm = {.tm_mon = -1};
	char month[4];
	int end = 0;

	if (sscanf(text, "%*3[A-Za-z], %2d %3[A-Za-z] %4d %2d:%2d:%2d GMT%n",
		&tm.tm_mday, month, &tm.tm_year, &tm.tm_hour, &tm.tm_min,
		&tm.tm_sec, &end) != 6 ||
	    end == 0 || text[end] != '\0')
		return err_set(err, ERR_CORRUPT, "'%.40s' is no date", text);
	for (int i = 0; i < 12; i++)
		if (strcmp(month, months[i]) == 0)
			tm.tm_mon = i;
	tm.tm_year -= 1900;
	return put_together(&tm, text, unix_ms, err);
}

int
azure_time_iso_parse(const char *text, int64_t *unix_ms, struct err *err)
{
	struct tm tm = {0};
	int n = sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d", &tm.tm_year, &tm.tm_mon,
	    &tm.tm_mday, &tm.tm_hour, &tm.tm_min, &tm.tm_sec);

	if (n != 3 && n != 5 && n != 6)
		return err_set(err, ERR_CORRUPT, "'%.40s' is no date", text);
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	return put_together(&tm, text, unix_ms, err);
}
