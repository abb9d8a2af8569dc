#include <stdbool.h>
#include <stdio.h>

#include "base/err.h"

#include "agent/job/day_window.h"

#define MINUTE_MS INT64_C(60000)
#define DAY_MIN	  1440
#define DAY_MS	  (DAY_MIN * MINUTE_MS)

/* Two digits each. */
static bool
take_time(const char **p, int *minutes)
{
	int h, m, used = 0;

	if (sscanf(*p, "%2d:%2d%n", &h, &m, &used) != 2 || used != 5 || h < 0 ||
	    h > 23 || m < 0 || m > 59)
		return false;
	*minutes = 60 * h + m;
	*p += used;
	return true;
}

int
day_window_parse(struct day_window *w, const char *text, struct err *err)
{
	const char *p = text;

	if (!take_time(&p, &w->from) || *p++ != '-' || !take_time(&p, &w->to) ||
	    *p != '\0' || w->from == w->to)
		return err_set(err, ERR_USAGE,
		    "'%.40s' is no window of the day, which is written "
		    "22:00-06:00 (UTC)",
		    text);
	return 0;
}

int64_t
day_window_left_ms(const struct day_window *w, int64_t now_ms)
{
	int64_t from = w->from * MINUTE_MS;
	int64_t length = (w->to - w->from + DAY_MIN) % DAY_MIN * MINUTE_MS;
	int64_t since = (now_ms % DAY_MS - from + DAY_MS) % DAY_MS;

	return since < length ? length - since : 0;
}
