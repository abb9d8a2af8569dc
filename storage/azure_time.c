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

/* Days by the rules of the calendar, years beginning in March; timegm() takes
 * locks and reads the time zone. */
static int64_t
unix_seconds(const struct tm *tm)
{
	int64_t year = tm->tm_year + 1900 - (tm->tm_mon < 2);
	int64_t month = (tm->tm_mon + 10) % 12;
	int64_t day = 365 * year + year / 4 - year / 100 + year / 400 +
	    (153 * month + 2) / 5 + tm->tm_mday - 719469;

	return ((day * 24 + tm->tm_hour) * 60 + tm->tm_min) * 60 + tm->tm_sec;
}

static int
put_together(struct tm *tm, const char *text, int64_t *unix_ms, struct err *err)
{
	if (!in_range(tm))
		return err_set(err, ERR_CORRUPT, "'%.40s' is no date", text);
	*unix_ms = unix_seconds(tm) * 1000;
	return 0;
}

/* Of that many digits, or -1. */
static int
digits(const char *p, int n)
{
	int v = 0;

	for (; n > 0; n--, p++) {
		if (*p < '0' || *p > '9')
			return -1;
		v = 10 * v + (*p - '0');
	}
	return v;
}

static int
month_of(const char *p)
{
	for (int i = 0; i < 12; i++)
		if (memcmp(p, months[i], 3) == 0)
			return i;
	return -1;
}

/* One form, always of one length: a listing has two for each blob, over which
 * sscanf() and timegm() took longer than over the rest of it. */
int
azure_time_parse(const char *text, int64_t *unix_ms, struct err *err)
{
	static const char form[] = "___, 00 ___ 0000 00:00:00 GMT";
	struct tm tm;

	if (strlen(text) != sizeof(form) - 1)
		return err_set(err, ERR_CORRUPT, "'%.40s' is no date", text);
	for (size_t i = 0; i < sizeof(form) - 1; i++)
		if (form[i] != '_' && form[i] != '0' && form[i] != text[i])
			return err_set(
			    err, ERR_CORRUPT, "'%.40s' is no date", text);
	tm = (struct tm){
	    .tm_mday = digits(text + 5, 2),
	    .tm_mon = month_of(text + 8),
	    .tm_year = digits(text + 12, 4) - 1900,
	    .tm_hour = digits(text + 17, 2),
	    .tm_min = digits(text + 20, 2),
	    .tm_sec = digits(text + 23, 2),
	};
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
